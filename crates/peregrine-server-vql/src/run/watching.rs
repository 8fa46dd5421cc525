//! Recognises queries that watch events and so never end by themselves.

use peregrine_engine::call::Registry;
use peregrine_vql::ast::visit::{self, Visit};
use peregrine_vql::ast::{Name, Source};

use super::Queries;

impl Queries {
    /// Whether any of these texts names a plugin or an artifact of events as a source. What is named only at run time is not found.
    pub(super) fn watch_events(&self, texts: &[String]) -> bool {
        let context = (self.host.context)().build();
        let mut sources = EventSources {
            registry: context.registry(),
            is_event_artifact: &|name| {
                let artifact = self.core.artifacts.get(name);
                artifact.is_some_and(|artifact| artifact.kind.is_event())
            },
            are_found: false,
        };
        for file in texts.iter().filter_map(|text| peregrine_vql::parse(text).ok()) {
            file.statements
                .iter()
                .for_each(|statement| sources.visit_statement(statement));
        }
        sources.are_found
    }
}

struct EventSources<'a> {
    registry: &'a Registry,
    is_event_artifact: &'a dyn Fn(&str) -> bool,
    are_found: bool,
}

impl<'t> Visit<'t> for EventSources<'_> {
    fn visit_source(&mut self, source: &'t Source) {
        let parts: Vec<&str> = source.path.iter().map(|name: &Name| &*name.text).collect();
        self.are_found |= match parts.as_slice() {
            ["Artifact", name @ ..] => (self.is_event_artifact)(&name.join(".")),
            [name] => self.registry.plugin(name).is_some_and(|plugin| plugin.is_event),
            _ => false,
        };
        visit::visit_source(self, source);
    }
}
