//! `rsyslog()` and `mail()` against servers made here, with and without TLS; what a host remembers about the
//! network.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{HostState, Program, builtin, json};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const LONG: Duration = Duration::from_secs(20);

fn run(expression: &str, env: &[(&str, String)]) -> (String, Vec<String>) {
    run_on(&Arc::default(), expression, env)
}

/// One of the queries of a host.
fn run_on(host: &Arc<HostState>, expression: &str, env: &[(&str, String)]) -> (String, Vec<String>) {
    let log = Arc::new(MemoryLog::default());
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let context = Context::builder()
        .registry(registry)
        .log(log.clone())
        .host_state(Arc::clone(host))
        .cancellation(Cancellation::with_deadline(LONG))
        .build();
    let scope = Scope::root(
        &context,
        env.iter().map(|(name, value)| (*name, value.clone())).collect(),
    );
    let mut rows: Vec<Row> = Vec::new();
    let _ = Program::compile(&format!("SELECT {expression} AS V FROM scope()"))
        .unwrap()
        .run(&scope, &mut rows);
    let mut shown = Vec::new();
    json::write_value(&scope, &rows[0].get("V").unwrap(), &mut shown);
    scope.close();
    (String::from_utf8(shown).unwrap(), log.lines())
}

/// A certificate for `localhost` as PEM, and how a server uses it.
fn identity() -> (String, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem(), Arc::new(config))
}

/// All that one connection brings, until its end.
fn collect(serve: impl FnOnce(TcpStream) -> Vec<u8> + Send + 'static) -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        sender.send(serve(stream)).unwrap();
    });
    (port.to_string(), receiver)
}

fn read_to_end(mut stream: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

const SETTINGS: &str = "facility=1, severity=4, timestamp=1700000000, source_hostname='here', app_name='my app', \
                        proc_id='7', message='hello', args=dict(K='a\"]b', N=5)";
const EXPECTED: &str = r#"<12>1 2023-11-14T22:13:20Z here myapp 7 - [msg@123 K="a\"\]b" N="5"] hello"#;

#[test]
fn datagrams() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let env = [("P", port), ("X", "x".repeat(3000))];
    let (value, log) = run(
        &format!("rsyslog(hostname='127.0.0.1', port=int(int=P), {SETTINGS})"),
        &env,
    );
    assert_eq!(value, "true", "{log:?}");
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer[..length]), EXPECTED);
    run("rsyslog(hostname='127.0.0.1', port=int(int=P), message=X)", &env);
    assert_eq!(socket.recv(&mut buffer).unwrap(), 1024);
    assert!(buffer.starts_with(b"<0>1 20"));
    run(
        r"rsyslog(hostname='127.0.0.1', port=int(int=P), message='a\xff', args=dict(K='\xfe'))",
        &env,
    );
    let length = socket.recv(&mut buffer).unwrap();
    assert!(
        buffer[..length].ends_with(b"[msg@123 K=\"\xfe\"] a\xff"),
        "bytes stay: {:?}",
        String::from_utf8_lossy(&buffer[..length])
    );
}

#[test]
fn a_stream_is_kept_for_the_query() {
    let (port, received) = collect(read_to_end);
    let call = format!("rsyslog(hostname='127.0.0.1', port=int(int=P), protocol='TCP', {SETTINGS})");
    let (value, log) = run(&format!("({call}, {call})"), &[("P", port)]);
    assert_eq!(value, "[true,true]", "{log:?}");
    let framed = format!("{} {EXPECTED}\n", EXPECTED.len() + 1);
    assert_eq!(
        String::from_utf8(received.recv_timeout(LONG).unwrap()).unwrap(),
        framed.repeat(2)
    );
}

#[test]
fn a_stream_under_tls() {
    let (pem, config) = identity();
    let serve = move |stream| read_to_end(StreamOwned::new(ServerConnection::new(config).unwrap(), stream));
    let (port, received) = collect(serve);
    let call =
        format!("rsyslog(hostname='localhost', port=int(int=P), protocol='tls', root_ca=C, {SETTINGS})");
    let (value, log) = run(&call, &[("P", port), ("C", pem)]);
    assert_eq!(value, "true", "{log:?}");
    let framed = format!("{} {EXPECTED}\n", EXPECTED.len() + 1);
    assert_eq!(
        String::from_utf8(received.recv_timeout(LONG).unwrap()).unwrap(),
        framed
    );
}

#[test]
fn a_server_nobody_vouches_for_is_refused() {
    let (_, config) = identity();
    let (port, _received) =
        collect(move |stream| read_to_end(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)));
    let (value, log) = run(
        "rsyslog(hostname='localhost', port=int(int=P), protocol='tls', message='m')",
        &[("P", port)],
    );
    assert_eq!(value, "null");
    assert!(log.iter().any(|line| line.contains("certificate")), "{log:?}");
}

trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

/// A mail server that returns what it received.
fn smtp(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut stream: Box<dyn Both> = Box::new(stream);
    stream.write_all(b"220 test\r\n").unwrap();
    let mut offer = tls.is_some();
    loop {
        let Some(line) = read_line(&mut stream) else {
            return heard;
        };
        heard.extend_from_slice(line.as_bytes());
        let answer = match line.split_whitespace().next().unwrap_or_default() {
            "EHLO" if offer => "250-test\r\n250 STARTTLS\r\n",
            "EHLO" => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n",
            "AUTH" => "235 ok\r\n",
            "DATA" => "354 go on\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        if line.starts_with("STARTTLS") {
            stream.write_all(b"220 go\r\n").unwrap();
            let config = tls.clone().unwrap();
            stream = Box::new(StreamOwned::new(ServerConnection::new(config).unwrap(), stream));
            offer = false;
            continue;
        }
        if stream
            .write_all(answer.as_bytes())
            .and_then(|()| stream.flush())
            .is_err()
        {
            return heard;
        }
        if line.starts_with("DATA") {
            while let Some(line) = read_line(&mut stream) {
                heard.extend_from_slice(line.as_bytes());
                if line == ".\r\n" {
                    break;
                }
            }
            stream.write_all(b"250 taken\r\n").unwrap();
            stream.flush().unwrap();
            return heard;
        }
    }
}

fn read_line(stream: &mut Box<dyn Both>) -> Option<String> {
    let mut line = String::new();
    // One byte at a time, because the rest may be encrypted.
    let mut reader = BufReader::with_capacity(1, stream);
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    Some(line)
}

#[cfg(feature = "mail")]
#[test]
fn mail_is_sent() {
    let (port, heard) = collect(|stream| smtp(stream, None));
    let call = "mail(server='127.0.0.1', server_port=int(int=P), `from`='me@a.example', to=['x@b.example', 'Y <y@b.example>'], \
                cc='z@b.example', subject='Grüße', body='line\\n.\\nend', period=0, \
                headers=dict(`Content-Type`='text/html; charset=utf-8', `X-Kind`='alert')).ErrorStatus";
    let (value, _) = run(call, &[("P", port)]);
    assert_eq!(value, r#""OK: Message Sent""#);
    let heard = String::from_utf8(heard.recv_timeout(LONG).unwrap()).unwrap();
    for part in [
        "MAIL FROM:<me@a.example>",
        "RCPT TO:<x@b.example>",
        "RCPT TO:<y@b.example>",
        "RCPT TO:<z@b.example>",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
        "Content-Type: text/html; charset=utf-8",
        "X-Kind: alert",
        "line\r\n..\r\nend",
    ] {
        assert!(heard.contains(part), "{part} in {heard}");
    }
    assert!(!heard.contains("AUTH"));

    // Bytes that are not UTF-8 arrive unchanged.
    let (port, heard) = collect(|stream| smtp(stream, None));
    let odd = r"mail(server='127.0.0.1', server_port=int(int=P), `from`='me@a.example', to='x@b.example', period=0,
                subject='caf\xe9', body='user caf\xe9\n', headers=dict(`X-Name`='\xff')).ErrorStatus";
    let (value, _) = run(odd, &[("P", port)]);
    assert_eq!(value, r#""OK: Message Sent""#);
    let heard = String::from_utf8(heard.recv_timeout(LONG).unwrap()).unwrap();
    for part in [
        "Subject: =?unknown-8bit?B?Y2Fm6Q==?=\r\n",
        "X-Name: =?unknown-8bit?B?/w==?=\r\n",
        "Content-Type: text/plain; charset=unknown-8bit\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "dXNlciBjYWbpCg==",
    ] {
        assert!(heard.contains(part), "{part} in {heard}");
    }

    // Under TLS with a password.
    let (pem, config) = identity();
    let server = Arc::clone(&config);
    let (port, heard) = collect(move |stream| smtp(stream, Some(server)));
    let secure = "mail(server='localhost', server_port=int(int=P), auth_username='me@a.example', auth_password='pw', \
                  to='x@b.example', body='b', period=0, root_ca=C).ErrorStatus";
    let (value, _) = run(secure, &[("P", port), ("C", pem)]);
    assert_eq!(value, r#""OK: Message Sent""#);
    let heard = String::from_utf8(heard.recv_timeout(LONG).unwrap()).unwrap();
    assert!(
        heard.contains("STARTTLS\r\nEHLO") && heard.contains("AUTH PLAIN"),
        "{heard}"
    );
    assert!(heard.contains("From: me@a.example"), "{heard}");

    // A certificate that no authority has issued.
    let (port, _heard) = collect(move |stream| smtp(stream, Some(config)));
    let (other, _) = identity();
    let (value, _) = run(secure, &[("P", port), ("C", other)]);
    assert!(value.contains("certificate"), "{value}");

    let (value, _) = run("mail(server='h', to='nonsense', body='b').ErrorStatus", &[]);
    assert!(value.contains("`nonsense` is not a mail address"), "{value}");
    let (value, _) = run(
        r"mail(server='h', to='caf\xe9@b.example', body='b').ErrorStatus",
        &[],
    );
    assert!(value.contains("bytes that are not UTF-8"), "{value}");
}

#[cfg(feature = "mail")]
#[test]
fn what_a_call_leaves_out_comes_from_the_settings_of_the_host() {
    let value = |call: &str, port: &str| {
        let settings = peregrine_functions::MailSettings {
            server: "127.0.0.1".to_owned(),
            server_port: port.parse().ok(),
            from: "peregrine@a.example".to_owned(),
            auth_username: "robot".to_owned(),
            auth_password: "hidden".to_owned(),
            skip_verify: false,
        };
        let context = Context::builder()
            .registry(Arc::new(peregrine_functions::register(builtin::registry())))
            .extension(Arc::new(settings))
            .cancellation(Cancellation::with_deadline(LONG))
            .build();
        let scope = Scope::root(&context, Dict::from_pairs([("P", port)]));
        let mut rows: Vec<Row> = Vec::new();
        let _ = Program::compile(&format!("SELECT {call}.ErrorStatus AS V FROM scope()"))
            .unwrap()
            .run(&scope, &mut rows);
        scope.close();
        rows[0].get("V").unwrap().as_str().unwrap().to_string()
    };
    let call = |arguments: &str| {
        let (port, heard) = collect(|stream| smtp(stream, None));
        let sent = value(
            &format!("mail(to='x@b.example', body='b', period=0{arguments})"),
            &port,
        );
        assert_eq!(sent, "OK: Message Sent", "{arguments}");
        String::from_utf8(heard.recv_timeout(LONG).unwrap()).unwrap()
    };
    // The name and the password, as SMTP sends them.
    let secret = data_encoding::BASE64.encode(b"\0robot\0hidden");
    let heard = call("");
    assert!(
        heard.contains("From: peregrine@a.example") && heard.contains(&secret),
        "{heard}"
    );
    let heard = call(", `from`='me@a.example', auth_username='me', auth_password='own'");
    assert!(
        heard.contains("From: me@a.example") && !heard.contains(&secret),
        "{heard}"
    );
    // Another server does not hear the password.
    let heard = call(", server='127.0.0.1', server_port=int(int=P)");
    assert!(
        !heard.contains("AUTH") && !heard.contains("peregrine@a.example"),
        "{heard}"
    );
}

#[cfg(feature = "mail")]
#[test]
fn a_host_sends_one_mail_a_period_and_other_hosts_are_not_held_up() {
    let call = "mail(server='127.0.0.1', server_port=1, to='x@b.example', body='b').ErrorStatus";
    let [one, other] = [Arc::default(), Arc::default()];
    let (first, _) = run_on(&one, call, &[]);
    let (second, _) = run_on(&one, call, &[]);
    assert_eq!(second, r#""Send too fast, suppressing.""#);
    let (elsewhere, _) = run_on(&other, call, &[]);
    assert_eq!(elsewhere, first);
    assert_ne!(elsewhere, second);
}

#[test]
fn names_are_remembered_for_the_queries_of_a_host() {
    let [one, other] = [Arc::default(), Arc::default()];
    run_on(&one, "cache_dns(name='told.example', ip='192.0.2.7')", &[]);
    let ask = "host(name='told.example', tracker_only=TRUE)";
    assert_eq!(run_on(&one, ask, &[]).0, r#"["192.0.2.7"]"#);
    assert_eq!(run_on(&other, ask, &[]).0, "[]");
}
