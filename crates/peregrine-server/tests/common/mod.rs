//! A server in this process, a scripted agent and a small HTTP client.

#![allow(dead_code, clippy::unwrap_used, unreachable_pub, missing_docs)]

pub mod agent;
pub mod grpc;
pub mod http;

use peregrine_artifacts::{Origin, Repository};
use peregrine_engine::Context;
use peregrine_engine::memory::{Gauge, Limits, Pool};
use peregrine_server::config::Options;
use peregrine_server::{Config, GuiAssets, RunningServer, Server, Storage};
use peregrine_server_vql::run::QueryHost;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

pub const PASSWORD: &str = "correct horse battery";

pub const LARGE_FILE: &[u8] = &[b'x'; 10_000];

pub static GUI: &[(&str, &[u8], &str)] = &[
    ("index.html", b"<!doctype html>", "text/html; charset=utf-8"),
    ("assets/app-1234.js", b"1", "text/javascript"),
    (
        "assets/large-1234.js",
        LARGE_FILE,
        "text/javascript; charset=utf-8",
    ),
];

/// A running server and its folder.
pub struct World {
    pub server: Option<RunningServer>,
    pub config: Config,
    pub folder: tempfile::TempDir,
    pub artifacts: Repository,
}

/// The built-in artifacts, and some for tests.
pub fn artifacts() -> Repository {
    let repository = Repository::with_compiled_in();
    for raw in [
        "name: Test.Rows\ndescription: |\n  rows for tests\n  with a second line\nparameters: [{name: Count, type: int, default: 1}]\n\
         column_types: [{name: When, type: timestamp}]\nsources: [{name: All, query: SELECT Count FROM scope()}]\n",
        "name: Test.Events\ntype: CLIENT_EVENT\nparameters: [{name: Count, type: int, default: 1}, {name: Key, type: redacted}]\n\
         sources: [{query: 'SELECT Count, Key FROM clock()'}]\n",
        "name: Test.Program\nrequired_permissions: [EXECVE]\nparameters: [{name: Key, type: redacted}, {name: Plain}]\n\
         sources: [{name: One, query: 'SELECT Key FROM scope()'}, {name: Two, query: 'SELECT Plain FROM scope()'}]\n",
        "name: Test.OnServer\ntype: SERVER\nparameters: [{name: Count, type: int, default: 3}, {name: Key, type: redacted}]\n\
         sources: [{name: Numbers, query: 'SELECT _value AS N, Count FROM range(end=Count)'}, \
         {name: Broken, query: 'SELECT log(message=\"this does not work\", level=\"ERROR\") AS L, client_id FROM clients()'}]\n",
        "name: Test.Endless\ntype: SERVER\nsources: [{query: SELECT * FROM range(end=1000000000000) WHERE FALSE}]\n",
        "name: Test.Echo\ntype: SERVER_EVENT\nparameters: [{name: Least, type: int, default: 0}, {name: Key, type: redacted}]\n\
         sources: [{name: Seen, query: 'SELECT N, ClientId, Least FROM watch_monitoring(artifact=\"Test.Events\") WHERE N >= Least'}]\n",
        "name: Test.Fails\ntype: SERVER_EVENT\n\
         sources: [{query: 'SELECT log(message=\"this does not work\", level=\"ERROR\") AS L FROM scope()'}]\n",
        "name: Test.Watch\ntype: CLIENT_EVENT\nrequired_permissions: [EXECVE]\n\
         sources: [{name: One, query: 'SELECT * FROM clock()'}]\n",
    ] {
        repository.load(raw, Origin::Custom).unwrap();
    }
    repository
}

pub fn config(folder: &Path) -> Config {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let options = Options {
        datastore: folder.to_owned(),
        hostname: "localhost".into(),
        gui: any,
        frontend: any,
        api: any,
    };
    let mut config = Config::load_or_generate(&options).unwrap();
    config.gui.use_plain_http = true;
    config.frontend.use_plain_http = true;
    config.frontend.resources.max_upload_size = 1 << 20;
    // Debug builds on busy machines may be very slow.
    config.frontend.resources.packet_timeout = 600;
    // Tests say what runs, and the artifact of the default needs more of VQL than there is here.
    config.frontend.default_server_monitoring_artifacts.clear();
    config.client.max_poll = 2;
    config.client.max_poll_std = 1;
    config.defaults.unauthenticated_lru_timeout_sec = 60;
    config
}

/// What queries on the server get: the language itself, and what reads and changes a server.
pub fn query_host() -> QueryHost {
    let registry = Arc::new(peregrine_server_vql::register(
        peregrine_engine::builtin::registry(),
    ));
    let gauge = Gauge {
        thread: || 0,
        process: || 0,
    };
    let limits = Limits {
        query: 1 << 30,
        all: None,
        process: None,
        advice: "",
    };
    QueryHost {
        context: Box::new(move || Context::builder().registry(registry.clone())),
        memory: Pool::new(gauge, limits),
    }
}

impl World {
    pub async fn new() -> World {
        World::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> World {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        change(&mut config);
        let mut world = World {
            server: None,
            config,
            folder,
            artifacts: artifacts(),
        };
        world.start().await;
        world
            .server()
            .put_user("tester", PASSWORD, &["administrator"])
            .await
            .unwrap();
        world
            .server()
            .put_user("looker", PASSWORD, &["reader"])
            .await
            .unwrap();
        world
    }

    pub async fn start(&mut self) {
        self.try_start().await.unwrap();
    }

    pub async fn try_start(&mut self) -> peregrine_server::Result<()> {
        let storage = Storage::embedded(self.folder.path()).unwrap();
        let gui: Arc<dyn GuiAssets> = Arc::new(GUI);
        let (config, artifacts) = (self.config.clone(), self.artifacts.clone());
        let server = Server::start(config, storage, gui, artifacts, query_host()).await?;
        self.server = Some(server);
        Ok(())
    }

    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    pub fn server(&self) -> &RunningServer {
        self.server.as_ref().unwrap()
    }

    pub fn frontend(&self) -> SocketAddr {
        self.server().addresses().frontend
    }

    /// A signed-in browser.
    pub async fn sign_in(&self, user: &str) -> http::Browser {
        let mut browser = http::Browser::new(self.server().addresses().gui);
        let reply = browser.sign_in(user, PASSWORD).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        browser
    }

    /// An enrolled agent that has answered its first interrogation.
    pub async fn agent(&self) -> agent::Agent {
        let mut agent = agent::Agent::new(self.frontend(), &self.config).await;
        agent.enrol().await;
        agent.settle_in().await;
        agent
    }
}
