//! Starts a server on embedded storage, for `gui` and `server`.

use crate::gui_files::EmbeddedGui;
use crate::host;
use crate::registry;
use anyhow::Context as _;
use peregrine_server::config::{ApiScheme, Options};
use peregrine_server::{Config, RunningServer, Server, Storage};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;

/// Arguments both verbs share.
#[derive(clap::Args)]
pub(crate) struct ServerArgs {
    /// Folder for everything the server keeps; by default `peregrine` in the user's data directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) datastore: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Port of the web GUI; 0 takes a free one. Without it: 8889, or where it was last time.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Port for agents; 0 takes a free one. Without it: 8000, or where it was last time. Agents know it, so it only counts
    /// at the first start.
    #[arg(long, value_name = "PORT")]
    agent_port: Option<u16>,
    /// Port of the gRPC API for programs; 0 takes a free one. Without it: 8001, or where it was last time. Programs know it, so it
    /// only counts at the first start.
    #[arg(long, value_name = "PORT")]
    api_port: Option<u16>,
    /// Begin with an empty database, though the configuration in the data folder is not new.
    #[arg(long)]
    new_database: bool,
    /// A folder with artifact definitions; may be repeated.
    #[arg(short = 'D', long, value_name = "DIR")]
    definitions: Vec<PathBuf>,
}

/// The user's data directory.
pub(crate) fn user_data() -> Option<PathBuf> {
    let given = std::env::var_os("XDG_DATA_HOME").filter(|home| !home.is_empty());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    given.map(PathBuf::from).or_else(home)
}

impl ServerArgs {
    /// The folder, as given or by default.
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        if let Some(folder) = &self.datastore {
            return Ok(std::path::absolute(folder)?);
        }
        let data = user_data().context("no data directory: set HOME, or name a folder with --datastore")?;
        Ok(data.join("peregrine"))
    }

    /// Starts the server, creating its configuration at the first start. For a person who watches their own
    /// machine, event rows are shown as they come instead of being batched.
    pub(crate) async fn start(
        &self,
        folder: &Path,
        is_local: bool,
    ) -> anyhow::Result<(RunningServer, Config)> {
        // Keys and collected data are private.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
        let other_folder = || {
            format!(
                "data folder `{}` can not be used; another is named with --datastore",
                folder.display()
            )
        };
        std::fs::create_dir_all(folder).with_context(other_folder)?;
        // Locked before anything is written, so that a second program does not touch the files of the first.
        let database = Config::database_in(folder)?;
        let mut storage = Storage::open(folder, database).with_context(other_folder)?;
        let is_first = !Config::server_file(folder).exists();
        anyhow::ensure!(
            !is_first || !storage.is_used().await?,
            "`{}` is missing, but the database beside it is in use: a new one would bring new keys, and no agent would know this \
             server; put the file back, or choose an empty folder with --datastore",
            Config::server_file(folder).display()
        );
        let mut config = self.config(folder)?;
        if is_local {
            (
                config.defaults.event_max_wait,
                config.defaults.event_max_wait_jitter,
            ) = (1, 0);
        }
        storage
            .connect_objects(
                config.datastore.objects.as_deref(),
                &config.datastore.object_options,
            )
            .await?;
        storage
            .tie_to(&config.client.ca_certificate, is_first || self.new_database)
            .await?;
        let datastore = &config.datastore;
        storage
            .connect_bus(
                &datastore.bus,
                &datastore.bus_options,
                &config.client.ca_certificate,
            )
            .await
            .context("`Datastore.bus` of the configuration can not be used")?;
        // After a crash, a port that was free when it was chosen may be taken.
        check_port("--port", &config.gui.bind_address, config.gui.bind_port)?;
        check_port(
            "--agent-port",
            &config.frontend.bind_address,
            config.frontend.bind_port,
        )?;
        if let Some(api) = config
            .api
            .as_ref()
            .filter(|api| api.bind_scheme == ApiScheme::Tcp)
        {
            check_port("--api-port", &api.bind_address, api.bind_port)?;
        }
        let repository = registry::repository(&self.definitions)?;
        let server = Server::start(
            config.clone(),
            storage,
            Arc::new(EmbeddedGui),
            repository,
            host::of_server(&config),
        )
        .await?;
        if !EmbeddedGui::is_there() {
            tracing::warn!("this program was built without the web GUI; run `make build`");
        }
        Ok((server, config))
    }

    /// The configuration in the folder, with the given port for the GUI; a new one is written only if its
    /// ports are free.
    fn config(&self, folder: &Path) -> anyhow::Result<Config> {
        let is_first = !Config::server_file(folder).exists();
        let (port, agent_port, api_port) = (
            self.port.unwrap_or(GUI_PORT),
            self.agent_port.unwrap_or(AGENT_PORT),
            self.api_port.unwrap_or(API_PORT),
        );
        if is_first {
            check_port("--port", &self.bind.to_string(), port)?;
            check_port("--agent-port", &self.bind.to_string(), agent_port)?;
            check_port("--api-port", &self.bind.to_string(), api_port)?;
        }
        let mut config = Config::load_or_generate(&Options {
            datastore: folder.to_owned(),
            hostname: "localhost".to_owned(),
            gui: SocketAddr::new(self.bind, free_port(self.bind, port)?),
            frontend: SocketAddr::new(self.bind, free_port(self.bind, agent_port)?),
            api: SocketAddr::new(self.bind, free_port(self.bind, api_port)?),
        })?;
        // 0 means any port, so the last one is kept.
        if let Some(port) = self.port.filter(|port| !is_first && *port != 0) {
            config.gui.bind_port = port;
        }
        if let Some(port) = self
            .agent_port
            .filter(|port| *port != 0 && *port != config.frontend.bind_port)
        {
            anyhow::bail!(
                "--agent-port {port} can not be used: agents of this data folder know port {}; change `Frontend.bind_port` in \
                 `{}` and `Client.server_urls` there and on the agents",
                config.frontend.bind_port,
                Config::server_file(folder).display(),
            );
        }
        let known = config.api.as_ref().map_or(0, |api| api.bind_port);
        if let Some(port) = self.api_port.filter(|port| *port != 0 && *port != known) {
            anyhow::bail!(
                "--api-port {port} can not be used: it only counts at the first start; change `API.bind_port` in `{}`",
                Config::server_file(folder).display(),
            );
        }
        Ok(config)
    }
}

/// Default port of the GUI.
const GUI_PORT: u16 = 8889;
/// Default port for agents.
const AGENT_PORT: u16 = 8000;
/// Default port of the gRPC API.
const API_PORT: u16 = 8001;

/// Fails if nothing can listen there, and names the option that helps.
fn check_port(option: &str, address: &str, port: u16) -> anyhow::Result<()> {
    let name = format!("port {port} on {address}");
    match std::net::TcpListener::bind((address, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && option == "--port" => {
            anyhow::bail!(
                "{name} is in use by another program; stop that one or choose another port with --port"
            )
        }
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => anyhow::bail!(
            "{name}, where {} connect, is in use by another program; stop that one, or choose another port with {option} \
             when the data folder is new",
            if option == "--api-port" {
                "programs"
            } else {
                "agents"
            },
        ),
        Err(error) => Err(error).with_context(|| {
            format!("cannot listen on {name}; choose another address with --bind or port with {option}")
        }),
    }
}

/// The port itself, or a free one for 0: agents must know it before anything listens.
fn free_port(bind: IpAddr, port: u16) -> anyhow::Result<u16> {
    if port != 0 {
        return Ok(port);
    }
    let probe = std::net::TcpListener::bind(SocketAddr::new(bind, 0))
        .with_context(|| format!("no free port on {bind}"))?;
    Ok(probe.local_addr()?.port())
}

/// Prints the server's address and, once, how to sign in.
pub(crate) fn announce(server: &RunningServer, config: &Config, folder: &Path) {
    let scheme = if config.gui.use_plain_http {
        "http"
    } else {
        "https"
    };
    let address = server.addresses().gui;
    let host = if address.ip().is_loopback() || address.ip().is_unspecified() {
        "localhost".to_owned()
    } else {
        address.ip().to_string()
    };
    println!("Peregrine is running at {scheme}://{host}:{}/", address.port());
    if let Some(admin) = server.initial_admin() {
        println!("  user     {}\n  password {}", admin.name, admin.password);
        println!("  (shown only now; it can be changed in the account menu)");
    }
    println!("  data     {}", folder.display());
    println!("Ctrl-C ends it.");
}

/// Waits for a signal that ends the program.
pub(crate) async fn until_told_to_end() -> anyhow::Result<()> {
    let mut streams = Vec::new();
    for kind in crate::signals::that_end() {
        streams.push(tokio::signal::unix::signal(kind)?);
    }
    std::future::poll_fn(|context| {
        let came = streams
            .iter_mut()
            .any(|stream| stream.poll_recv(context).is_ready());
        if came { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    Ok(())
}
