//! `client_create()`: adds a client that has no agent.

use peregrine_engine::prelude::*;
use peregrine_engine::time;
use peregrine_services::{clients, clock};
use peregrine_store::{ClientFacts, Micros, NewClient};

use crate::args::id;
use crate::records::micros;
use crate::{Live, Stored, records};

/// Adds a client that has no agent, for instance to import what was collected from its machine. Returns it as `clients()` does.
#[derive(VqlArgs)]
pub struct Args {
    /// When it was first seen; by default now.
    first_seen_at: Option<Value>,
    /// When it was last seen; by default now.
    last_seen_at: Option<Value>,
    /// Its labels.
    labels: Option<Vec<String>>,
    /// Its operating system, such as `linux` or `windows`.
    os: Option<String>,
    /// Its host name.
    hostname: Option<String>,
    /// Its id; by default a new one.
    client_id: Option<String>,
    /// Its hardware addresses.
    mac_addresses: Option<Vec<String>>,
}

/// The function.
pub struct ClientCreate;

impl Function for ClientCreate {
    type Args = Args;
    const NAME: &'static str = "client_create";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ServerAdmin];
    const EXAMPLES: &'static [Example] = &[
        example(
            "a machine that was imaged",
            "LET New <= client_create(client_id='C.00000000000000c1', hostname='Imaged', os='windows', labels='case 12', first_seen_at=1600000000)\n\
             SELECT New.client_id AS Id, New.first_seen_at AS First, os_info.system AS OS, labels FROM clients(search='host:imaged')",
            r#"[{"Id":"C.00000000000000c1","First":1600000000,"OS":"windows","labels":["case 12"]}]"#,
        ),
        fails(
            "an id that is in use",
            "client_create(client_id='C.0123456789abcdef')",
            "there is a client `C.0123456789abcdef` already",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::ServerAdmin)?;
        let client_id = match args.client_id.filter(|id| !id.is_empty()) {
            Some(given) => id(&given)?,
            None => live.wait(async { clients::new_id() })?,
        };
        let client = NewClient {
            client_id,
            facts: ClientFacts {
                hostname: args.hostname.clone().unwrap_or_default(),
                fqdn: args.hostname.unwrap_or_default(),
                os: args.os.unwrap_or_default(),
                mac_addresses: args.mac_addresses.unwrap_or_default(),
                ..ClientFacts::default()
            },
            labels: args.labels.unwrap_or_default(),
            first_seen: moment(scope, args.first_seen_at, "first_seen_at")?,
            last_seen: moment(scope, args.last_seen_at, "last_seen_at")?,
        };
        let client = live.wait(clients::create(&live.core, &live.principal, client))?;
        let stored = Stored::of(scope)?;
        let record = records::clients(&stored, &[client])?.pop();
        Ok(record.map_or(Value::Null, Value::Dict))
    }
}

fn moment(scope: &Scope, given: Option<Value>, name: &str) -> VqlResult<Micros> {
    let given = given
        .map(|value| value.reduce(scope))
        .filter(|value| !value.is_null());
    let Some(value) = given else {
        return Ok(clock::now());
    };
    let time = time::to_time(scope, &value)
        .ok_or_else(|| format!("{name} `{}` is not a time", value.to_text(scope)))?;
    Ok(micros(time))
}
