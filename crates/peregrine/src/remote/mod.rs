//! Runs queries on a server over its gRPC API, and prints their rows and messages like those of queries on this machine.

mod call;
mod rows;

use crate::progress::Progress;
use crate::session::printing::{Outcome, PrintArgs};
use crate::session::terminal_log::TerminalLog;
use crate::session::{Ended, unless_unread};
use crate::signals::{GRACE, Interrupt};
use anyhow::Context as _;
use peregrine_engine::Cancellation;
use peregrine_proto::{VqlCollectorArgs, VqlEnv, VqlRequest};
use peregrine_wire::api_client::ApiClientConfig;
use rows::RemoteRows;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The variable that names the file of a server.
pub(crate) const VARIABLE: &str = "VELOCIRAPTOR_API_CONFIG";

/// Rows that the server sends at a time, and seconds after which it sends fewer.
const ROWS: u64 = 1000;
const WAIT: u64 = 1;
/// How often a signal is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Runs texts in one scope on the server of an API client file.
pub(crate) fn run(
    file: &Path,
    args: &PrintArgs,
    texts: &[(String, String)],
    env: Vec<(String, String)>,
) -> anyhow::Result<ExitCode> {
    let named = || format!("`{}` (--api-config)", file.display());
    let text = std::fs::read_to_string(file).with_context(named)?;
    let config = ApiClientConfig::from_yaml(&text).with_context(named)?;
    // The server counts whole seconds.
    let timeout = args
        .timeout
        .map(|timeout| Duration::from_secs(timeout.as_secs_f64().ceil() as u64));
    let request = VqlCollectorArgs {
        query: texts.iter().map(|(name, text)| query(name, text)).collect(),
        env: env.into_iter().map(|(key, value)| variable(key, value)).collect(),
        max_row: ROWS,
        max_wait: WAIT,
        timeout: timeout.map_or(0, |timeout| timeout.as_secs()),
        ..VqlCollectorArgs::default()
    };
    let progress = Progress::start();
    let log = TerminalLog::new(args.debug, progress.clone());
    // A server that does not keep the time limit is left.
    let cancellation = match timeout {
        Some(timeout) => Cancellation::with_deadline(timeout.saturating_add(GRACE)),
        None => Cancellation::new(),
    };
    let interrupt = Interrupt::watch(&cancellation)?;
    let mut rows = RemoteRows::new(args.writer(&progress)?, args.max_rows, &progress, &log);
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answered = runtime.block_on(async {
        tokio::select! {
            answered = answer(&config, request, &mut rows) => answered,
            () = cancelled(&cancellation) => Ok(Ended::Whole),
        }
    });
    let is_late = timeout.is_some_and(|timeout| began.elapsed() >= timeout);
    // Rows that came are shown in any case.
    let written = rows.end(answered.is_ok());
    progress.end();
    log.end();
    let ended = answered?;
    let ended = match unless_unread(written)? {
        Ended::Unread => Ended::Unread,
        _ => ended,
    };
    Outcome {
        what: "query",
        ended,
        timeout: timeout.filter(|_| is_late),
        progress: &progress,
        log: &log,
        interrupt: &interrupt,
    }
    .report()
}

/// Asks, and prints the answer as it comes.
async fn answer(
    config: &ApiClientConfig,
    request: VqlCollectorArgs,
    rows: &mut RemoteRows,
) -> anyhow::Result<Ended> {
    let mut answer = call::query(config, request).await?;
    while let Some(message) = answer.next().await? {
        match rows.take(&message)? {
            Ended::Whole => {}
            ended => return Ok(ended),
        }
    }
    Ok(Ended::Whole)
}

async fn cancelled(cancellation: &Cancellation) {
    while !cancellation.is_cancelled() {
        tokio::time::sleep(LOOK).await;
    }
}

/// A text with the name that messages of servers show.
fn query(name: &str, text: &str) -> VqlRequest {
    VqlRequest {
        vql: text.to_owned(),
        name: name.trim_matches('`').to_owned(),
    }
}

fn variable(key: String, value: String) -> VqlEnv {
    VqlEnv {
        key,
        value,
        ..VqlEnv::default()
    }
}
