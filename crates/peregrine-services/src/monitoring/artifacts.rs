//! Changing one artifact of the monitoring table, where replacing the whole table would undo what others change meanwhile.

use super::table::{LabelGroup, MonitoringTable, OF_CLIENTS, change};
use crate::users::Principal;
use crate::{Core, Error, Result, launch};
use peregrine_api::flows::ArtifactSpec;
use peregrine_api::monitoring as api;
use peregrine_artifacts::Spec;

/// The group of all clients.
const EVERYBODY: &str = "all";

/// Adds an artifact to the group of a label, or replaces it there. The group `all` is every client.
pub async fn put_artifact(
    core: &Core,
    principal: &Principal,
    label: &str,
    spec: &ArtifactSpec,
) -> Result<api::MonitoringTable> {
    if label.trim().is_empty() {
        return Err(Error::BadRequest("the label of a group must not be empty".into()));
    }
    let specs = launch::specs(std::slice::from_ref(spec));
    change(core, principal, &OF_CLIENTS, |old| {
        let mut table = old.clone();
        put(group_of(&mut table, label), &specs);
        Ok(table)
    })
    .await
}

/// Removes an artifact from the group of a label, and the group with its last artifact.
pub async fn remove_artifact(
    core: &Core,
    principal: &Principal,
    label: &str,
    artifact: &str,
) -> Result<api::MonitoringTable> {
    change(core, principal, &OF_CLIENTS, |old| {
        let mut table = old.clone();
        let is_kept = |spec: &Spec| spec.artifact != artifact;
        if is_same(label, EVERYBODY) {
            table.artifacts.retain(is_kept);
        }
        for group in &mut table.label_events {
            if is_same(&group.label, label) {
                group.artifacts.retain(is_kept);
            }
        }
        if table == *old {
            let what = format!("{artifact}` in the group `{label}");
            return Err(Error::NotFound("event artifact", what));
        }
        table.label_events.retain(|group| !group.artifacts.is_empty());
        Ok(table)
    })
    .await
}

/// Adds artifacts to a group; one that is there already is replaced, parameters included.
pub(super) fn put(group: &mut Vec<Spec>, specs: &[Spec]) {
    for spec in specs {
        match group.iter_mut().find(|known| known.artifact == spec.artifact) {
            Some(known) => known.clone_from(spec),
            None => group.push(spec.clone()),
        }
    }
}

fn group_of<'a>(table: &'a mut MonitoringTable, label: &str) -> &'a mut Vec<Spec> {
    if is_same(label, EVERYBODY) {
        return &mut table.artifacts;
    }
    let groups = &mut table.label_events;
    let known = groups.iter().position(|group| is_same(&group.label, label));
    let at = known.unwrap_or_else(|| {
        groups.push(LabelGroup {
            label: label.trim().to_owned(),
            artifacts: Vec::new(),
        });
        groups.len() - 1
    });
    &mut groups[at].artifacts
}

fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
