//! `geoip()` over a database made here, `host()` against a server of names made here.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};
use simple_dns::rdata::{A, AAAA, CNAME, MX, NS, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

fn run(expression: &str, env: &[(&str, &str)]) -> (String, Vec<String>) {
    let log = Arc::new(MemoryLog::default());
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let context = Context::builder()
        .registry(registry)
        .log(log.clone())
        .cancellation(Cancellation::with_deadline(Duration::from_secs(120)))
        .build();
    let scope = Scope::root(
        &context,
        env.iter().map(|(name, value)| (*name, *value)).collect(),
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

fn text(text: &str) -> Vec<u8> {
    let mut out = vec![0x40 | u8::try_from(text.len()).unwrap()];
    out.extend(text.as_bytes());
    out
}

/// A database of one node: addresses below 128.0.0.0 are somewhere, the others nowhere.
fn database() -> Vec<u8> {
    let mut out = vec![0, 0, 17, 0, 0, 1];
    out.extend([0; 16]);
    // {"country": {"iso_code": "NZ", "geoname_id": 2186224}, "tags": [true]}
    out.push(0xe2);
    out.extend(text("country"));
    out.push(0xe2);
    out.extend(
        [
            text("iso_code"),
            text("NZ"),
            text("geoname_id"),
            vec![0xc3, 0x21, 0x5b, 0xf0],
        ]
        .concat(),
    );
    out.extend([text("tags"), vec![0x01, 0x04, 0x01, 0x07]].concat());
    out.extend(b"\xab\xcd\xefMaxMind.com");
    out.push(0xe9);
    out.extend([text("node_count"), vec![0xc1, 1]].concat());
    out.extend([text("record_size"), vec![0xa1, 24]].concat());
    out.extend([text("ip_version"), vec![0xa1, 4]].concat());
    out.extend([text("database_type"), text("Test")].concat());
    out.extend([text("languages"), vec![0x01, 0x04], text("en")].concat());
    out.extend([text("binary_format_major_version"), vec![0xa1, 2]].concat());
    out.extend([text("binary_format_minor_version"), vec![0xa1, 0]].concat());
    out.extend([text("build_epoch"), vec![0x04, 0x02, 0x65, 0x53, 0xf1, 0x00]].concat());
    out.extend([text("description"), vec![0xe0]].concat());
    out
}

#[test]
fn an_address_is_somewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.mmdb");
    std::fs::write(&path, database()).unwrap();
    let env = [("D", path.to_str().unwrap())];
    let (value, log) = run("geoip(ip='12.0.0.1', db=D)", &env);
    assert_eq!(
        value, r#"{"country":{"geoname_id":2186224,"iso_code":"NZ"},"tags":[true]}"#,
        "{log:?}"
    );
    assert_eq!(
        run("geoip(ip='12.0.0.1', db=D).Country.ISO_Code", &env).0,
        r#""NZ""#
    );
    assert_eq!(run("geoip(ip='200.0.0.1', db=D)", &env).0, "null");
    let (value, log) = run("geoip(ip='not an ip', db=D)", &env);
    assert!(
        value == "null"
            && log
                .iter()
                .any(|line| line.contains("`not an ip` is not an address")),
        "{log:?}"
    );
    // Any damage is an error, never more.
    let whole = database();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        run("geoip(ip='12.0.0.1', db=D)", &env);
    }
}

/// Answers like a server of names would.
fn answer(question: &[u8], over_udp: bool) -> Vec<u8> {
    let asked = Packet::parse(question).unwrap();
    let question = asked.questions[0].clone();
    let name = question.qname.to_string();
    let mut reply = Packet::new_reply(asked.id());
    reply.set_flags(PacketFlag::RESPONSE);
    let mut add = |owner: &str, data: RData<'static>| {
        let owner = Name::new(owner).unwrap().into_owned();
        reply
            .answers
            .push(ResourceRecord::new(owner, CLASS::IN, 60, data));
    };
    let named = |name: &'static str| Name::new(name).unwrap();
    let a = |last: u8| {
        RData::A(A {
            address: u32::from_be_bytes([192, 0, 2, last]),
        })
    };
    match (&*name, question.qtype) {
        ("www.example", QTYPE::TYPE(TYPE::A)) => {
            add("www.example", RData::CNAME(CNAME(named("web.example"))));
            add("web.example", a(1));
        }
        ("www.example", QTYPE::TYPE(TYPE::AAAA)) => add(
            "www.example",
            RData::AAAA(AAAA {
                address: u128::from_be_bytes("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets()),
            }),
        ),
        ("many.example", QTYPE::TYPE(TYPE::A)) if over_udp => {}
        ("many.example", QTYPE::TYPE(TYPE::A)) => (0..200).for_each(|last| add("many.example", a(last))),
        ("example", QTYPE::TYPE(TYPE::MX)) => {
            add(
                "example",
                RData::MX(MX {
                    preference: 20,
                    exchange: named("b.example"),
                }),
            );
            add(
                "example",
                RData::MX(MX {
                    preference: 10,
                    exchange: named("a.example"),
                }),
            );
        }
        ("example", QTYPE::TYPE(TYPE::NS)) => add("example", RData::NS(NS(named("ns.example")))),
        ("example", QTYPE::TYPE(TYPE::TXT)) => {
            add(
                "example",
                RData::TXT(
                    TXT::new()
                        .with_string("v=spf1 ")
                        .unwrap()
                        .with_string("-all")
                        .unwrap(),
                ),
            );
        }
        ("_x._tcp.example", QTYPE::TYPE(TYPE::SRV)) => add(
            "_x._tcp.example",
            RData::SRV(SRV {
                priority: 1,
                weight: 2,
                port: 88,
                target: named("kdc.example"),
            }),
        ),
        ("7.2.0.192.in-addr.arpa", QTYPE::TYPE(TYPE::PTR)) => {
            add("7.2.0.192.in-addr.arpa", RData::PTR(PTR(named("host.example"))));
        }
        _ => *reply.rcode_mut() = RCODE::NameError,
    }
    if over_udp && name == "many.example" {
        reply.set_flags(PacketFlag::TRUNCATION);
    }
    reply.build_bytes_vec().unwrap()
}

/// Its address. It lives as long as the test program.
fn server() -> String {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap();
    let tcp = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        loop {
            let (length, from) = udp.recv_from(&mut buffer).unwrap();
            // First an answer to another question, which is not taken.
            let reply = answer(&buffer[..length], true);
            let mut stray = reply.clone();
            stray[0] ^= 0xff;
            udp.send_to(&stray, from).unwrap();
            udp.send_to(&reply, from).unwrap();
        }
    });
    std::thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut question).unwrap();
            let reply = answer(&question, false);
            stream
                .write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes())
                .unwrap();
            stream.write_all(&reply).unwrap();
        }
    });
    address.to_string()
}

#[test]
fn names_are_looked_up() {
    let server = server();
    let env = [("S", &*server)];
    for (expression, expected) in [
        (
            "host(name='www.example', server=S)",
            r#"["192.0.2.1","2001:db8::1"]"#,
        ),
        (
            "host(name='www.example', server=S, type='ip')[0]",
            r#"{"IP":"192.0.2.1","Zone":""}"#,
        ),
        (
            "host(name='www.example', server=S, type='CNAME')",
            r#""web.example.""#,
        ),
        (
            "host(name='192.0.2.7', server=S, type='PTR')",
            r#"["host.example."]"#,
        ),
        (
            "host(name='example', server=S, type='NS')",
            r#"[{"Host":"ns.example."}]"#,
        ),
        (
            "host(name='example', server=S, type='MX')",
            r#"[{"Host":"a.example.","Pref":10},{"Host":"b.example.","Pref":20}]"#,
        ),
        ("host(name='example', server=S, type='TXT')", r#"["v=spf1 -all"]"#),
        (
            "host(name='_x._tcp.example', server=S, type='SRV')",
            r#"[{"Target":"kdc.example.","Port":88,"Priority":1,"Weight":2}]"#,
        ),
        ("len(list=host(name='many.example', server=S))", "200"),
        ("host(name='nobody.example', server=S)", "null"),
    ] {
        let (value, log) = run(expression, &env);
        assert_eq!(value, expected, "{expression}: {log:?}");
    }
    let (_, log) = run(
        "(host(name='nobody.example', server=S), host(name='nobody.example', server=S))",
        &env,
    );
    assert_eq!(
        log.iter().filter(|line| line.contains("no such host")).count(),
        1,
        "{log:?}"
    );
}

#[test]
fn the_system_is_asked() {
    assert!(run("host(name='localhost')", &[]).0.contains("127.0.0.1"));
    assert!(
        run("host(name='127.0.0.1', type='PTR')", &[])
            .0
            .contains("localhost")
    );
}

#[test]
fn what_was_told_is_known_by_name_and_address() {
    let (value, _) = run(
        "if(condition=cache_dns(name='Told.example', ip='192.0.2.99'), then=(host(name='told.example'), host(name='192.0.2.99', type='PTR')))",
        &[],
    );
    assert_eq!(value, r#"[["192.0.2.99"],["Told.example"]]"#);
}
