//! `favorites_save()`: keeps a collection to start it again.

use peregrine_api::favorites::Favorite;
use peregrine_engine::prelude::*;
use peregrine_services::users::favorites;

use crate::spec_records::parse;
use crate::{Live, favorite_records};

/// Keeps a collection for the user, who can then start it again, in place of one of the same type and name. Returns it as
/// `favorites_list()` shows it.
#[derive(VqlArgs)]
pub struct Args {
    /// The name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// The artifacts with their parameters, as in `request.specs` of a collection: a list of dicts, or JSON text.
    specs: Value,
    /// The type of the artifacts: `CLIENT`, `CLIENT_EVENT`, `SERVER` or `SERVER_EVENT`.
    #[arg(name = "type")]
    kind: String,
}

/// The function.
pub struct FavoritesSave;

impl Function for FavoritesSave {
    type Args = Args;
    const NAME: &'static str = "favorites_save";
    const CATEGORY: Category = Category::Server;
    const EXAMPLES: &'static [Example] = &[
        example(
            "an artifact with a parameter",
            "favorites_save(name='ssh', type='CLIENT', description='who is signed in',\n\
             \x20 specs=dict(artifact='Linux.Sys.Pslist', parameters=dict(env=dict(key='processRegex', value='sshd')))).spec.parameters.env",
            r#"[[{"key":"processRegex","value":"sshd"}]]"#,
        ),
        fails(
            "no artifact",
            "favorites_save(name='ssh', type='CLIENT', specs='[]')",
            "a favourite needs at least one artifact",
        ),
        fails(
            "an artifact without a name",
            "favorites_save(name='ssh', type='CLIENT', specs=dict(parameters=dict()))",
            "`specs` are not artifacts with their parameters: missing field `artifact`",
        ),
        fails(
            "a type that does not exist",
            "favorites_save(name='ssh', type='HUNT', specs=dict(artifact='Linux.Sys.Pslist'))",
            "the type of a favourite is CLIENT, CLIENT_EVENT, SERVER or SERVER_EVENT, not `HUNT`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        let favorite = Favorite {
            name: args.name,
            description: args.description.unwrap_or_default(),
            spec: parse(scope, "specs", args.specs)?,
            r#type: args.kind,
        };
        let saved = live.wait(favorites::save(&live.core, &live.principal, favorite))?;
        Ok(Value::Dict(favorite_records::show(&saved)))
    }
}
