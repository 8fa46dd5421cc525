//! `for()`: an obsolete plugin of the language.

use peregrine_engine::prelude::*;

/// Does nothing: the language lists this plugin, but it never had an effect. Use `foreach()`.
///
/// It exists so that old queries that call it still run, with a message and without rows.
#[derive(VqlArgs)]
#[allow(dead_code, reason = "only the description of the arguments is used")]
pub struct Args {
    /// Name of the variable.
    var: String,
    /// The values it was meant to have.
    foreach: Query,
    /// The query that was meant to run for each.
    query: Option<Query>,
}

pub struct For;

impl Plugin for For {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "for";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[fails(
        "obsolete",
        "for(var='X', foreach={SELECT 1 FROM scope()}, query={SELECT X FROM scope()})",
        "for: this plugin is obsolete and does nothing; use foreach()",
    )];

    fn run(_: &Scope, _: Args, _: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        Err("this plugin is obsolete and does nothing; use foreach()".into())
    }
}
