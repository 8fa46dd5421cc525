//! Definitions as messages: complete ones for interfaces, reduced ones for agents.

use crate::error::{Error, Problem};
use crate::kind::Kind;
use crate::model::{
    Artifact, CellVariable, ColumnType, NotebookCell, Origin, Report, Resources, Source, Tool,
};
use crate::parameter::Parameter;
use crate::section::Section;
use peregrine_proto as proto;

impl From<&Artifact> for proto::Artifact {
    fn from(artifact: &Artifact) -> proto::Artifact {
        proto::Artifact {
            name: artifact.name.clone(),
            description: artifact.description.clone(),
            author: artifact.author.clone(),
            reference: artifact.references.clone(),
            r#type: artifact.kind.as_str().to_owned(),
            precondition: text(&artifact.precondition),
            export: text(&artifact.export),
            parameters: artifact
                .parameters
                .iter()
                .map(proto::ArtifactParameter::from)
                .collect(),
            sources: artifact.sources.iter().map(proto::ArtifactSource::from).collect(),
            imports: artifact.imports.clone(),
            column_types: artifact
                .column_types
                .iter()
                .map(proto::ColumnType::from)
                .collect(),
            tools: artifact.tools.iter().map(proto::Tool::from).collect(),
            resources: (artifact.resources != Resources::default()).then(|| (&artifact.resources).into()),
            required_permissions: artifact.required_permissions.clone(),
            implied_permissions: artifact.implied_permissions.clone(),
            impersonate: artifact.impersonate.clone(),
            reports: artifact.reports.iter().map(proto::Report::from).collect(),
            raw: artifact.raw.to_string(),
            aliases: artifact.aliases.clone(),
            built_in: artifact.is_built_in(),
            compiled_in: artifact.origin == Origin::CompiledIn,
            is_alias: artifact.alias_of.is_some(),
            ..proto::Artifact::default()
        }
    }
}

impl TryFrom<&proto::Artifact> for Artifact {
    type Error = Error;

    /// Reads a received definition; it is treated as written by a user.
    fn try_from(message: &proto::Artifact) -> Result<Artifact, Error> {
        let kind = Kind::parse(&message.r#type).ok_or_else(|| {
            Error::invalid(
                &message.name,
                Problem::anywhere(format!("unknown type `{}`", message.r#type)),
            )
        })?;
        Ok(Artifact {
            name: message.name.clone(),
            description: message.description.clone(),
            kind,
            precondition: section(&message.precondition),
            export: section(&message.export),
            parameters: message.parameters.iter().map(Parameter::from).collect(),
            sources: message.sources.iter().map(Source::from).collect(),
            imports: message.imports.clone(),
            required_permissions: message.required_permissions.clone(),
            resources: message
                .resources
                .as_ref()
                .map(Resources::from)
                .unwrap_or_default(),
            column_types: message.column_types.iter().map(ColumnType::from).collect(),
            raw: message.raw.as_str().into(),
            ..Artifact::default()
        })
    }
}

fn text(section: &Option<Section>) -> String {
    section
        .as_ref()
        .map(|section| section.text.clone())
        .unwrap_or_default()
}

fn section(text: &str) -> Option<Section> {
    (!text.trim().is_empty()).then(|| Section::detached(text))
}

impl From<&Parameter> for proto::ArtifactParameter {
    fn from(parameter: &Parameter) -> Self {
        Self {
            name: parameter.name.clone(),
            default: parameter.default.clone(),
            description: parameter.description.clone(),
            r#type: parameter.kind.clone(),
            friendly_name: parameter.friendly_name.clone(),
            choices: parameter.choices.clone(),
            validating_regex: parameter.validating_regex.clone(),
            artifact_type: parameter.artifact_type.clone(),
            sources: parameter.sources,
        }
    }
}

impl From<&proto::ArtifactParameter> for Parameter {
    fn from(message: &proto::ArtifactParameter) -> Self {
        Self {
            name: message.name.clone(),
            default: message.default.clone(),
            description: message.description.clone(),
            kind: message.r#type.clone(),
            friendly_name: message.friendly_name.clone(),
            choices: message.choices.clone(),
            validating_regex: message.validating_regex.clone(),
            artifact_type: message.artifact_type.clone(),
            sources: message.sources,
        }
    }
}

impl From<&Source> for proto::ArtifactSource {
    fn from(source: &Source) -> Self {
        Self {
            name: source.name.clone(),
            description: source.description.clone(),
            precondition: text(&source.precondition),
            query: text(&source.query),
            notebook: source
                .notebook
                .iter()
                .map(proto::NotebookSourceCell::from)
                .collect(),
            ..Self::default()
        }
    }
}

impl From<&proto::ArtifactSource> for Source {
    fn from(message: &proto::ArtifactSource) -> Self {
        let parts = std::iter::once(&message.query).chain(&message.queries);
        let query: Vec<&str> = parts
            .map(String::as_str)
            .filter(|part| !part.trim().is_empty())
            .collect();
        Self {
            name: message.name.clone(),
            description: message.description.clone(),
            precondition: section(&message.precondition),
            query: section(&query.join("\n")),
            notebook: Vec::new(),
        }
    }
}

impl From<&NotebookCell> for proto::NotebookSourceCell {
    fn from(cell: &NotebookCell) -> Self {
        let variable = |variable: &CellVariable| proto::ArtifactEnv {
            key: variable.key.clone(),
            value: variable.value.clone(),
        };
        Self {
            template: cell.template.clone(),
            r#type: cell.kind.clone(),
            env: cell.env.iter().map(variable).collect(),
            name: cell.name.clone(),
            output: cell.output.clone(),
        }
    }
}

impl From<&ColumnType> for proto::ColumnType {
    fn from(column: &ColumnType) -> Self {
        Self {
            name: column.name.clone(),
            r#type: column.kind.clone(),
            description: column.description.clone(),
        }
    }
}

impl From<&proto::ColumnType> for ColumnType {
    fn from(message: &proto::ColumnType) -> Self {
        Self {
            name: message.name.clone(),
            kind: message.r#type.clone(),
            description: message.description.clone(),
        }
    }
}

impl From<&Resources> for proto::Resources {
    fn from(own: &Resources) -> Self {
        Self {
            timeout: own.timeout,
            max_rows: own.max_rows,
            max_upload_bytes: own.max_upload_bytes,
            ops_per_second: own.ops_per_second,
            cpu_limit: own.cpu_limit,
            iops_limit: own.iops_limit,
            max_batch_wait: own.max_batch_wait,
            max_batch_rows: own.max_batch_rows,
            max_batch_rows_buffer: own.max_batch_rows_buffer,
        }
    }
}

impl From<&proto::Resources> for Resources {
    fn from(message: &proto::Resources) -> Self {
        Self {
            timeout: message.timeout,
            max_rows: message.max_rows,
            max_upload_bytes: message.max_upload_bytes,
            ops_per_second: message.ops_per_second,
            cpu_limit: message.cpu_limit,
            iops_limit: message.iops_limit,
            max_batch_wait: message.max_batch_wait,
            max_batch_rows: message.max_batch_rows,
            max_batch_rows_buffer: message.max_batch_rows_buffer,
        }
    }
}

impl From<&Tool> for proto::Tool {
    fn from(tool: &Tool) -> Self {
        Self {
            name: tool.name.clone(),
            url: tool.url.clone(),
            github_project: tool.github_project.clone(),
            github_asset_regex: tool.github_asset_regex.clone(),
            serve_locally: tool.serve_locally,
            expected_hash: tool.expected_hash.clone(),
            version: tool.version.clone(),
            filename: tool.filename.clone(),
            hash: tool.hash.clone(),
            ..Self::default()
        }
    }
}

impl From<&Report> for proto::Report {
    fn from(report: &Report) -> Self {
        Self {
            r#type: report.kind.clone(),
            template: report.template.clone(),
            parameters: report
                .parameters
                .iter()
                .map(proto::ArtifactParameter::from)
                .collect(),
            timeout: report.timeout,
            name: report.name.clone(),
        }
    }
}
