//! `hunt_update()`: starts, stops and describes a hunt.

use std::collections::BTreeSet;

use peregrine_api::hunts::{HuntAction, HuntChange};
use peregrine_engine::prelude::*;
use peregrine_services::hunts;

use crate::args::id;
use crate::expiry::expiry;
use crate::{Live, hunt_records};

/// Changes a hunt, and returns its id.
///
/// When it is stopped, no further clients join; collections that run go on. When it is started again, clients that have joined
/// before do not join a second time.
#[derive(VqlArgs)]
pub struct Args {
    /// The hunt's id.
    hunt_id: String,
    /// Stop it.
    #[arg(default = false)]
    stop: bool,
    /// Start it.
    #[arg(default = false)]
    start: bool,
    /// The new description.
    description: Option<String>,
    /// When it stops by itself: a time, or how long from now, as in `hunt()`.
    expires: Option<Value>,
    /// Tags to add. They are words to find the hunt by, not labels of clients.
    add_labels: Option<Vec<String>>,
    /// Tags to remove.
    del_labels: Option<Vec<String>>,
}

/// The function.
pub struct HuntUpdate;

impl Function for HuntUpdate {
    type Args = Args;
    const NAME: &'static str = "hunt_update";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::StartHunt];
    const EXAMPLES: &'static [Example] = &[
        example(
            "stop it",
            "hunt_update(hunt_id='H.CHANGED', stop=TRUE)",
            r#""H.CHANGED""#,
        ),
        example(
            "other tags",
            "hunt_info(hunt_id=hunt_update(hunt_id='H.CHANGED', add_labels=('prod', 'db'), del_labels='web')).tags",
            r#"["db","prod"]"#,
        ),
        fails(
            "two opposites",
            "hunt_update(hunt_id='H.CHANGED', start=TRUE, stop=TRUE)",
            "give `start` or `stop`, not both",
        ),
        fails(
            "no such hunt",
            "hunt_update(hunt_id='H.NONE', stop=TRUE)",
            "hunt `H.NONE` not found",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::StartHunt)?;
        live.authorize(Permission::StartHunt)?;
        let hunt_id = id(&args.hunt_id)?;
        let hunt = hunt_records::find_live(&live, &hunt_id)?;
        let action = match (args.start, args.stop) {
            (true, true) => return Err("give `start` or `stop`, not both".into()),
            (true, false) => Some(HuntAction::Start),
            (false, true) => Some(HuntAction::Stop),
            (false, false) => None,
        };
        let (add, remove) = (
            args.add_labels.unwrap_or_default(),
            args.del_labels.unwrap_or_default(),
        );
        let has_tags = !add.is_empty() || !remove.is_empty();
        let change = HuntChange {
            action,
            description: args.description,
            tags: has_tags.then(|| changed(hunt.tags, add, &remove)),
            expires: expiry(scope, args.expires.unwrap_or_default())?,
            client_limit: None,
        };
        if change != HuntChange::default() {
            live.wait(hunts::modify(&live.core, &live.principal, &hunt_id, &change))?;
        }
        Ok(Value::from(hunt_id.as_str()))
    }
}

/// If somebody else changes the tags at the same moment, the later change is what is stored.
fn changed(tags: Vec<String>, add: Vec<String>, remove: &[String]) -> Vec<String> {
    let tags: BTreeSet<String> = tags.into_iter().chain(add).collect();
    tags.into_iter().filter(|tag| !remove.contains(tag)).collect()
}
