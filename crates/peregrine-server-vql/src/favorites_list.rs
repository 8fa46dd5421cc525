//! `favorites_list()`: collections that a user keeps.

use peregrine_engine::prelude::*;
use peregrine_services::users::favorites;

use crate::{Live, favorite_records};

/// Lists the collections that the user keeps to start them again, by type and name.
#[derive(VqlArgs)]
pub struct Args {}

/// The plugin.
pub struct FavoritesList;

impl Plugin for FavoritesList {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "favorites_list";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("name", "The name."),
        shown("description", "What it is for."),
        shown("spec", "The artifacts with their parameters."),
        shown("type", "The type of the artifacts, such as `CLIENT`."),
    ];
    const EXAMPLES: &'static [Example] = &[example(
        "by name",
        "LET Saved <= favorites_save(name='ssh', type='SERVER', specs=dict(artifact='Server.Monitor.Health'))
         SELECT * FROM favorites_list() WHERE type = 'SERVER'",
        r#"[{"name":"ssh","description":"","spec":[{"artifact":"Server.Monitor.Health","parameters":{}}],"type":"SERVER"}]"#,
    )];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let live = Live::of(scope)?;
        scope.check_access(Permission::ReadResults)?;
        live.authorize(Permission::ReadResults)?;
        for favorite in live.wait(favorites::list(&live.core, &live.principal))? {
            rows.push(favorite_records::show(&favorite).to_row())?;
        }
        Ok(())
    }
}
