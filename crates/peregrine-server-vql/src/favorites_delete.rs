//! `favorites_delete()`: no longer keeps a collection.

use peregrine_engine::prelude::*;
use peregrine_services::users::favorites;

use crate::Live;

/// Deletes one of the collections that the user keeps. Returns its name.
#[derive(VqlArgs)]
pub struct Args {
    /// The name.
    name: String,
    /// The type of the artifacts: `CLIENT`, `CLIENT_EVENT`, `SERVER` or `SERVER_EVENT`.
    #[arg(name = "type")]
    kind: String,
}

/// The function.
pub struct FavoritesDelete;

impl Function for FavoritesDelete {
    type Args = Args;
    const NAME: &'static str = "favorites_delete";
    const CATEGORY: Category = Category::Server;
    const EXAMPLES: &'static [Example] = &[
        example(
            "one that was kept",
            "(favorites_save(name='old', type='CLIENT', specs=dict(artifact='Linux.Sys.Pslist')).name, favorites_delete(name='old', type='CLIENT'))",
            r#"["old","old"]"#,
        ),
        fails(
            "no such favourite",
            "favorites_delete(name='other', type='CLIENT')",
            "favourite `other` not found",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        let deleted = favorites::delete(&live.core, &live.principal, &args.kind, &args.name);
        live.wait(deleted)?;
        Ok(Value::from(args.name))
    }
}
