//! gRPC: who may call, what is streamed, and how queries end.

use crate::common::grpc::{self, Program, ask, next, rest};
use crate::common::http::{Browser, PATIENCE};
use crate::common::{PASSWORD, World};
use peregrine_proto::{VqlCollectorArgs, VqlResponse};
use peregrine_server::config::ApiScheme;
use peregrine_wire::pki;
use std::net::SocketAddr;
use tokio::net::{TcpStream, UnixStream};
use tonic::{Code, Status};

/// Yields nothing for longer than any test.
const SILENT: &str = "SELECT * FROM range(start=0, end=1000000000000) WHERE FALSE";
/// Yields rows for longer than any test.
const ENDLESS: &str = "SELECT * FROM range(end=1000000000000)";

fn address(world: &World) -> SocketAddr {
    world.server().addresses().api.unwrap()
}

async fn program(world: &World, user: &str) -> Program {
    Program::connect(address(world), &world.config, user).await
}

/// Messages in short; those of the time are left out.
fn shown(messages: &[VqlResponse], status: Option<&Status>) -> String {
    let message = |message: &VqlResponse| {
        assert!(message.timestamp > 1_600_000_000_000_000, "{message:?}");
        if !message.log.is_empty() {
            return format!("log {}", message.log);
        }
        let query = message.query.as_ref().unwrap();
        format!(
            "rows {} statement {} part {} columns {:?} {}",
            query.name, message.query_id, message.part, message.columns, message.response
        )
    };
    let mut lines: Vec<String> = messages.iter().map(message).collect();
    if let Some(status) = status {
        lines.push(format!("{:?}: {}", status.code(), status.message()));
    }
    lines.join("\n")
}

async fn answer(program: &Program, request: VqlCollectorArgs) -> String {
    let (messages, status) = program.messages(request).await;
    shown(&messages, status.as_ref())
}

async fn running(browser: &Browser) -> Vec<String> {
    let queries = browser.get("queries").await["queries"].take();
    let text = |query: &serde_json::Value| query["vql"].as_str().unwrap().to_owned();
    queries.as_array().unwrap().iter().map(text).collect()
}

async fn until_none_runs(browser: &Browser) {
    let ends = async { while !running(browser).await.is_empty() {} };
    tokio::time::timeout(PATIENCE, ends).await.expect("queries end");
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_share_a_scope_and_rows_come_in_batches() {
    let world = World::new().await;
    let program = program(&world, "tester").await;
    let both = "LET Rows = SELECT _value AS N, Given FROM range(end=3)\n\
                SELECT * FROM Rows\n\
                SELECT * FROM Rows WHERE FALSE";
    let log = "SELECT log(message=Level, level=Level) AS L FROM foreach(row=[dict(Level='DEFAULT'), dict(Level='ERROR'), dict(Level='DEBUG')])";
    let mixed =
        "SELECT * FROM chain(a={ SELECT 1 AS A FROM scope() }, b={ SELECT 2 AS A, 3 AS B FROM scope() })";
    let request = VqlCollectorArgs {
        max_row: 2,
        ..ask(&[both, "SELECT N + 1 AS Next FROM Rows", log, mixed])
    };
    insta::assert_snapshot!(answer(&program, request).await);
    let audit = world.sign_in("tester").await.get("audit").await;
    let rows = audit["rows"].as_array().unwrap();
    let row = rows
        .iter()
        .map(ToString::to_string)
        .find(|row| row.contains("\"Query\""));
    let row = row.unwrap();
    for part in [
        "\"tester\"",
        "\"127.0.0.1\"",
        "FROM range(end=3)",
        "N + 1 AS Next",
    ] {
        assert!(row.contains(part), "{part}: {row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_an_error_ends_the_query_after_those_before_it() {
    let world = World::new().await;
    let program = program(&world, "tester").await;
    let texts = [
        "SELECT 1 AS A FROM scope()",
        "SELECT * FORM scope()",
        "SELECT 2 AS B FROM scope()",
    ];
    insta::assert_snapshot!(answer(&program, ask(&texts)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_sent_while_a_query_runs_and_cancelling_the_call_ends_it() {
    let world = World::new().await;
    let program = program(&world, "tester").await;
    let browser = world.sign_in("tester").await;
    let slow = format!("SELECT * FROM chain(a={{ SELECT 1 AS A FROM scope() }}, b={{ {SILENT} }})");
    let request = VqlCollectorArgs {
        max_wait: 1,
        ..ask(&[&slow])
    };
    let mut call = program.query(request).await.unwrap();
    let first = next(&mut call).await.unwrap().unwrap();
    assert_eq!(first.response, r#"[{"A":1}]"#);
    assert_eq!(running(&browser).await, [slow.as_str()]);
    drop(call);
    until_none_runs(&browser).await;
    // So does the end of the connection.
    let call = program.query(ask(&[SILENT])).await.unwrap();
    assert_eq!(running(&browser).await.len(), 1);
    drop((call, program));
    until_none_runs(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_ends_a_query_and_says_so() {
    let world = World::with(|config| config.defaults.query_max_rows = 3).await;
    let program = program(&world, "tester").await;
    let browser = world.sign_in("tester").await;
    let late = VqlCollectorArgs {
        timeout: 1,
        ..ask(&[SILENT])
    };
    let stopped = answer(&program, late).await;
    let last = "log ERROR:stopped after 1 seconds; ask for less, or for more time";
    assert!(stopped.ends_with(last), "the status is OK: {stopped}");
    let cut = answer(&program, ask(&[ENDLESS])).await;
    let last = "ResourceExhausted: stopped after 3 rows; ask for fewer, or for a higher limit";
    assert!(cut.contains(r#""_value":2}]"#) && cut.ends_with(last), "{cut}");
    let cpu = VqlCollectorArgs {
        cpu_limit: 50.0,
        ..ask(&["SELECT 1 AS A FROM scope()"])
    };
    let cpu = answer(&program, cpu).await;
    assert!(
        cpu.contains("log WARN:this program cannot limit queries") && cpu.contains(r#"[{"A":1}]"#),
        "{cpu}"
    );
    let call = program.query(ask(&[SILENT])).await.unwrap();
    let listed = browser.get("queries").await["queries"][0].take();
    let stop = format!("queries/{}", listed["query_id"].as_str().unwrap());
    assert_eq!(browser.call("DELETE", &stop, None).await.status, 204);
    let status = rest(call).await.1.unwrap();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Cancelled, "cancelled by tester")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stalls_does_not_keep_a_query_beyond_its_time() {
    let world = World::new().await;
    let program = program(&world, "tester").await;
    let browser = world.sign_in("tester").await;
    let request = VqlCollectorArgs {
        timeout: 1,
        ..ask(&[ENDLESS])
    };
    let call = program.query(request).await.unwrap();
    until_none_runs(&browser).await;
    let (messages, status) = rest(call).await;
    assert!(status.is_none(), "{status:?}");
    assert!(messages.last().unwrap().log.contains("stopped after 1 seconds"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_watches_events_runs_on() {
    let world = World::with(|config| config.defaults.query_timeout = 1).await;
    let program = program(&world, "tester").await;
    let browser = world.sign_in("tester").await;
    let watching =
        "LET Events = SELECT * FROM watch_monitoring(artifact='Test.Events')\nSELECT * FROM Events";
    let artifact = "SELECT * FROM Artifact.Test.Echo()";
    let calls = [
        program.query(ask(&[watching])).await.unwrap(),
        program.query(ask(&[artifact])).await.unwrap(),
    ];
    // Those that began before it are still there when the time of this one is up.
    let late = answer(&program, ask(&[SILENT])).await;
    assert!(late.contains("stopped after 1 seconds"), "{late}");
    assert_eq!(running(&browser).await, [watching, artifact]);
    drop(calls);
    until_none_runs(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_is_refused() {
    let world = World::with(|config| config.defaults.queries_per_user = 1).await;
    let tester = program(&world, "tester").await;
    let query = || ask(&["SELECT 1 AS A FROM scope()"]);
    let mut told = Vec::new();
    for user in ["looker", "nobody"] {
        told.push(answer(&program(&world, user).await, query()).await);
    }
    told.push(answer(&tester, ask(&[])).await);
    let elsewhere = VqlCollectorArgs {
        org_id: "O123".to_owned(),
        ..query()
    };
    told.push(answer(&tester, elsewhere).await);
    let _running = tester.query(ask(&[SILENT])).await.unwrap();
    told.push(answer(&tester, query()).await);
    for method in ["VFSGetBuffer", "nothing"] {
        let status = tester.check(method).await.unwrap_err();
        told.push(format!("{:?}: {}", status.code(), status.message()));
    }
    let huge = "x".repeat(3 << 20);
    let status = tester.query(ask(&[&huge])).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_count_at_once_and_health_needs_none() {
    let world = World::new().await;
    let caller = program(&world, "forwarder").await;
    assert_eq!(caller.check("Check").await.unwrap(), 1);
    let query = || ask(&["SELECT whoami() AS Me FROM scope()"]);
    let (_, status) = caller.messages(query()).await;
    assert_eq!(status.unwrap().code(), Code::PermissionDenied);
    world
        .server()
        .put_user("Forwarder", PASSWORD, &["api"])
        .await
        .unwrap();
    let org = VqlCollectorArgs {
        org_id: "root".to_owned(),
        ..query()
    };
    let (messages, status) = caller.messages(org).await;
    assert!(status.is_none(), "{status:?}");
    assert_eq!(
        messages[0].response, r#"[{"Me":"Forwarder"}]"#,
        "the user as stored"
    );
    // The server's own certificate is none of a user, although the authority has issued it.
    let (certificate, key) = (
        &world.config.frontend.certificate,
        &world.config.frontend.private_key,
    );
    let tls = grpc::tls(&world.config, Some((certificate.clone(), key.clone())));
    let stream = TcpStream::connect(address(&world)).await.unwrap();
    let itself = Program::over(stream, tls).await.unwrap();
    let (_, status) = itself.messages(query()).await;
    assert_eq!(status.unwrap().code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_certificates_of_the_deployment_that_are_valid_now_let_in() {
    let world = World::new().await;
    let config = &world.config;
    let mut stranger = config.clone();
    let other = pki::create_ca(grpc::now()).unwrap();
    stranger.client.ca_certificate = other.certificate;
    stranger.ca.private_key = other.key.to_pem().unwrap().to_string();
    for (what, certificate) in [
        ("none", None),
        (
            "of another authority",
            Some(grpc::certificate(&stranger, "tester", grpc::now())),
        ),
        (
            "expired",
            Some(grpc::certificate(config, "tester", grpc::now() - 3 * 86_400)),
        ),
        (
            "not yet valid",
            Some(grpc::certificate(config, "tester", grpc::now() + 86_400)),
        ),
    ] {
        let tls = grpc::tls(config, certificate);
        let stream = TcpStream::connect(address(&world)).await.unwrap();
        // In TLS 1.3, the client learns of it after its side of the handshake.
        let outcome = match Program::over(stream, tls).await {
            Ok(program) => program.check("Check").await.map_err(|status| status.to_string()),
            Err(error) => Err(error.to_string()),
        };
        assert!(outcome.is_err(), "{what}: {outcome:?}");
    }
    // A client that does not know the authority does not believe the server.
    let tls = grpc::tls(&stranger, Some(grpc::certificate(config, "tester", grpc::now())));
    let stream = TcpStream::connect(address(&world)).await.unwrap();
    let error = Program::over(stream, tls).await.err().unwrap().to_string();
    assert!(error.contains("invalid peer certificate"), "{error}");
    assert!(program(&world, "tester").await.check("Check").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_may_be_a_socket_in_the_file_system_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    // As a server leaves it that is killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let mut world = World::with(|config| {
        let api = config.api.as_mut().unwrap();
        api.bind_scheme = ApiScheme::Unix;
        api.bind_address = path.to_str().unwrap().to_owned();
    })
    .await;
    assert_eq!(world.server().addresses().api, None);
    let tls = grpc::tls(
        &world.config,
        Some(grpc::certificate(&world.config, "tester", grpc::now())),
    );
    let stream = UnixStream::connect(&path).await.unwrap();
    let program = Program::over(stream, tls).await.unwrap();
    assert!(
        answer(&program, ask(&["SELECT 1 AS A FROM scope()"]))
            .await
            .contains(r#"[{"A":1}]"#)
    );
    drop(program);
    world.stop().await;
    assert!(!path.exists(), "it is removed");
    std::fs::write(&path, "a file").unwrap();
    let refused = world.try_start().await.unwrap_err().to_string();
    assert!(refused.contains("is not a socket"), "{refused}");
    world.config.api = None;
    world.start().await;
    assert_eq!(world.server().addresses().api, None);
}
