//! Every example of the manual, over a server with a machine, a collection and events.
#![allow(clippy::unwrap_used, missing_docs)]

mod acting;
mod fleet;
mod hunting;
mod observed;
mod server;
mod shipped;

use peregrine_store::{ClientId, FlowId};
use std::fmt::Display;
use std::sync::{Arc, LazyLock};

use peregrine_engine::builtin;
use peregrine_engine::prelude::*;
use peregrine_engine::{Context, Program};
use peregrine_server_vql::Stored;
use peregrine_services::users::Role;
use peregrine_store::chunk::Chunk;
use peregrine_store::testing::{client_id, flow_id};
use peregrine_store::{
    ClientFacts, Database, Effect, Flow, FlowState, FlowStore, OrgDatabase, OrgId, Progress, SetKind,
    SqlAddress, Task, Upload,
};
use tokio::runtime::Runtime;

static CLIENT: LazyLock<ClientId> = LazyLock::new(|| client_id("C.0123456789abcdef"));
static FLOW: LazyLock<FlowId> = LazyLock::new(|| flow_id("F.EXAMPLE"));
/// 2020-09-13T12:26:40Z.
const EPOCH: i64 = 1_600_000_000_000_000;

fn registry() -> Arc<Registry> {
    Arc::new(peregrine_server_vql::register(builtin::registry()))
}

fn flow(id: impl Display) -> Flow {
    Flow {
        creator: "admin".into(),
        created: EPOCH,
        artifacts: vec!["Custom.Numbers".into()],
        request: r#"{"artifacts":[{"artifact":"Custom.Numbers","parameters":{"Last":"4"}}],"max_rows":100}"#
            .into(),
        ..Flow::new(CLIENT.clone(), flow_id(id))
    }
}

fn lines(lines: impl Iterator<Item = String>) -> Chunk {
    Chunk::pack(lines.map(|line| line + "\n").collect::<String>().as_bytes()).unwrap()
}

fn rows(from: u64, count: u64) -> Effect {
    Effect::Rows {
        flow_id: FLOW.clone(),
        source: "Custom.Numbers".into(),
        start_row: Some(from),
        chunk: lines((from..from + count).map(|n| format!("{{\"N\":{n}}}"))),
    }
}

fn event(source: &str, number: u8, kind: SetKind, line: &str) -> Effect {
    Effect::Events {
        source: source.into(),
        kind,
        digest: [number; 16],
        at: EPOCH + i64::from(number) * 1_000_000,
        chunk: lines(std::iter::once(line.to_owned())),
    }
}

/// A store with a client, its collection of `count` rows, and events.
fn fill(folder: &std::path::Path, runtime: &Runtime, count: u64) -> Arc<OrgDatabase> {
    let database = Arc::new(
        SqlAddress::File(folder.join("peregrine.db"))
            .open()
            .unwrap()
            .org(&OrgId::root()),
    );
    runtime.block_on(populate(&*database, count));
    database
}

/// Stores the client with its collection and events.
async fn populate(database: &dyn Database, count: u64) {
    database.enrol(&CLIENT, "key", EPOCH).await.unwrap();
    database.create_flow(flow(&*FLOW), Vec::new()).await.unwrap();
    let facts = ClientFacts {
        hostname: "web1".into(),
        fqdn: "web1.example.org".into(),
        os: "linux".into(),
        ..ClientFacts::default()
    };
    let mut effects = vec![
        Effect::Facts {
            facts: Box::new(facts),
            labels: vec!["example".into()],
            flow_id: None,
            at: EPOCH,
        },
        Effect::Upload {
            flow_id: FLOW.clone(),
            upload: Upload {
                object: format!("clients/{}/{}/hosts", *CLIENT, *FLOW),
                vfs_path: "/etc/hosts".into(),
                accessor: "file".into(),
                components: vec!["etc".into(), "hosts".into()],
                file_size: 7,
                uploaded_size: 7,
                index: String::new(),
                finished: EPOCH,
            },
        },
        Effect::Logs {
            flow_id: FLOW.clone(),
            start_row: Some(0),
            chunk: lines(std::iter::once(
                r#"{"level":"INFO","message":"Starting query"}"#.to_owned(),
            )),
        },
        event("Custom.Events", 0, SetKind::Events, r#"{"N":0,"_ts":1600000000}"#),
        event("Custom.Events", 1, SetKind::Events, r#"{"N":1,"_ts":1600000001}"#),
        event(
            "Custom.Events",
            2,
            SetKind::EventLogs,
            r#"{"message":"watching"}"#,
        ),
    ];
    // Several chunks, so that slices begin and end inside them.
    for from in (0..count).step_by(700) {
        effects.push(rows(from, (count - from).min(700)));
    }
    let end = Progress {
        end: Some((FlowState::Finished, None)),
        ..Progress::default()
    };
    effects.push(Effect::Progress {
        flow_id: FLOW.clone(),
        progress: end,
    });
    database.apply(&CLIENT, EPOCH, effects.into()).await.unwrap();
}

#[test]
fn examples_hold() {
    let server = server::Server::start();
    let (stored, live) = (server.stored(), server.live(Role::Administrator));
    // Includes the engine's own examples, which are in the same registry.
    let failures = peregrine_engine::examples::check_all_with(&registry(), |builder| {
        builder.extension(stored.clone()).extension(live.clone())
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn run(stored: Option<Arc<Stored>>, vql: &str) -> (Vec<Row>, Vec<String>) {
    let log = Arc::new(peregrine_engine::log::MemoryLog::default());
    let mut builder = Context::builder().registry(registry()).log(log.clone());
    if let Some(stored) = stored {
        builder = builder.extension(stored);
    }
    let scope = Scope::root(&builder.build(), Dict::new());
    let mut rows = Vec::new();
    let _ = Program::compile(vql)
        .unwrap()
        .run(&scope, &mut rows as &mut dyn RowSink);
    scope.close();
    (rows, log.lines())
}

/// VQL has no state for cancelled collections: queries for errors find them, too.
#[test]
fn what_was_cancelled_is_an_error_that_says_who_did_it() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
    let database = fill(folder.path(), &runtime, 1);
    let stop = Task {
        flow_id: flow_id("F.STOPPED"),
        is_flow_request: false,
        urgent: true,
        message: Vec::new(),
    };
    runtime.block_on(async {
        database.create_flow(flow("F.STOPPED"), Vec::new()).await.unwrap();
        let stopped = flow_id("F.STOPPED");
        let cancelled = database.cancel_flow(&CLIENT, &stopped, "Cancelled by jana", stop, EPOCH);
        assert!(cancelled.await.unwrap());
    });
    let stored = Arc::new(Stored::new(database, runtime.handle().clone()));
    let client = &*CLIENT;
    let query = format!("SELECT session_id, status FROM flows(client_id='{client}') WHERE state = 'ERROR'");
    let (rows, log) = run(Some(stored), &query);
    let text = |row: &Row, name: &str| {
        let value = row.get(name).unwrap_or_default();
        value.as_str().map(|text| text.as_utf8_lossy().into_owned())
    };
    let found: Vec<_> = rows
        .iter()
        .map(|row| (text(row, "session_id"), text(row, "status")))
        .collect();
    assert_eq!(
        found,
        [(Some("F.STOPPED".to_owned()), Some("Cancelled by jana".to_owned()))],
        "{log:?}"
    );
}

/// Every row comes exactly once, whatever the slices and workers, from a database opened read-only.
#[test]
fn slices_cover_every_row_once() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
    drop(fill(folder.path(), &runtime, 12_345));
    let database = Arc::new(
        SqlAddress::File(folder.path().join("peregrine.db"))
            .open_read_only()
            .unwrap()
            .org(&OrgId::root()),
    );
    let stored = Arc::new(Stored::new(database, runtime.handle().clone()));
    let (client, flow) = (&*CLIENT, &*FLOW);
    for (batch, workers) in [
        ("", ""),
        (", batch=1000", ", workers=4"),
        (", batch=333", ", workers=1"),
        (", batch=1000000", ""),
    ] {
        let vql = format!(
            "LET ClientId <= '{client}' LET FlowId <= '{flow}' LET ArtifactName <= 'Custom.Numbers'
             SELECT count() AS Rows, sum(item=N) AS Sum FROM parallelize(query={{ SELECT N FROM source() }}{batch}{workers}) GROUP BY 1"
        );
        let (rows, log) = run(Some(stored.clone()), &vql);
        assert_eq!(rows.len(), 1, "{log:?}");
        let number = |column| match rows[0].get(column) {
            Some(Value::Int(number)) => number,
            other => panic!("{column} is {other:?}; {log:?}"),
        };
        assert_eq!(number("Rows"), 12_345, "{batch}{workers}");
        assert_eq!(number("Sum"), 12_345 * 12_344 / 2, "{batch}{workers}");
    }
}

#[test]
fn a_limit_ends_the_workers() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
    let stored = Arc::new(Stored::new(
        fill(folder.path(), &runtime, 5_000),
        runtime.handle().clone(),
    ));
    let (client, flow) = (&*CLIENT, &*FLOW);
    let (rows, _) = run(
        Some(stored),
        &format!(
            "SELECT * FROM parallelize(client_id='{client}', flow_id='{flow}', artifact='Custom.Numbers', batch=10, workers=8,
                query={{ SELECT N FROM source() }}) LIMIT 7"
        ),
    );
    assert_eq!(rows.len(), 7);
}

/// Variables such as `NotebookId` and `FlowId` redirect `source()`, but not `monitoring()`.
#[test]
fn events_are_found_whatever_the_scope_is_about() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
    let stored = Arc::new(Stored::new(
        fill(folder.path(), &runtime, 5),
        runtime.handle().clone(),
    ));
    let client = &*CLIENT;
    let about = "LET NotebookId <= 'N.1' LET FlowId <= 'F.1' LET StartTime <= 1600000001";
    let query = format!("{about} SELECT N FROM monitoring(client_id='{client}', artifact='Custom.Events')");
    let (rows, log) = run(Some(stored.clone()), &query);
    assert_eq!(rows.len(), 1, "{log:?}");
    // Their session, as agents and the field call it.
    let query = format!(
        "SELECT N FROM source(client_id='{client}', flow_id='F.Monitoring', artifact='Custom.Events')"
    );
    let (rows, log) = run(Some(stored), &query);
    assert_eq!(rows.len(), 2, "{log:?}");
}

#[test]
fn an_id_of_another_kind_is_refused_by_name() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
    let stored = Arc::new(Stored::new(
        fill(folder.path(), &runtime, 1),
        runtime.handle().clone(),
    ));
    let (client, flow) = (&*CLIENT, &*FLOW);
    let swapped = format!("SELECT * FROM flow_results(client_id='{flow}', flow_id='{client}')");
    let (rows, log) = run(Some(stored), &swapped);
    assert!(rows.is_empty());
    let is_told = log
        .iter()
        .any(|line| line.contains("`F.EXAMPLE` is not the id of a client"));
    assert!(is_told, "{log:?}");
}

#[test]
fn elsewhere_it_says_so() {
    for vql in [
        "SELECT * FROM clients()",
        "SELECT * FROM source(client_id='C.1')",
        "SELECT client_info(client_id='C.1') FROM scope()",
        "SELECT whoami() FROM scope()",
        "SELECT * FROM watch_monitoring(artifact='System.Flow.Completion')",
        "SELECT * FROM profile(metrics=TRUE)",
        "SELECT * FROM hunts()",
        "SELECT hunt(artifacts='A') FROM scope()",
    ] {
        let (_, log) = run(None, vql);
        assert!(
            log.iter()
                .any(|line| line.contains("Command can only run on the server")),
            "{vql}: {log:?}"
        );
    }
}

#[test]
fn what_is_not_there_is_named() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
    let stored = Arc::new(Stored::new(
        fill(folder.path(), &runtime, 5),
        runtime.handle().clone(),
    ));
    for (vql, message) in [
        (
            "source(client_id='C.1', flow_id='F.1')",
            "machine `C.1` not found",
        ),
        (
            "source(client_id='C.0123456789abcdef', flow_id='F.1')",
            "collection `F.1` of",
        ),
        (
            "monitoring(client_id='server', artifact='Custom.Events')",
            "no events of `server` for `Custom.Events`",
        ),
        (
            "source(client_id='C.0123456789abcdef', hunt_id='H.1', artifact='A')",
            "hunt `H.1` not found",
        ),
        (
            "source(client_id='C.0123456789abcdef', notebook_id='N.1')",
            "this server has no notebooks",
        ),
        (
            "source(client_id='C.0123456789abcdef', artifact='Custom.Events', start_time='soon')",
            "StartTime `soon` is not a time",
        ),
        (
            "parallelize(client_id='C.0123456789abcdef', artifact='Nope', query={SELECT * FROM source()})",
            "no events of",
        ),
    ] {
        let (rows, log) = run(Some(stored.clone()), &format!("SELECT * FROM {vql}"));
        assert!(
            rows.is_empty() && log.iter().any(|line| line.contains(message)),
            "{vql}: {log:?}"
        );
    }
}
