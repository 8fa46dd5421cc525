//! Three artifacts, compiled to what an agent would get.

use peregrine_proto::{
    Artifact, ArtifactParameter, ArtifactSource, ColumnType, VqlCollectorArgs, VqlEnv, VqlRequest,
};
use peregrine_server::{ArtifactService, CompileError, Compiled, Limits, Spec};
use std::sync::Arc;

pub struct TestArtifacts;

fn artifact(name: &str, kind: &str, sources: &[&str]) -> Arc<Artifact> {
    Arc::new(Artifact {
        name: name.into(),
        r#type: kind.into(),
        description: format!("{name} for tests\nwith a second line"),
        sources: sources
            .iter()
            .map(|source| ArtifactSource {
                name: (*source).into(),
                ..Default::default()
            })
            .collect(),
        parameters: vec![ArtifactParameter {
            name: "Count".into(),
            r#type: "int".into(),
            default: "1".into(),
            ..Default::default()
        }],
        column_types: vec![ColumnType {
            name: "When".into(),
            r#type: "timestamp".into(),
            ..Default::default()
        }],
        built_in: true,
        ..Default::default()
    })
}

impl ArtifactService for TestArtifacts {
    fn search(&self, text: &str) -> Vec<Arc<Artifact>> {
        let all = [
            artifact("Generic.Client.Info", "CLIENT", &["BasicInformation"]),
            artifact("Linux.Events.TrackProcesses", "CLIENT_EVENT", &[""]),
            artifact("Test.Rows", "CLIENT", &["All"]),
        ];
        all.into_iter()
            .filter(|each| each.name.to_lowercase().contains(&text.to_lowercase()))
            .collect()
    }

    fn get(&self, name: &str) -> Option<Arc<Artifact>> {
        self.search("").into_iter().find(|artifact| artifact.name == name)
    }

    fn compile(&self, specs: &[Spec], limits: &Limits) -> Result<Compiled, CompileError> {
        let mut requests = Vec::new();
        for spec in specs {
            let artifact = self.get(&spec.artifact).unwrap();
            for (name, value) in &spec.parameters {
                if name != "Count" || value.parse::<i64>().is_err() {
                    return Err(CompileError {
                        artifact: spec.artifact.clone(),
                        parameter: Some(name.clone()),
                        message: format!("parameter `{name}` does not accept `{value}`"),
                    });
                }
            }
            let names = artifact.sources.iter().map(|source| match source.name.as_str() {
                "" => artifact.name.clone(),
                name => format!("{}/{name}", artifact.name),
            });
            requests.push(VqlCollectorArgs {
                query: names
                    .map(|name| VqlRequest {
                        name,
                        vql: "SELECT 1 FROM scope()".into(),
                    })
                    .collect(),
                env: spec
                    .parameters
                    .iter()
                    .map(|(key, value)| VqlEnv {
                        key: key.clone(),
                        value: value.clone(),
                        ..Default::default()
                    })
                    .collect(),
                timeout: limits.timeout,
                ..Default::default()
            });
        }
        Ok(Compiled {
            requests,
            max_rows: limits.max_rows,
            max_upload_bytes: limits.max_upload_bytes,
        })
    }
}
