//! `trace()` into a folder: what it contains, and what it leaves out.

use peregrine_accessors::UploaderHandle;
use peregrine_engine::prelude::*;
use peregrine_engine::running::{RunningQueries, RunningQuery};
use peregrine_engine::{Context, Program};
use peregrine_functions::FolderUploader;
use peregrine_plugins::RecentLog;
use std::io::Read;
use std::sync::Arc;

#[test]
fn a_trace_tells_what_the_program_does_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(RecentLog::default());
    log.push(b"INFO agent started url=https://bob:hunter2@server/\n");
    let running = Arc::new(RunningQueries::default());
    let _entered = running.enter(RunningQuery {
        session: "F.1".to_owned(),
        name: "Custom.Thing".to_owned(),
        text: "SELECT * FROM http_client(url='x', password='hunter2')".to_owned(),
        started: Time::from_unix(1_600_000_000, 0),
    });
    let uploader = FolderUploader::new(folder.path()).unwrap();
    let context = Context::builder()
        .registry(Arc::new(peregrine_plugins::register(
            peregrine_engine::builtin::registry(),
        )))
        .extension(log)
        .extension(running)
        .extension(Arc::new(UploaderHandle::new(Arc::new(uploader))))
        .build();
    let scope = Scope::root(&context, Dict::new());
    let mut rows: Vec<Row> = Vec::new();
    let _ = Program::compile("SELECT trace() AS T FROM scope()")
        .unwrap()
        .run(&scope, &mut rows);
    let mut answer = Vec::new();
    peregrine_engine::json::write_value(&scope, &rows[0].get("T").unwrap(), &mut answer);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains(r#""StoredName":"Trace1"#), "{answer}");

    let file = std::fs::read_dir(folder.path().join("data"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut archive = zip::ZipArchive::new(std::fs::File::open(file).unwrap()).unwrap();
    let mut text = |name: &str| {
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        text
    };
    assert_eq!(text("logs.txt"), "INFO agent started url=https://bob:…@server/\n");
    let queries = text("queries.jsonl");
    assert!(
        queries.contains(r#""Session":"F.1","Name":"Custom.Thing","Start":"2020-09-13T12:26:40Z""#),
        "{queries}"
    );
    assert!(
        queries.contains("http_client(url='x', password='…')"),
        "{queries}"
    );
    assert!(text("metrics.jsonl").contains(r#"{"Name":"queries_running","Value":1}"#));
    assert!(text("metrics.jsonl").contains("process_resident_memory_bytes"));
    assert!(text("allocs.txt").contains("VmRSS:"));
    assert!(text("goroutine.txt").lines().count() >= 2);
}
