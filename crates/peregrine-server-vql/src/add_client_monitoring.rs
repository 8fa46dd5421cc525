//! `add_client_monitoring()`: has clients run an event artifact all the time.

use peregrine_engine::prelude::*;
use peregrine_services::monitoring;

use crate::Live;
use crate::monitoring_table::{self, EVERYBODY};
use crate::specs::{artifact_spec, dict_of};

/// Adds an event artifact to the table of client monitoring, or replaces it in its group, and returns the table.
#[derive(VqlArgs)]
pub struct Args {
    /// The artifact.
    artifact: String,
    /// Its parameters, a dict. Values that are not text are encoded as the parameter's type demands. Among them may be the
    /// limits `cpu_limit`, `timeout`, `max_batch_wait`, `max_batch_rows` and `max_batch_rows_buffer`.
    parameters: Option<Value>,
    /// Run it only on clients with this label; by default on all.
    label: Option<String>,
}

/// The function.
pub struct AddClientMonitoring;

impl Function for AddClientMonitoring {
    type Args = Args;
    const NAME: &'static str = "add_client_monitoring";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::CollectClient];
    const EXAMPLES: &'static [Example] = &[
        example(
            "on clients with a label",
            "SELECT label, artifacts.specs AS Specs FROM foreach(\n\
             \x20 row=add_client_monitoring(artifact='Generic.Client.Stats', parameters=dict(Frequency=60), label='added').label_events)\n\
             WHERE label = 'added'",
            r#"[{"label":"added","Specs":[{"artifact":"Generic.Client.Stats","parameters":{"env":[{"key":"Frequency","value":"60"}]}}]}]"#,
        ),
        fails(
            "an artifact that does not exist",
            "add_client_monitoring(artifact='Generic.Client.Stat')",
            "artifact `Generic.Client.Stat` not found; did you mean `Generic.Client.Stats`?",
        ),
        fails(
            "a misspelt parameter",
            "add_client_monitoring(artifact='Generic.Client.Stats', parameters=dict(Period=60))",
            "artifact `Generic.Client.Stats` has no such parameter",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::CollectClient)?;
        let parameters = dict_of(scope, "parameters", args.parameters.unwrap_or_default())?;
        let spec = artifact_spec(scope, &live, &args.artifact, &Dict::new(), &parameters)?;
        let label = args.label.filter(|label| !label.is_empty());
        let label = label.as_deref().unwrap_or(EVERYBODY);
        live.wait(monitoring::put_artifact(
            &live.core,
            &live.principal,
            label,
            &spec,
        ))?;
        monitoring_table::current(&live)
    }
}
