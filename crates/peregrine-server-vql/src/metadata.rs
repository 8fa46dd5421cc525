//! What the functions about metadata of clients and of the server share.

use peregrine_base::ids::SERVER;
use peregrine_engine::prelude::*;
use peregrine_services::clients::{self, MetadataChange};
use peregrine_store::ClientId;

use crate::Live;

/// The metadata as a dict.
pub(crate) fn read(scope: &Scope, client_id: &ClientId) -> VqlResult<Dict> {
    let live = Live::of(scope)?;
    scope.check_access(match client_id.as_str() {
        SERVER => Permission::ServerAdmin,
        _ => Permission::ReadResults,
    })?;
    let metadata = live.wait(clients::metadata(&live.core, &live.principal, client_id))?;
    Ok(Dict::from_pairs(metadata))
}

/// Stores the changes.
pub(crate) fn write(scope: &Scope, client_id: &ClientId, changes: &[MetadataChange]) -> VqlResult<()> {
    let live = Live::of(scope)?;
    scope.check_access(match client_id.as_str() {
        SERVER => Permission::ServerAdmin,
        _ => Permission::CollectClient,
    })?;
    live.wait(clients::change_metadata(
        &live.core,
        &live.principal,
        client_id,
        changes,
    ))
}

/// Changes from a dict and from arguments that are names themselves. `client_id` and `metadata` are never names: they would
/// be mistaken for the arguments.
pub(crate) fn changes(scope: &Scope, dict: Option<Dict>, rest: &[(Str, Lazy)]) -> Vec<MetadataChange> {
    let entries = dict.map(|dict| dict.entries()).unwrap_or_default();
    let rest = rest
        .iter()
        .map(|(name, value)| (name.clone(), value.force(scope)));
    entries
        .into_iter()
        .chain(rest)
        .filter(|(name, _)| *name != "client_id" && *name != "metadata")
        .map(|(name, value)| (name.to_string(), text(scope, value)))
        .collect()
}

/// The changes that make `new` of `old`. Names that are the same in both are left out, so that others may change them
/// meanwhile.
pub(crate) fn difference(scope: &Scope, old: &Dict, new: &Dict) -> Vec<MetadataChange> {
    let removed = old.keys().into_iter().filter(|name| new.get(name).is_none());
    let removed = removed.map(|name| (name.to_string(), None));
    let changed = new.entries().into_iter().filter_map(|(name, value)| {
        let value = text(scope, value);
        let known = old.get(&name).and_then(|known| text(scope, known));
        (value != known).then(|| (name.to_string(), value))
    });
    removed.chain(changed).collect()
}

/// The text to store; `None` for NULL.
fn text(scope: &Scope, value: Value) -> Option<String> {
    let value = value.reduce(scope);
    (!value.is_null()).then(|| value.to_text(scope).to_string())
}
