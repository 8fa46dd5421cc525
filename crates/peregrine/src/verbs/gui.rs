//! `peregrine gui`: server, web GUI and an agent of this machine, for a first look and for one-machine use.

use crate::small_heap;

use crate::embedded_server::{ServerArgs, announce, until_told_to_end};
use anyhow::Context as _;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};

/// Arguments of `gui`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    /// Do not open a browser.
    #[arg(long, visible_alias = "nobrowser")]
    no_browser: bool,
    /// Do not start an agent.
    #[arg(long, visible_alias = "noclient")]
    no_agent: bool,
}

/// An agent that has ended is restarted after this time.
const RESTART: Duration = Duration::from_secs(5);
/// How long the agent may take to end.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    small_heap::restart();
    let folder = args.server.folder()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (server, config) = args.server.start(&folder, true).await?;
        announce(&server, &config, &folder);
        let mut agent = None;
        if !args.no_agent {
            agent = Some(start_agent(&folder)?);
        }
        if !args.no_browser {
            let scheme = if config.gui.use_plain_http {
                "http"
            } else {
                "https"
            };
            open_browser(&format!(
                "{scheme}://localhost:{}/",
                server.addresses().gui.port()
            ));
        }
        let told = until_told_to_end();
        tokio::pin!(told);
        loop {
            tokio::select! {
                outcome = &mut told => {
                    outcome?;
                    break;
                }
                status = ended(&mut agent) => {
                    tracing::warn!(status, "the agent of this machine has ended; it is started again");
                    agent = None;
                    tokio::select! {
                        _ = &mut told => break,
                        () = tokio::time::sleep(RESTART) => agent = Some(start_agent(&folder)?),
                    }
                }
            }
        }
        eprintln!("ending …");
        if let Some(agent) = agent {
            stop_agent(agent).await;
        }
        server.shutdown().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Starts an agent like that of any endpoint: a separate process with its own configuration and folder.
fn start_agent(folder: &Path) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut agent = Command::new(program);
    // At a terminal, the agent's messages must not hide the address and the password.
    if std::io::stderr().is_terminal() && std::env::var_os("PEREGRINE_LOG").is_none() {
        agent.env("PEREGRINE_LOG", "warn");
    }
    agent
        .arg("agent")
        .arg("--config")
        .arg(peregrine_server::Config::client_file(folder))
        .arg("--state")
        .arg(folder.join("agent"))
        .arg(format!("--with-parent={}", std::process::id()))
        .stdin(Stdio::null())
        // Ctrl-C in the terminal is for this process, which then tells the agent.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("starting the agent")
}

async fn ended(agent: &mut Option<Child>) -> String {
    match agent {
        None => std::future::pending().await,
        Some(agent) => match agent.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        },
    }
}

async fn stop_agent(mut agent: Child) {
    let pid = agent
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid
        && rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok()
        && tokio::time::timeout(GRACE, agent.wait()).await.is_ok()
    {
        return;
    }
    // A process that hangs in the kernel does not even end when killed, and is not waited for.
    match tokio::time::timeout(GRACE, agent.kill()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the agent could not be ended"),
        Err(_) => tracing::warn!("the agent hangs in the kernel and ends when that lets it"),
    }
}

/// Opens the user's browser if there is a display; failure is not fatal.
fn open_browser(url: &str) {
    let has_display = std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some();
    if !has_display {
        return;
    }
    let opened = Command::new("xdg-open")
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = opened {
        tracing::debug!(%error, "no browser opened");
    }
}
