//! An agent under test, with a runner that executes simple commands given as VQL.

use super::server::{NONCE, Server};
use parking_lot::{Condvar, Mutex};
use peregrine_agent::runner::{QueryEnvironment, QueryRunner, QuerySink};
use peregrine_agent::{AgentPaths, Ended, HostFacts};
use peregrine_engine::Cancellation;
use peregrine_engine::log::Level;
use peregrine_proto::{FlowRequest, VeloMessage, VqlCollectorArgs, VqlRequest};
use peregrine_wire::config::ClientConfig;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A running agent.
pub(crate) struct Agent {
    stop: Cancellation,
    thread: JoinHandle<anyhow::Result<Ended>>,
}

impl Agent {
    pub(crate) fn start(config: ClientConfig, folder: &Path, runner: Arc<dyn QueryRunner>) -> Agent {
        let stop = Cancellation::new();
        let paths = paths(folder);
        let facts = HostFacts {
            hostname: "box".into(),
            client_version: "1.2.3".into(),
            ..HostFacts::default()
        };
        let token = stop.clone();
        let thread = std::thread::spawn(move || peregrine_agent::run(config, &paths, runner, facts, &token));
        Agent { stop, thread }
    }

    pub(crate) fn stop(self) -> Ended {
        self.stop.cancel();
        self.join()
    }

    pub(crate) fn join(self) -> Ended {
        self.thread.join().unwrap().unwrap()
    }
}

pub(crate) fn paths(folder: &Path) -> AgentPaths {
    AgentPaths {
        writeback: folder.join("writeback.yaml"),
        buffer: folder.join("buffer.bin"),
        checkpoints: folder.join("checkpoints"),
    }
}

/// A configuration that retries quickly.
pub(crate) fn config(server: &Server, scheme: &str) -> ClientConfig {
    let url = format!("{scheme}://127.0.0.1:{}/", server.port);
    ClientConfig {
        min_poll: 0,
        max_poll: 1,
        max_poll_std: 0,
        concurrency: 2,
        connection_timeout: 20,
        ..ClientConfig::generated(vec![url], server.ca.clone(), NONCE.into())
    }
}

/// Opens once, for all waiting threads.
#[derive(Default)]
pub(crate) struct Gate(Mutex<bool>, Condvar);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.lock() = true;
        self.1.notify_all();
    }

    pub(crate) fn wait(&self) {
        let mut is_open = self.0.lock();
        while !*is_open {
            self.1.wait(&mut is_open);
        }
    }
}

/// Runs the words of each statement's VQL: `rows N`, `wide N` (a row of N bytes), `log TEXT`, `wait` (until cancelled), `gate` (until the test
/// opens it, whatever happens), `panic`, `fail`.
#[derive(Default)]
pub(crate) struct Words {
    pub(crate) gate: Gate,
}

impl QueryRunner for Words {
    fn run(
        &self,
        request: &VqlCollectorArgs,
        environment: &QueryEnvironment,
        sink: &mut dyn QuerySink,
    ) -> Result<(), String> {
        for (index, query) in request.query.iter().enumerate() {
            let mut number = 0;
            for word in query.vql.split(';') {
                match word.trim().split_once(' ').unwrap_or((word.trim(), "")) {
                    ("rows", count) => {
                        for _ in 0..count.parse::<usize>().unwrap() {
                            let row = format!("{{\"n\":{number}}}");
                            if sink.row(index, row.as_bytes(), &|| vec!["n".to_owned()]).is_err() {
                                return Ok(());
                            }
                            number += 1;
                        }
                    }
                    ("wide", length) => {
                        let cell = noise(length.parse().unwrap());
                        let row = format!("{{\"n\":{number},\"cell\":\"{cell}\"}}");
                        if sink.row(index, row.as_bytes(), &|| vec!["n".to_owned()]).is_err() {
                            return Ok(());
                        }
                        number += 1;
                    }
                    ("log", text) => {
                        let (level, text) = Level::split(text);
                        environment.log.log(level, text);
                    }
                    ("wait", _) => {
                        while !environment.cancellation.wait(std::time::Duration::from_secs(60)) {}
                    }
                    ("gate", _) => self.gate.wait(),
                    ("panic", _) => panic!("as asked"),
                    ("fail", _) => return Err("cannot run".to_owned()),
                    (other, _) => return Err(format!("no word `{other}`")),
                }
            }
        }
        Ok(())
    }
}

/// Letters that hardly compress.
fn noise(length: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 1_u64;
    let letters = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(LETTERS[(state >> 58) as usize])
    });
    letters.take(length).collect()
}

pub(crate) fn request(vql: &str) -> VqlCollectorArgs {
    VqlCollectorArgs {
        query: vec![VqlRequest {
            name: "Test".into(),
            vql: vql.into(),
        }],
        ..VqlCollectorArgs::default()
    }
}

pub(crate) fn flow(id: &str, vql: &[&str], change: impl FnOnce(&mut FlowRequest)) -> VeloMessage {
    let mut flow = FlowRequest {
        vql_client_actions: vql.iter().map(|vql| request(vql)).collect(),
        log_batch_time: 100,
        ..FlowRequest::default()
    };
    change(&mut flow);
    VeloMessage {
        session_id: id.into(),
        flow_request: Some(flow),
        ..VeloMessage::default()
    }
}
