//! `collect_client()`: collects artifacts from a client.

use peregrine_api::flows::CollectRequest;
use peregrine_base::ids::is_root_org;
use peregrine_engine::prelude::*;
use peregrine_services::flows;
use peregrine_store::ClientId;

use crate::args::id;
use crate::requests::{Limits, request};
use crate::{Live, flow_records};

/// Collects artifacts from a client, and returns `flow_id` and `request` as soon as the collection is stored; the client
/// works on it when it is connected. Artifacts of type SERVER are collected on the client `server`, and start at once.
///
/// Parameters are given in `env` for all artifacts, which take what they declare, or in `spec` for each artifact. Values that
/// are not text are encoded as the parameter's type demands: a list of rows as CSV for a table, for example.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id.
    client_id: String,
    /// Add to this collection. Not implemented: the call fails with a message.
    flow_id: Option<String>,
    /// The artifacts, each `Name` or `Name/Source`.
    artifacts: Vec<String>,
    /// Parameters for all of the artifacts.
    env: Option<Dict>,
    /// Parameters for each artifact: a dict of dicts. Among them may be the limits `cpu_limit`, `timeout`,
    /// `max_batch_wait`, `max_batch_rows` and `max_batch_rows_buffer`.
    spec: Option<Dict>,
    #[arg(flatten)]
    limits: Limits,
    /// Do it before other collections of the client.
    #[arg(default = false)]
    urgent: bool,
    /// An organisation's id. There is only the root organisation: others fail with a message.
    org_id: Option<String>,
}

/// The function.
pub struct CollectClient;

impl Function for CollectClient {
    type Args = Args;
    const NAME: &'static str = "collect_client";
    const CATEGORY: Category = Category::Server;
    const VERSION: i64 = 3;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::CollectClient,
        Permission::CollectServer,
        Permission::CollectBasic,
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "parameters for all artifacts",
            "collect_client(client_id='C.00000000000000a3', artifacts='Linux.Sys.Pslist', env=dict(processRegex='ssh', CalculateHash=TRUE)).request.specs[0].parameters.env",
            r#"[{"key":"CalculateHash","value":"Y"},{"key":"processRegex","value":"ssh"}]"#,
        ),
        example(
            "parameters and limits for each artifact",
            "collect_client(client_id='C.00000000000000a3', artifacts='Linux.Search.FileFinder', max_rows=50,\n\
             \x20 spec=dict(`Linux.Search.FileFinder`=dict(SearchFilesGlobTable=(dict(Glob='/etc/*'), dict(Glob='/opt/*')), cpu_limit=20))).request.max_rows",
            "50",
        ),
        fails(
            "an artifact that watches for events",
            "collect_client(client_id='C.00000000000000a3', artifacts='Generic.Client.Stats')",
            "`Generic.Client.Stats` is of type CLIENT_EVENT; only artifacts of type CLIENT can be collected",
        ),
        fails(
            "a misspelt parameter",
            "collect_client(client_id='C.00000000000000a3', artifacts='Linux.Sys.Pslist', spec=dict(`Linux.Sys.Pslist`=dict(ProcessRegex='ssh')))",
            "parameter `ProcessRegex`: artifact `Linux.Sys.Pslist` has no such parameter",
        ),
        fails(
            "no such client",
            "collect_client(client_id='C.0000000000000000', artifacts='Linux.Sys.Pslist')",
            "client `C.0000000000000000` not found",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        // For an artifact that is not basic, the service demands more.
        let client_id: ClientId = id(&args.client_id)?;
        let needed = if client_id.is_server() {
            Permission::CollectServer
        } else {
            Permission::CollectClient
        };
        scope
            .check_access(Permission::CollectBasic)
            .or_else(|_| scope.check_access(needed))?;
        refuse_what_is_not_built(&args)?;
        let env = args.env.unwrap_or_default();
        let spec = args.spec.unwrap_or_default();
        let request = CollectRequest {
            urgent: args.urgent,
            ..request(
                scope,
                &live,
                Self::NAME,
                &args.artifacts,
                (&env, &spec),
                &args.limits,
            )?
        };
        let created = live.queries.create_flow(&live.principal, &client_id, &request);
        let flow_id = live.wait(created)?;
        let flow = live.wait(flows::get(&live.core, &client_id, &flow_id))?;
        Ok(Value::Dict(Dict::from_pairs([
            ("flow_id", Value::from(flow_id.as_str())),
            ("request", flow_records::request(&flow)),
        ])))
    }
}

fn refuse_what_is_not_built(args: &Args) -> VqlResult<()> {
    if let Some(flow_id) = args.flow_id.as_ref().filter(|flow_id| !flow_id.is_empty()) {
        return Err(
            format!("adding to collection `{flow_id}` is not implemented; leave `flow_id` out").into(),
        );
    }
    match args.org_id.as_ref().filter(|org_id| !is_root_org(org_id)) {
        Some(org_id) => Err(format!(
            "collecting in organisation `{org_id}` is not implemented; leave `org_id` out"
        )
        .into()),
        None => Ok(()),
    }
}
