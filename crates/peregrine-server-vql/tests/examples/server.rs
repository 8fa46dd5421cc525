//! A running server, on which the examples and the tests act.

use std::sync::Arc;
use std::time::Duration;

use peregrine_artifacts::Repository;
use peregrine_engine::json::write_value;
use peregrine_engine::memory::{Gauge, Limits, Pool};
use peregrine_engine::prelude::*;
use peregrine_engine::{Context, Program, builtin, log::MemoryLog};
use peregrine_server_vql::run::{Queries, QueryHost, QueryLimits};
use peregrine_server_vql::{Live, Stored};
use peregrine_services::users::{Principal, Role, permissions_of};
use peregrine_services::{Core, Settings, Storage, clients, servers};
use peregrine_store::testing::client_id;
use peregrine_store::{Flow, ResultSet, SetKind};
use peregrine_wire::Vault;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::{CLIENT, EPOCH, event, fleet, flow, populate, registry};

/// Clients that the examples of one function change each.
const CHANGED: [&str; 4] = [
    "C.00000000000000a1",
    "C.00000000000000a2",
    "C.00000000000000a3",
    "C.00000000000000a4",
];

pub(crate) struct Server {
    pub(crate) core: Arc<Core>,
    pub(crate) runtime: Runtime,
    registry: Arc<Registry>,
    _folder: TempDir,
}

impl Server {
    /// A server with the data of [`populate`], hunts, further clients, and metadata.
    pub(crate) fn start() -> Server {
        Server::with(registry(), Settings::default())
    }

    /// The same with everything that queries call elsewhere, and with the event queries of a new server.
    pub(crate) fn start_whole() -> Server {
        let registry = peregrine_server_vql::register(builtin::registry());
        let registry = peregrine_plugins::register(peregrine_functions::register(registry));
        let settings = Settings {
            server_monitoring: vec!["Server.Monitor.Health".into()],
            ..Settings::default()
        };
        let server = Server::with(Arc::new(registry), settings);
        server.runtime.block_on(servers::join(&server.core)).unwrap();
        let monitor = peregrine_server_vql::run::monitor(server.queries(), CancellationToken::new());
        server.runtime.spawn(monitor);
        server.runtime.block_on(async {
            let (id, database) = (client_id("server"), &server.core.storage.database);
            let first_row = async {
                let is_health = |set: &ResultSet| {
                    set.kind == SetKind::Events && set.name == "Server.Monitor.Health/Prometheus"
                };
                while !database.event_sets(&id).await.unwrap().iter().any(is_health) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), first_row)
                .await
                .expect("a first row");
        });
        server
    }

    fn with(registry: Arc<Registry>, settings: Settings) -> Server {
        let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
        let core = runtime.block_on(async {
            let storage = Storage::embedded(folder.path()).unwrap();
            populate(&*storage.database, 5).await;
            fleet::populate(&*storage.database).await;
            for client in CHANGED {
                let client = client_id(client);
                storage.database.enrol(&client, "key", EPOCH).await.unwrap();
            }
            // Collections of which the examples cancel one and delete another.
            for flow_id in ["F.RUNNING", "F.KEPT", "F.OLD"] {
                let flow = Flow {
                    client_id: client_id("C.00000000000000a4"),
                    ..flow(flow_id)
                };
                storage.database.create_flow(flow, Vec::new()).await.unwrap();
            }
            // Events of which the examples delete some.
            let days = [(0, "Sunday"), (100, "later")];
            let old = days.map(|(number, day)| {
                event(
                    "Custom.Old",
                    number,
                    SetKind::Events,
                    &format!(r#"{{"Day":"{day}"}}"#),
                )
            });
            let owner = client_id("C.00000000000000a4");
            storage.database.apply(&owner, EPOCH, old.into()).await.unwrap();
            let vault = Vault::new("test", "secret").unwrap();
            let artifacts = Repository::with_compiled_in();
            let core = Core::open(storage, artifacts, None, vault, settings);
            let core = core.await.unwrap();
            let admin = principal(Role::Administrator);
            for (client, name, value) in [
                (&*CLIENT, "owner", "web team"),
                (&client_id("server"), "Site", "Bern"),
            ] {
                let change = [(name.to_owned(), Some(value.to_owned()))];
                let changed = clients::change_metadata(&core, &admin, client, &change);
                changed.await.unwrap();
            }
            core
        });
        Server {
            core: Arc::new(core),
            runtime,
            registry,
            _folder: folder,
        }
    }

    pub(crate) fn stored(&self) -> Arc<Stored> {
        let database = self.core.storage.database.clone();
        Arc::new(Stored::new(database, self.runtime.handle().clone()))
    }

    pub(crate) fn live(&self, role: Role) -> Arc<Live> {
        Arc::new(Live::new(self.queries(), principal(role)))
    }

    pub(crate) fn queries(&self) -> Arc<Queries> {
        let gauge = Gauge {
            thread: || 0,
            process: || 0,
        };
        let memory = Limits {
            query: 1 << 30,
            all: None,
            process: None,
            advice: "",
        };
        let registry = Arc::clone(&self.registry);
        let host = QueryHost {
            context: Box::new(move || Context::builder().registry(registry.clone())),
            memory: Pool::new(gauge, memory),
        };
        let limits = QueryLimits {
            timeout: Duration::from_secs(600),
            rows: 1_000_000,
            per_user: 10,
            all: 100,
        };
        Queries::new(self.core.clone(), host, limits, self.runtime.handle().clone())
    }

    /// What a user with this role gets for an expression, as JSON, and what is logged meanwhile. Access is not restricted
    /// in the query, so only the services refuse.
    pub(crate) fn value(&self, role: Role, expression: &str) -> (String, Vec<String>) {
        self.first(role, &format!("SELECT {expression} AS Value FROM scope()"))
    }

    /// The same for the rows of a plugin.
    pub(crate) fn rows(&self, role: Role, plugin: &str) -> (String, Vec<String>) {
        self.query(role, &format!("SELECT * FROM {plugin}"))
    }

    /// The same for a query.
    pub(crate) fn query(&self, role: Role, query: &str) -> (String, Vec<String>) {
        self.first(
            role,
            &format!("LET Rows <= {query} SELECT Rows AS Value FROM scope()"),
        )
    }

    pub(crate) fn first(&self, role: Role, vql: &str) -> (String, Vec<String>) {
        let log = Arc::new(MemoryLog::default());
        let context = Context::builder()
            .registry(self.registry.clone())
            .log(log.clone())
            .extension(self.stored())
            .extension(self.live(role))
            .build();
        let scope = Scope::root(&context, Dict::new());
        let mut rows = Vec::new();
        let _ = Program::compile(vql)
            .unwrap()
            .run(&scope, &mut rows as &mut dyn RowSink);
        let value = rows
            .first()
            .and_then(|row: &Row| row.get("Value"))
            .unwrap_or_default();
        let mut text = Vec::new();
        write_value(&scope, &value, &mut text);
        scope.close();
        (String::from_utf8(text).unwrap(), log.lines())
    }

    /// Operations in the audit log, and their details.
    pub(crate) fn audit(&self) -> Vec<(String, String)> {
        let entries = self.core.storage.database.read_audit(0, 1000);
        let entries = self.runtime.block_on(entries).unwrap();
        entries
            .into_iter()
            .map(|entry| (entry.operation, entry.detail))
            .collect()
    }
}

/// A user with one role; the administrator's name is `admin`.
pub(crate) fn principal(role: Role) -> Principal {
    let roles = vec![role.name().to_owned()];
    Principal {
        name: match role {
            Role::Administrator => "admin",
            role => role.name(),
        }
        .to_owned(),
        permissions: permissions_of(&roles),
        roles,
        session: Vec::new(),
        csrf_token: String::new(),
        ip: "10.0.0.1".into(),
    }
}
