//! `http_client()` against a server in the test.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};

/// Answers each request by its path, and returns the request in `X-Seen`.
fn serve(mut stream: impl Read + Write) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(": "));
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let mut body = vec![0; field("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    let (method, path) = head.split_once(' ').unwrap();
    let path = path.split(' ').next().unwrap();
    let seen = [
        method,
        path,
        &field("user-agent"),
        &field("x-mine"),
        &field("content-type"),
        std::str::from_utf8(&body).unwrap(),
    ]
    .join("|");
    let (status, content, declared) = match path.split('?').next().unwrap() {
        "/ten" => (200, "0123456789".to_owned(), 10),
        "/big" => (200, "x".repeat(3_000_000), 3_000_000),
        "/empty" => (200, String::new(), 0),
        "/cut" => (200, "half".to_owned(), 10),
        "/missing" => (404, "none".to_owned(), 4),
        "/hang" => {
            // Until the client gives up.
            let _ = stream.read(&mut byte);
            return;
        }
        _ => (200, seen, 0),
    };
    if let "/gz" | "/deflate" | "/not-gz" = path {
        let plain = b"plain text".repeat(100);
        let packed = match path {
            "/gz" => pack(
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()),
                &plain,
                |w| w.finish(),
            ),
            "/deflate" => pack(
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast()),
                &plain,
                |w| w.finish(),
            ),
            _ => plain,
        };
        let encoding = if path == "/deflate" { "deflate" } else { "gzip" };
        let length = packed.len();
        let head = format!(
            "HTTP/1.1 200 X\r\nContent-Length: {length}\r\nContent-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
        );
        let _ = stream.write_all(&[head.as_bytes(), &packed].concat());
        return;
    }
    let declared = if declared == 0 { content.len() } else { declared };
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {declared}\r\nx-two: a\r\nx-two: b\r\nConnection: close\r\n\r\n{content}"
    );
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.flush();
}

fn pack<W: Write>(mut packer: W, plain: &[u8], finish: impl Fn(W) -> std::io::Result<Vec<u8>>) -> Vec<u8> {
    packer.write_all(plain).unwrap();
    finish(packer).unwrap()
}

/// A server with this way to treat connections; ends with the test.
fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

struct Outcome {
    rows: String,
    log: Vec<String>,
}

fn run_until(vql: &str, env: &[(&str, &str)], cancellation: Cancellation) -> Outcome {
    let log = Arc::new(MemoryLog::default());
    let registry = peregrine_plugins::register(peregrine_functions::register(builtin::registry()));
    let context = Context::builder()
        .registry(Arc::new(registry))
        .log(log.clone())
        .cancellation(cancellation)
        .build();
    let scope = Scope::root(
        &context,
        env.iter().map(|(name, value)| (*name, *value)).collect(),
    );
    let mut rows: Vec<Row> = Vec::new();
    let _ = Program::compile(vql).unwrap().run(&scope, &mut rows);
    let mut shown = Vec::new();
    json::write_value(
        &scope,
        &rows.into_iter().map(Row::into_value).collect(),
        &mut shown,
    );
    scope.close();
    Outcome {
        rows: String::from_utf8(shown).unwrap(),
        log: log.lines(),
    }
}

fn run(vql: &str, env: &[(&str, &str)]) -> Outcome {
    run_until(vql, env, Cancellation::new())
}

#[test]
fn requests_say_what_they_were_told() {
    let base = format!("http://127.0.0.1:{}", start(serve));
    let ask = |args: &str| {
        let vql = format!("SELECT Response, Content FROM http_client(url=Base + '/a', {args})");
        let rows = run(&vql, &[("Base", base.as_str())]).rows;
        rows.replace(r"\u0026", "&")
    };
    let expect = |args: &str, seen: &str| {
        assert_eq!(ask(args), format!(r#"[{{"Response":200,"Content":"{seen}"}}]"#));
    };
    expect(
        "params=dict(q='x &y', n=(1, 2)), user_agent='me'",
        "GET|/a?q=x+%26y&n=1&n=2|me|||",
    );
    expect(
        "method='POST', params=dict(q='ü'), user_agent='me'",
        "POST|/a|me||application/x-www-form-urlencoded|q=%C3%BC",
    );
    expect(
        "method='put', data='body', headers=dict(`X-Mine`='yes', `User-Agent`='other', Number=1)",
        "PUT|/a|other|yes||body",
    );
    expect("method='DELETE', user_agent='me'", "DELETE|/a|me|||");
    expect("method='PATCH', data='z', user_agent='me'", "PATCH|/a|me|||z");
    assert!(ask("method='GET'").contains("|Peregrine/"));
    assert!(ask("method='BREW'").contains("unknown method `BREW`"));
    let headers = run(
        "SELECT Headers.`X-Two` AS Two, Url FROM http_client(url=Base + '/ten')",
        &[("Base", base.as_str())],
    );
    assert_eq!(
        headers.rows,
        format!(r#"[{{"Two":["a","b"],"Url":"{base}/ten"}}]"#)
    );
}

#[test]
fn bodies_come_in_chunks() {
    let base = format!("http://127.0.0.1:{}", start(serve));
    let env = [("Base", base.as_str())];
    let chunks = |path: &str, size: u32| {
        run(
            &format!("SELECT Content FROM http_client(url=Base + '{path}', chunk_size={size})"),
            &env,
        )
        .rows
    };
    assert_eq!(
        chunks("/ten", 4),
        r#"[{"Content":"0123"},{"Content":"4567"},{"Content":"89"}]"#
    );
    assert_eq!(
        chunks("/ten", 5),
        r#"[{"Content":"01234"},{"Content":"56789"},{"Content":""}]"#
    );
    assert_eq!(chunks("/empty", 5), r#"[{"Content":""}]"#);
    let sizes = run(
        "SELECT len(list=Content) AS N FROM http_client(url=Base + '/big', chunk_size=2000000)",
        &env,
    );
    assert_eq!(sizes.rows, r#"[{"N":2000000},{"N":1000000}]"#);
    // The rest is not wanted.
    let first = run(
        "SELECT Content FROM http_client(url=Base + '/ten', chunk_size=1) LIMIT 1",
        &env,
    );
    assert_eq!(first.rows, r#"[{"Content":"0"}]"#);
}

#[test]
fn bodies_packed_unasked_are_unpacked() {
    let base = format!("http://127.0.0.1:{}", start(serve));
    for path in ["/gz", "/deflate", "/not-gz"] {
        let vql = format!(
            "SELECT len(list=Content) AS N, Content =~ '^plain text' AS Good FROM http_client(url=Base + '{path}')"
        );
        let outcome = run(&vql, &[("Base", base.as_str())]);
        assert_eq!(
            outcome.rows, r#"[{"N":1000,"Good":true}]"#,
            "{path}: {:?}",
            outcome.log
        );
    }
}

#[test]
fn a_server_behind_a_unix_socket_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("x.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    let socket = socket.to_str().unwrap();
    let ask = |rest: &str| {
        let vql = format!(
            "SELECT Url = Socket + '{rest}' AS Same, Response, Content FROM http_client(url=Socket + '{rest}', params=dict(q=1), user_agent='me')"
        );
        run(&vql, &[("Socket", socket)]).rows
    };
    let seen = |path: &str| format!(r#"[{{"Same":true,"Response":200,"Content":"GET|{path}|me|||"}}]"#);
    assert_eq!(ask(":unix/v1/y"), seen("/v1/y?q=1"));
    assert_eq!(ask(":unix"), seen("/?q=1"));
}

#[test]
fn the_first_good_address_counts_and_the_last_is_always_told() {
    let base = format!("http://127.0.0.1:{}", start(serve));
    let env = [("Base", base.as_str())];
    let good = run(
        "SELECT Url, Response FROM http_client(
             url=('http://127.0.0.1:1/', Base + '/missing', Base + '/cut', Base + '/ten', Base + '/big'))",
        &env,
    );
    assert_eq!(
        good.rows,
        format!(r#"[{{"Url":"{base}/ten","Response":200}}]"#),
        "{:?}",
        good.log
    );
    assert!(
        good.log
            .iter()
            .any(|line| line.contains("status 404; trying the next"))
    );
    let bad = run(
        "SELECT Response, Content FROM http_client(url=(Base + '/cut', Base + '/missing'))",
        &env,
    );
    assert_eq!(bad.rows, r#"[{"Response":404,"Content":"none"}]"#);
    let none = run("SELECT Response FROM http_client(url='nonsense')", &[]);
    assert_eq!(none.rows, r#"[{"Response":500}]"#);
}

#[test]
fn temporary_files_last_as_long_as_the_query() {
    let base = format!("http://127.0.0.1:{}", start(serve));
    let found = run(
        "SELECT Content, stat(filename=Content).Size AS Size FROM http_client(url=Base + '/big', tempfile_extension='.bin')",
        &[("Base", base.as_str())],
    );
    let (_, rest) = found.rows.split_once(r#""Content":""#).unwrap();
    let (path, rest) = rest.split_once('"').unwrap();
    assert!(
        path.ends_with(".bin") && rest.contains(r#""Size":3000000"#),
        "{}",
        found.rows
    );
    assert!(!std::path::Path::new(path).exists());
}

#[test]
fn a_silent_server_does_not_hold_up_the_end() {
    let base = format!("http://127.0.0.1:{}", start(serve));
    let outcome = run_until(
        "SELECT * FROM http_client(url=Base + '/hang')",
        &[("Base", base.as_str())],
        Cancellation::with_deadline(Duration::from_millis(50)),
    );
    // Waiting to its end would have given a row that says so.
    assert_eq!(outcome.rows, "[]");
}

#[test]
fn certificates_are_checked_unless_told_otherwise() {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = issued.cert.pem();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into());
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![issued.cert.der().clone()], key)
            .unwrap();
    let config = Arc::new(config);
    let port = start(move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        serve(rustls::StreamOwned::new(connection, stream));
    });
    let base = format!("https://localhost:{port}/ten");
    let ask = |args: &str| {
        let vql = format!("SELECT Response, Content FROM http_client(url=Base{args})");
        run(&vql, &[("Base", base.as_str()), ("Pem", pem.as_str())]).rows
    };
    let good = r#"[{"Response":200,"Content":"0123456789"}]"#;
    assert!(ask("").contains(r#""Response":500"#));
    assert_eq!(ask(", root_ca=Pem"), good);
    assert_eq!(ask(", skip_verify=TRUE"), good);
    assert_eq!(ask(", disable_ssl_security=TRUE"), good);
    assert!(ask(", root_ca='none'").contains("`root_ca`"));
}

#[test]
fn a_server_behind_a_unix_socket_answers_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("x.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    let base = format!("{}:unix", socket.display());
    let ask = |columns: &str, args: &str| {
        let vql = format!("SELECT {columns} FROM http_client(url=Base + {args})");
        run(&vql, &[("Base", base.as_str())]).rows
    };
    assert_eq!(
        ask(
            "Response, Content",
            "'/v1/y', params=dict(q='x y'), user_agent='me'"
        ),
        r#"[{"Response":200,"Content":"GET|/v1/y?q=x+y|me|||"}]"#
    );
    assert_eq!(
        ask("Content", "'/v1/y', method='POST', data='body', user_agent='me'"),
        r#"[{"Content":"POST|/v1/y|me|||body"}]"#
    );
    // Bodies of several pieces, and one after another over connections of their own.
    assert_eq!(
        ask(
            "len(list=Content) AS Length, Url = Base + '/big' AS Same",
            "'/big'"
        ),
        r#"[{"Length":3000000,"Same":true}]"#
    );
    assert!(ask("Response, Content", "'/cut'").contains("500"));
    let nobody = format!("{}:unix/x", folder.path().join("none").display());
    let rows = run(
        "SELECT Response, Content FROM http_client(url=Base)",
        &[("Base", nobody.as_str())],
    )
    .rows;
    assert!(rows.starts_with(r#"[{"Response":500,"Content":""#), "{rows}");
}
