//! Starting a server on embedded storage, as `gui` and `server` both do.

use crate::gui_files::EmbeddedGui;
use crate::registry;
use anyhow::Context as _;
use peregrine_server::config::Options;
use peregrine_server::{Config, RepositoryArtifacts, RunningServer, Server, Storage};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments both verbs share.
#[derive(clap::Args)]
pub(crate) struct ServerArgs {
    /// Folder for everything the server keeps; by default `peregrine` in the user's data directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) datastore: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Port of the web GUI; 0 takes a free one. Only counts at the first start, then the configuration does.
    #[arg(long, value_name = "PORT", default_value_t = 8889)]
    port: u16,
    /// Port for agents; 0 takes a free one. Only counts at the first start.
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    agent_port: u16,
    /// A folder with artifact definitions; may be repeated.
    #[arg(short = 'D', long, value_name = "DIR")]
    definitions: Vec<PathBuf>,
}

/// The user's data directory.
pub(super) fn user_data() -> Option<PathBuf> {
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

    /// Starts the server, making its configuration at the first start.
    pub(crate) async fn start(&self, folder: &Path) -> anyhow::Result<(RunningServer, Config)> {
        // Everything the server keeps is for its own account only.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        std::fs::create_dir_all(folder).with_context(|| {
            format!(
                "the data folder `{}` can not be made; name another with --datastore",
                folder.display()
            )
        })?;
        // Locked before anything is written, so that a second program leaves the first one's files alone.
        let storage =
            Storage::embedded(folder).with_context(|| format!("data folder `{}`", folder.display()))?;
        let options = Options {
            datastore: folder.to_owned(),
            hostname: "localhost".to_owned(),
            gui: SocketAddr::new(self.bind, free_port(self.bind, self.port)?),
            frontend: SocketAddr::new(self.bind, free_port(self.bind, self.agent_port)?),
        };
        let config = Config::load_or_generate(&options)?;
        let repository = registry::repository(&self.definitions)?;
        let artifacts = Arc::new(RepositoryArtifacts::new(repository));
        let server = Server::start(config.clone(), storage, Arc::new(EmbeddedGui), artifacts).await?;
        if !EmbeddedGui::is_there() {
            tracing::warn!("this program was built without the web GUI; run `make build`");
        }
        Ok((server, config))
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

/// Prints where the server is and, once, how to get in.
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
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
