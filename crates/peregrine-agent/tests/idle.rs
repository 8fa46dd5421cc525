//! The cost of an idle agent: `cargo test -p peregrine-agent --test idle -- --ignored --nocapture`.
//!
//! The agent runs in a separate process (this program again, selected by a variable) with the engine's
//! runner; the server runs in this one.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // in helpers too; and the figures are the point

mod common;

use common::*;
use peregrine_agent::{EngineRunner, HostFacts};
use peregrine_engine::{Cancellation, builtin};
use peregrine_wire::config::Config;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const FOLDER: &str = "PEREGRINE_TEST_IDLE_FOLDER";
const MEASURED: Duration = Duration::from_secs(20);

#[test]
#[ignore = "measures for some 20 s"]
fn cost_of_an_idle_agent() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let folder = std::path::PathBuf::from(folder);
        let text = std::fs::read_to_string(folder.join("config.yaml")).unwrap();
        let config = Config::from_yaml(&text).unwrap().client;
        let runner = EngineRunner::new(builtin::shared_registry(), &config, |context| context);
        let stop = Cancellation::new();
        peregrine_agent::run(
            config,
            &paths(&folder),
            Arc::new(runner),
            HostFacts::default(),
            &stop,
        )
        .unwrap();
        return;
    }
    for scheme in ["http", "ws"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start();
        // As a real server: a poll is held for a minute.
        server.change(|state| state.hold = Duration::from_secs(60));
        let config = Config {
            client: config(&server, scheme),
            ..Config::default()
        };
        std::fs::write(folder.path().join("config.yaml"), config.to_yaml().unwrap()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "cost_of_an_idle_agent"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        server.wait_for_polls(1);
        server.task(flow("F.1", &["SELECT * FROM range(end=1000)"], |_| {}));
        server.wait_for_end("F.1");
        let before = ticks(child.id());
        std::thread::sleep(MEASURED);
        let used = ticks(child.id()) - before;
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let lines = status.lines().filter(|line| {
            ["VmRSS", "VmHWM", "RssAnon", "Threads"]
                .iter()
                .any(|name| line.starts_with(name))
        });
        println!("{scheme}: {} ms of processor time in {MEASURED:?}", used * 10);
        lines.for_each(|line| println!("{scheme}: {line}"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(used * 10 < 200, "more than 1 % of a core");
    }
}

/// Hundredths of a second.
fn ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
