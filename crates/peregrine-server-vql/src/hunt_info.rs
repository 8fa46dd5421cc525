//! `hunt_info()`: one hunt.

use peregrine_engine::prelude::*;
use peregrine_store::{FlowId, HuntId};

use crate::args::id;
use crate::{Stored, hunt_records};

/// Returns a hunt, in the form of a row of `hunts()`; NULL if there is no such hunt.
#[derive(VqlArgs)]
pub struct Args {
    /// The hunt's id, or that of a collection it started (`F.….H`); by default the variable `HuntId`.
    hunt_id: Option<String>,
}

/// The function.
pub struct HuntInfo;

impl Function for HuntInfo {
    type Args = Args;
    const NAME: &'static str = "hunt_info";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[
        example(
            "of a collection",
            "hunt_info(hunt_id='F.EXAMPLE.H').hunt_id",
            r#""H.EXAMPLE""#,
        ),
        example(
            "of the hunt that the scope is about",
            "LET HuntId <= 'H.EXAMPLE' SELECT hunt_info().artifact_sources AS Sources FROM scope()",
            r#"[{"Sources":["Custom.Numbers"]}]"#,
        ),
        example("no such hunt", "hunt_info(hunt_id='H.NONE')", "null"),
        fails(
            "a collection that no hunt started",
            "hunt_info(hunt_id='F.EXAMPLE')",
            "`F.EXAMPLE` is not the id of a collection that a hunt started",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let stored = Stored::of(scope)?;
        let given = args.hunt_id.filter(|id| !id.is_empty());
        let given = given
            .or_else(|| scope.get_text("HuntId"))
            .ok_or("Field hunt_id is required: no argument, and no variable HuntId")?;
        let found = stored.wait(stored.database.hunt(&hunt_of(&given)?))?;
        Ok(found.map_or(Value::Null, |hunt| Value::Dict(hunt_records::record(&hunt))))
    }
}

fn hunt_of(given: &str) -> VqlResult<HuntId> {
    let Ok(flow_id) = given.parse::<FlowId>() else {
        return id(given);
    };
    flow_id
        .hunt_id()
        .ok_or_else(|| format!("`{given}` is not the id of a collection that a hunt started").into())
}
