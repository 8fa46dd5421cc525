//! Starts and stops the server.

use crate::config::{ApiScheme, ApiSection};
use crate::gateway::{self, Connections, Gateway};
use crate::gui::GuiAssets;
use crate::listen::Incoming;
use crate::plain_http::Port;
use crate::push::{self, Hub};
use crate::shared::Shared;
use crate::{Config, Error, Result, Storage, api, grpc, limits, listen};
use axum::Router;
use peregrine_artifacts::Repository;
use peregrine_server_vql::run::{self, Queries, QueryHost};
use peregrine_services::users::{self, InitialAdmin, Role};
use peregrine_services::{Core, audit, clock, events, hunts, servers};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest wait for tasks at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(15);
/// How often expired sessions and unreferenced objects are deleted.
const HOUSE_KEEPING: Duration = Duration::from_secs(600);

/// The server; see [`Server::start`].
#[derive(Debug)]
pub struct Server;

/// Where a running server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// GUI and REST.
    pub gui: SocketAddr,
    /// Agents.
    pub frontend: SocketAddr,
    /// Programs, if there is a port for them.
    pub api: Option<SocketAddr>,
}

/// A running server; dropping it stops it without waiting.
pub struct RunningServer {
    addresses: Addresses,
    admin: Option<InitialAdmin>,
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl Server {
    /// Binds the listeners and starts serving. With equal addresses both sides share one listener.
    pub async fn start(
        config: Config,
        storage: Storage,
        gui: Arc<dyn GuiAssets>,
        artifacts: Repository,
        queries: QueryHost,
    ) -> Result<RunningServer> {
        storage.object_root()?;
        limits::raise_open_files();
        let has_others = storage.database.is_shared();
        let core = Core::open(
            storage,
            artifacts,
            config.obfuscator(),
            config.vault()?,
            config.settings(),
        );
        let core = Arc::new(core.await?);
        servers::join(&core).await?;
        let queries = Queries::new(core.clone(), queries, config.query_limits(), Handle::current());
        let started = Server::serve(core.clone(), config, gui, queries, has_others).await;
        if started.is_err() {
            // Otherwise other servers would count on one that does not run.
            servers::leave(&core).await?;
        }
        started
    }

    async fn serve(
        core: Arc<Core>,
        config: Config,
        gui: Arc<dyn GuiAssets>,
        queries: Arc<Queries>,
        has_others: bool,
    ) -> Result<RunningServer> {
        let shared = Arc::new(Shared {
            core,
            gateway: Gateway::new(&config, Connections::new(config.client.min_poll, has_others))?,
            config,
            gui,
            hub: Hub::new(),
            queries,
            started: clock::now(),
            trouble: Default::default(),
            stopping: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        let addresses = listeners(&shared, &tasks).await?;
        // Created only once the server listens: the password is shown a single time, after a successful start.
        let admin = users::ensure_admin(&shared.core).await?;
        if let Some(warning) = &shared.core.storage.warning {
            let detail = serde_json::json!({ "warning": warning });
            audit::record(&shared.core, "server", "", "DataLost", detail).await?;
        }
        tasks.spawn(report("push", push::run(shared.clone())));
        tasks.spawn(report("wake-ups", gateway::deliver_wake_ups(shared.clone())));
        tasks.spawn(report("cancelled queries", obey_cancellations(shared.clone())));
        tasks.spawn(report("events", follow_events(shared.clone())));
        tasks.spawn(report("server monitoring", monitor(shared.clone())));
        tasks.spawn(tell_completions(shared.clone()));
        tasks.spawn(tell_new_hunts(shared.clone()));
        tasks.spawn(report("hunts", recruit(shared.clone())));
        tasks.spawn(keep_totals(shared.clone()));
        tasks.spawn(gateway::watch_connections(shared.clone()));
        tasks.spawn(keep_alive(shared.clone()));
        tasks.spawn(keep_house(shared.clone()));
        tasks.spawn(users::write_down_failures(
            shared.core.clone(),
            shared.stopping.clone(),
        ));
        let api = addresses.api.map(tracing::field::display);
        tracing::info!(gui = %addresses.gui, frontend = %addresses.frontend, api, "server started");
        Ok(RunningServer {
            addresses,
            admin,
            shared,
            tasks,
        })
    }
}

impl RunningServer {
    /// The addresses it listens on, with the real ports where the configuration says 0.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The administrator created at this start, with the password; show it once, it cannot be recovered.
    pub fn initial_admin(&self) -> Option<&InitialAdmin> {
        self.admin.as_ref()
    }

    /// Sets a user's password and roles as `peregrine user add` does; creates the user if necessary.
    pub async fn put_user(&self, name: &str, password: &str, roles: &[&str]) -> Result<()> {
        let roles = roles
            .iter()
            .map(|name| Role::parse(name).ok_or_else(|| Error::NotFound("role", (*name).to_owned())))
            .collect::<Result<Vec<_>>>()?;
        users::put(&self.shared.core, name, password, &roles).await
    }

    /// Stops accepting connections, ends long polls, and waits for running requests to finish.
    pub async fn shutdown(self) {
        self.shared.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some connections did not end in time");
        }
        if let Err(error) = servers::leave(&self.shared.core).await {
            tracing::warn!(%error, "the other servers were not told that this one stops");
        }
        // Merging the log means one file fewer to copy with the folder of a stopped server, and none that can be damaged.
        if let Err(error) = self.shared.core.storage.database.checkpoint().await {
            tracing::warn!(%error, "the database's log was not merged into it");
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.shared.stopping.cancel();
    }
}

async fn listeners(shared: &Arc<Shared>, tasks: &TaskTracker) -> Result<Addresses> {
    let (gui, frontend) = (&shared.config.gui, &shared.config.frontend);
    let is_one = gui.bind_port != 0
        && (&gui.bind_address, gui.bind_port) == (&frontend.bind_address, frontend.bind_port);
    let setting = "--port or --agent-port (after the first start: `bind_port` in the server configuration)";
    let gui_listener = listen::bind(&gui.bind_address, gui.bind_port, setting).await?;
    let gui_address = address(&gui_listener)?;
    let tls = |plain: bool, protocols: &[&str]| -> Result<_> {
        if plain {
            Ok(None)
        } else {
            listen::tls(&shared.config, protocols).map(Some)
        }
    };
    let api = match &shared.config.api {
        Some(section) => listen_for_programs(section, shared, tasks).await?,
        None => None,
    };
    if is_one {
        let router = gateway::router(shared.clone()).fallback_service(api::router(shared.clone()));
        let tls = tls(gui.use_plain_http, &["http/1.1"])?;
        serve(shared, tasks, gui_listener, tls, Port::Gui, router);
        return Ok(Addresses {
            gui: gui_address,
            frontend: gui_address,
            api,
        });
    }
    let frontend_listener = listen::bind(&frontend.bind_address, frontend.bind_port, setting).await?;
    let frontend_address = address(&frontend_listener)?;
    let gui_tls = tls(gui.use_plain_http, &["h2", "http/1.1"])?;
    let frontend_tls = tls(frontend.use_plain_http, &["http/1.1"])?;
    let (people, agents) = (api::router(shared.clone()), gateway::router(shared.clone()));
    serve(shared, tasks, gui_listener, gui_tls, Port::Gui, people);
    serve(
        shared,
        tasks,
        frontend_listener,
        frontend_tls,
        Port::Agents,
        agents,
    );
    Ok(Addresses {
        gui: gui_address,
        frontend: frontend_address,
        api,
    })
}

/// Opens the gRPC API; returns its address if that is a port.
async fn listen_for_programs(
    section: &ApiSection,
    shared: &Arc<Shared>,
    tasks: &TaskTracker,
) -> Result<Option<SocketAddr>> {
    let tls = Some(listen::for_programs(&shared.config)?);
    let router = grpc::router(shared.clone());
    match section.bind_scheme {
        ApiScheme::Unix => {
            let listener = listen::bind_socket(section.bind_address.as_ref()).await?;
            serve(shared, tasks, listener, tls, Port::Programs, router);
            Ok(None)
        }
        ApiScheme::Tcp => {
            let setting = "--api-port (after the first start: `API.bind_port` in the server configuration)";
            let listener = listen::bind(&section.bind_address, section.bind_port, setting).await?;
            let address = address(&listener)?;
            serve(shared, tasks, listener, tls, Port::Programs, router);
            Ok(Some(address))
        }
    }
}

fn serve(
    shared: &Arc<Shared>,
    tasks: &TaskTracker,
    listener: impl Incoming,
    tls: Option<Arc<ServerConfig>>,
    port: Port,
    router: Router,
) {
    tasks.spawn(listen::serve(
        listener,
        tls,
        port,
        router,
        tasks.clone(),
        shared.clone(),
    ));
}

fn address(listener: &TcpListener) -> Result<SocketAddr> {
    listener
        .local_addr()
        .map_err(|error| Error::Io("listener".into(), error))
}

async fn report(name: &'static str, task: impl Future<Output = Result<()>>) {
    if let Err(error) = task.await {
        tracing::error!(task = name, %error, "background task ended; restart the server");
    }
}

async fn obey_cancellations(shared: Arc<Shared>) -> Result<()> {
    let obeyed = run::obey(shared.queries.clone(), shared.stopping.clone()).await;
    if let Err(error) = &obeyed {
        tracing::error!(%error, "queries of this server cannot be stopped from other servers; restart it");
    }
    shared.stopping.cancelled().await;
    shared.queries.stop().await;
    Ok(())
}

async fn follow_events(shared: Arc<Shared>) -> Result<()> {
    events::follow(&shared.core, &shared.stopping).await
}

async fn monitor(shared: Arc<Shared>) -> Result<()> {
    run::monitor(shared.queries.clone(), shared.stopping.clone()).await
}

async fn tell_completions(shared: Arc<Shared>) {
    run::tell_completions(shared.queries.clone(), shared.stopping.clone()).await;
}

async fn tell_new_hunts(shared: Arc<Shared>) {
    run::tell_new_hunts(shared.queries.clone(), shared.stopping.clone()).await;
}

async fn recruit(shared: Arc<Shared>) -> Result<()> {
    hunts::recruit(&shared.core, &shared.stopping).await
}

async fn keep_totals(shared: Arc<Shared>) {
    hunts::keep_totals(&shared.core, &shared.stopping).await;
}

async fn keep_alive(shared: Arc<Shared>) {
    let connections = &shared.gateway.connections;
    servers::keep_alive(&shared.core, &shared.stopping, || connections.forget_notes()).await;
}

async fn keep_house(shared: Arc<Shared>) {
    loop {
        shared.core.storage.keep_reserve().await;
        let database = &shared.core.storage.database;
        if let Err(error) = database.expire_sessions(clock::now()).await {
            tracing::warn!(%error, "expired sessions not deleted");
        }
        tokio::select! {
            expired = events::expire(&shared.core) => {
                if let Err(error) = expired {
                    tracing::warn!(%error, "old events are deleted later");
                }
            }
            () = shared.stopping.cancelled() => return,
        }
        tokio::select! {
            // A sweep may take long; when it is cancelled, the next one goes on.
            swept = database.remove_unused_objects(clock::now()) => {
                if let Err(error) = swept {
                    tracing::warn!(%error, "objects of deleted rows are removed later");
                }
            }
            () = shared.stopping.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(HOUSE_KEEPING) => {}
            () = shared.stopping.cancelled() => return,
        }
    }
}
