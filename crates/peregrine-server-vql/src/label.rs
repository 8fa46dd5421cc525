//! `label()`: sets, removes and checks the labels of a client.

use std::collections::BTreeSet;

use peregrine_engine::prelude::*;
use peregrine_services::clients;

use crate::Live;
use crate::args::id;

/// Sets or removes labels of a client, or checks whether it has them. Labels are compared without regard to case.
///
/// Returns the arguments as `ClientId`, `Labels` and `Op` after setting and removing. `op='check'` returns TRUE if the client has all of the labels, and
/// changes nothing.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id.
    client_id: String,
    /// The labels, as a list or as text separated by commas.
    labels: Vec<String>,
    /// `set`, `remove` or `check`.
    #[arg(default = "set")]
    op: String,
}

/// The function.
pub struct Label;

impl Function for Label {
    type Args = Args;
    const NAME: &'static str = "label";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::LabelClient];
    const EXAMPLES: &'static [Example] = &[
        example(
            "set two labels",
            "label(client_id='C.00000000000000a1', labels='prod, Web')",
            r#"{"ClientId":"C.00000000000000a1","Labels":["prod","Web"],"Op":"set"}"#,
        ),
        example(
            "check for them",
            "label(client_id='C.0123456789abcdef', labels='EXAMPLE', op='check')",
            "true",
        ),
        fails(
            "an operation that does not exist",
            "label(client_id='C.00000000000000a1', labels='prod', op='add')",
            "`op` `add` is none of set, remove, check",
        ),
        fails(
            "no such client",
            "label(client_id='C.0000000000000000', labels='prod')",
            "client `C.0000000000000000` not found",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::LabelClient)?;
        let client_id = id(&args.client_id)?;
        let labels = split(&args.labels);
        if labels.is_empty() {
            return Err("`labels` names no label".into());
        }
        let (add, remove): (&[String], &[String]) = match args.op.as_str() {
            "set" => (&labels, &[]),
            "remove" => (&[], &labels),
            "check" => {
                let client = live.wait(clients::get(&live.core, &client_id))?;
                let has: BTreeSet<String> = client.labels.iter().map(|label| label.to_lowercase()).collect();
                let has_all = labels.iter().all(|label| has.contains(&label.to_lowercase()));
                return Ok(Value::Bool(has_all));
            }
            other => return Err(format!("`op` `{other}` is none of set, remove, check").into()),
        };
        live.wait(clients::change_labels(
            &live.core,
            &live.principal,
            &client_id,
            add,
            remove,
        ))?;
        Ok(Value::Dict(Dict::from_pairs([
            ("ClientId", Value::from(args.client_id)),
            ("Labels", Value::from(labels)),
            ("Op", Value::from(args.op)),
        ])))
    }
}

fn split(labels: &[String]) -> Vec<String> {
    let labels = labels.iter().flat_map(|text| text.split(','));
    labels
        .map(|label| label.trim().to_owned())
        .filter(|label| !label.is_empty())
        .collect()
}
