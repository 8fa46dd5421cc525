//! `sql()` on real servers, and on some that are none.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

mod servers;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};

use servers::{PASSWORD, Server};

fn run_until(vql: &str, env: &[(&str, &str)], cancellation: Cancellation) -> (String, String) {
    let registry = Arc::new(peregrine_plugins::register(peregrine_functions::register(
        builtin::registry(),
    )));
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder()
        .registry(registry)
        .log(log.clone())
        .cancellation(cancellation)
        .build();
    let scope = Scope::root(&context, Dict::from_pairs(env.iter().copied()));
    let mut rows: Vec<Row> = Vec::new();
    let _ = Program::compile(vql).unwrap().run(&scope, &mut rows);
    let mut shown = Vec::new();
    rows.iter()
        .for_each(|row| json::write_row(&scope, row, &mut shown));
    scope.close();
    let lines: Vec<String> = log
        .lines()
        .into_iter()
        .filter(|line| !line.starts_with("DEBUG:"))
        .collect();
    (String::from_utf8(shown).unwrap(), lines.join("\n"))
}

fn run(vql: &str, env: &[(&str, &str)]) -> (String, String) {
    run_until(vql, env, Cancellation::new())
}

/// A driver, and where its server is.
struct Client<'a> {
    driver: &'a str,
    connection: String,
}

impl Client<'_> {
    /// Rows and log of an SQL query; `args` is VQL.
    fn ask(&self, sql: &str, args: &str) -> (String, String) {
        let vql = format!(
            "SELECT * FROM sql(driver='{}', connstring=C, query=Q, args={args})",
            self.driver
        );
        run(&vql, &[("C", &self.connection), ("Q", sql)])
    }

    fn rows(&self, sql: &str, args: &str) -> String {
        let (rows, log) = self.ask(sql, args);
        assert_eq!(log, "", "{sql}");
        rows
    }

    fn error(&self, sql: &str, args: &str) -> String {
        let (rows, log) = self.ask(sql, args);
        assert_eq!(rows, "", "{sql}");
        assert!(!log.contains(PASSWORD), "{log}");
        log
    }

    fn reach(&self, connection: &str) -> Client<'_> {
        Client {
            driver: self.driver,
            connection: connection.to_owned(),
        }
    }
}

fn check_error(log: &str, parts: &[&str]) {
    for part in parts {
        assert!(log.contains(part), "`{part}` is not in: {log}");
    }
}

#[test]
fn postgres() {
    let Some(server) = servers::postgres() else { return };
    let port = server.port;
    let keywords = format!("host=127.0.0.1 port={port} user=tester password='tops\\' ecret' dbname=postgres");
    let client = Client {
        driver: "postgres",
        connection: format!("{keywords} sslmode=disable"),
    };
    postgres_types(&client);
    postgres_arguments(&client);
    postgres_errors(&client);
    postgres_connections(&server, &client, &keywords);
    large_results(
        &client,
        "SELECT i, repeat('x', 100) AS t FROM generate_series(1, 20000000) AS i",
    );
    stopping(
        &client,
        "SELECT pg_sleep(600)",
        "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND state = 'active'",
    );
}

fn postgres_types(client: &Client<'_>) {
    for (sql, expected) in [
        ("1::int2", "1"),
        ("-2147483648", "-2147483648"),
        ("9223372036854775807", "9223372036854775807"),
        ("1.5::float4", "1.5"),
        ("0.1::float4", "0.1"),
        ("'2.25'::float8", "2.25"),
        (
            "123456789012345678901234567890.12345",
            "\"123456789012345678901234567890.12345\"",
        ),
        ("-0.00012::numeric", "\"-0.00012\""),
        ("100000000::numeric", "\"100000000\""),
        ("'NaN'::numeric", "\"NaN\""),
        ("true", "true"),
        ("'Ä ''q''' ", "\"Ä 'q'\""),
        ("'abc'::char(5)", "\"abc  \""),
        ("NULL::text", "null"),
        ("'\\x616263'::bytea", "\"abc\""),
        (
            "'2024-05-06 07:08:09.25'::timestamp",
            "\"2024-05-06T07:08:09.25Z\"",
        ),
        (
            "'2024-05-06 07:08:09+02'::timestamptz",
            "\"2024-05-06T05:08:09Z\"",
        ),
        ("'2024-05-06'::date", "\"2024-05-06T00:00:00Z\""),
        ("'infinity'::timestamp", "\"infinity\""),
        ("'07:08:09.5'::time", "\"07:08:09.5\""),
        ("'07:08:09+02'::timetz", "\"07:08:09+02:00\""),
        (
            "'1 year 2 months 3 days 04:05:06'::interval",
            "\"1 year 2 mons 3 days 04:05:06\"",
        ),
        (
            "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
            "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
        ),
        ("'{\"a\": [1, {\"b\": null}]}'::json", "{\"a\":[1,{\"b\":null}]}"),
        ("'{\"a\": [1, {\"b\": null}]}'::jsonb", "{\"a\":[1,{\"b\":null}]}"),
        ("'192.168.1.5'::inet", "\"192.168.1.5\""),
        ("'192.168.1.0/24'::cidr", "\"192.168.1.0/24\""),
        ("'::1/64'::inet", "\"::1/64\""),
        ("'08:00:2b:01:02:03'::macaddr", "\"08:00:2b:01:02:03\""),
        ("B'1011'", "\"1011\""),
        ("ARRAY[1, NULL, 3]", "[1,null,3]"),
        ("'{{1,2},{3,4}}'::int[]", "[[1,2],[3,4]]"),
        ("ARRAY['a', 'b,\"c']", "[\"a\",\"b,\\\"c\"]"),
        ("'{}'::text[]", "[]"),
        ("ROW(1, 'x'::text, NULL)", "[1,\"x\",null]"),
        ("'pg_class'::regclass::oid", "1259"),
        (
            "'[1,5)'::int4range",
            "{\"empty\":false,\"lower\":1,\"lower_inclusive\":true,\"upper\":5,\"upper_inclusive\":false}",
        ),
    ] {
        assert_eq!(
            client.rows(&format!("SELECT {sql} AS v"), "NULL"),
            format!("{{\"v\":{expected}}}"),
            "{sql}"
        );
    }
    client.rows("CREATE TYPE mood AS ENUM ('sad', 'happy')", "NULL");
    client.rows("CREATE DOMAIN small AS int CHECK (value < 10)", "NULL");
    client.rows("CREATE TYPE pair AS (a int, b mood)", "NULL");
    let sql = "SELECT 'happy'::mood AS m, 3::small AS s, ROW(1, 'sad')::pair AS p, ARRAY['sad'::mood] AS l, 1 AS one, 2 AS one";
    assert_eq!(
        client.rows(sql, "NULL"),
        r#"{"m":"happy","s":3,"p":{"a":1,"b":"sad"},"l":["sad"],"one":2}"#
    );
    let log = client.error("SELECT 1 AS a, to_tsvector('x') AS words", "NULL");
    check_error(
        &log,
        &["column `words` has type `tsvector`", "select `words::text`"],
    );
    // What gives no rows is not an error.
    assert_eq!(client.rows("CREATE TABLE t(a int)", "NULL"), "");
    assert_eq!(client.rows("INSERT INTO t VALUES (1), (2)", "NULL"), "");
    assert_eq!(
        client.rows("DELETE FROM t WHERE a = 1 RETURNING a", "NULL"),
        "{\"a\":1}"
    );
    assert_eq!(client.rows("SELECT a FROM t WHERE a > 5", "NULL"), "");
    assert_eq!(
        client.rows("SHOW server_encoding", "NULL"),
        "{\"server_encoding\":\"UTF8\"}"
    );
    // The types are those of the language.
    let (rows, log) = run(
        "SELECT v.Year AS Y, len(list=b) AS L, j.a AS A FROM sql(driver='postgres', connstring=C, query=Q)",
        &[
            ("C", &client.connection),
            (
                "Q",
                "SELECT now() AS v, '\\x00ff'::bytea AS b, '{\"a\": 7}'::json AS j",
            ),
        ],
    );
    assert!(
        rows.contains("\"L\":2,\"A\":7") && !rows.contains("\"Y\":null"),
        "{rows} {log}"
    );
}

fn postgres_arguments(client: &Client<'_>) {
    for (sql, args, expected) in [
        ("$1::int + $2::int", "[1, 2]", "3"),
        ("$1::text", "'it\\'s \"x\" \\\\ ; --'", r#""it's \"x\" \\ ; --""#),
        ("$1::date", "'2024-05-06'", "\"2024-05-06T00:00:00Z\""),
        (
            "$1::timestamptz",
            "timestamp(epoch=1700000000)",
            "\"2023-11-14T22:13:20Z\"",
        ),
        ("$1::bool", "TRUE", "true"),
        ("$1::float8", "1.25", "1.25"),
        ("$2::int IS NULL AND $1::int = 1", "[1, NULL]", "true"),
        ("$1::jsonb", "dict(a=1, b=('x', 2))", r#"{"a":1,"b":["x",2]}"#),
        ("$1 = ANY($2::int[])", "[2, (1, 2)]", "true"),
        (
            "$1::text[] || $2::text",
            "[('a\"b', NULL, 'c,d'), 0]",
            r#"["a\"b",null,"c,d","0"]"#,
        ),
        ("length($1::bytea)", "unhex(string='00ff41')", "3"),
    ] {
        let rows = client.rows(&format!("SELECT {sql} AS v"), args);
        assert_eq!(rows, format!("{{\"v\":{expected}}}"), "{sql} {args}");
    }
    let log = client.error("SELECT $1::int", "NULL");
    check_error(&log, &["1 parameters", "0 values"]);
    let log = client.error("SELECT $1::int", "'seven'");
    check_error(
        &log,
        &["invalid input syntax for type integer: \"seven\" (22P02)"],
    );
}

fn postgres_errors(client: &Client<'_>) {
    let log = client.error("SELECT * FROM nowhere", "NULL");
    check_error(
        &log,
        &[
            "sql: PostgreSQL server `127.0.0.1:",
            "relation \"nowhere\" does not exist (42P01)",
        ],
    );
    // Rows until then are there.
    let (rows, log) = client.ask("SELECT 10 / (3 - i) AS v FROM generate_series(1, 3) AS i", "NULL");
    assert_eq!(rows, "{\"v\":5}{\"v\":10}");
    check_error(&log, &["division by zero"]);
    let log = client.error(
        "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(5)",
        "NULL",
    );
    check_error(&log, &["terminating connection"]);
    // A password that is wrong is not told either.
    let wrong = client.reach(&client.connection.replace("ecret", "wrong-one"));
    let log = wrong.error("SELECT 1", "NULL");
    check_error(
        &log,
        &["password authentication failed for user \"tester\" (28P01)"],
    );
    assert!(!log.contains("wrong-one"), "{log}");
    let log = client
        .reach("host=127.0.0.1 port=1 user=a password=hidden1")
        .error("SELECT 1", "NULL");
    check_error(&log, &["`127.0.0.1:1`", "no connection", "refused"]);
    assert!(!log.contains("hidden1"), "{log}");
    for bad in [
        "hidden1",
        "host=a password=x hidden1",
        "host='a hidden1",
        "user=a port=hidden1",
        "user=a sslmode=hidden1",
        "postgres://a:hidden1@host:99999/x",
        "postgres://a:hidden1@ho st/",
        "user=a hid-den1=hidden1",
    ] {
        let log = client.reach(bad).error("SELECT 1", "NULL");
        assert!(!log.contains("hidden1") && log.contains("connstring"), "{log}");
    }
}

fn postgres_connections(server: &Server, client: &Client<'_>, keywords: &str) {
    let port = server.port;
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let (yes, no) = ("{\"ssl\":true}", "{\"ssl\":false}");
    let authority = server.file("ca.pem");
    let url = format!("postgres://tester:tops%27%20ecret@localhost:{port}/postgres");
    for (connection, expected) in [
        (format!("{keywords} sslmode=disable"), no),
        (format!("{keywords} sslmode = prefer"), yes),
        // Encrypted when nothing is said.
        (keywords.to_owned(), yes),
        (format!("{keywords} sslmode=require"), yes),
        (
            format!("{keywords} sslmode=verify-ca sslrootcert='{authority}'"),
            yes,
        ),
        (format!("{url}?sslmode=verify-full&sslrootcert={authority}"), yes),
        (format!("{url}?sslmode=disable&application_name=x"), no),
    ] {
        assert_eq!(
            client.reach(&connection).rows(encrypted, "NULL"),
            expected,
            "{connection}"
        );
    }
    // The certificate is for localhost, and of an authority nobody knows.
    for (connection, message) in [
        (
            format!("{keywords} sslmode=verify-full sslrootcert='{authority}'"),
            "not valid for name",
        ),
        (format!("{keywords} sslmode=verify-ca"), "UnknownIssuer"),
        (format!("{url}?sslmode=verify-full"), "UnknownIssuer"),
        (
            format!("{url}?sslmode=verify-full&sslrootcert=/no/such/file"),
            "`/no/such/file`",
        ),
    ] {
        check_error(&client.reach(&connection).error("SELECT 1", "NULL"), &[message]);
    }
    let socket = format!(
        "host={} port={port} user=tester password='tops\\' ecret' dbname=postgres",
        server.folder.path().display()
    );
    assert_eq!(
        client
            .reach(&socket)
            .rows("SELECT inet_client_addr() AS a", "NULL"),
        "{\"a\":null}"
    );
    let session = format!(
        "{keywords} sslmode=disable search_path='\"a b\", public' application_name=hunt options='-c statement_timeout=300'"
    );
    let session = client.reach(&session);
    let shown = session.rows(
        "SELECT current_setting('search_path') AS p, current_setting('application_name') AS n",
        "NULL",
    );
    assert_eq!(shown, r#"{"p":"\"a b\", public","n":"hunt"}"#);
    check_error(
        &session.error("SELECT pg_sleep(60)", "NULL"),
        &["statement timeout"],
    );
}

#[test]
fn mysql() {
    let Some(server) = servers::mariadb() else { return };
    let port = server.port;
    let client = Client {
        driver: "mysql",
        connection: format!("tester:{PASSWORD}@tcp(127.0.0.1:{port})/test"),
    };
    mysql_types(&client);
    mysql_errors(&client);
    mysql_connections(&server, &client);
    large_results(
        &client,
        "SELECT seq AS i, repeat('x', 100) AS t FROM seq_1_to_20000000",
    );
    stopping(
        &client,
        "SELECT sleep(600)",
        "SELECT count(*) AS n FROM information_schema.processlist WHERE info LIKE '%sleep(600)' AND info NOT LIKE '%processlist%'",
    );
}

fn mysql_types(client: &Client<'_>) {
    client.rows(
        "CREATE TABLE t(a tinyint, b int unsigned, c bigint unsigned, d decimal(20,5), e float, f double, g varchar(20), h blob,
            i date, j datetime(3), k timestamp NULL, l time, m year, n bit(9), o enum('x','y'), p set('a','b'), q json, r bool)",
        "NULL",
    );
    client.rows(
        "INSERT INTO t VALUES (-1, 4000000000, 18446744073709551615, 123456789012345.12345, 0.1, 2.25, 'Ä', x'00ff',
            '2024-05-06', '2024-05-06 07:08:09.250', '2024-05-06 07:08:09', '-30:01:02', 2024, b'100000001', 'y', 'a,b',
            '{\"a\": 1}', true)",
        "NULL",
    );
    client.rows("INSERT INTO t(a) VALUES (?)", "7");
    let expected = concat!(
        r#"{"a":-1,"b":4000000000,"c":18446744073709551615,"d":"123456789012345.12345","e":0.1,"f":2.25,"g":"Ä","#,
        r#""L":2,"i":"2024-05-06T00:00:00Z","j":"2024-05-06T07:08:09.25Z","k":"2024-05-06T07:08:09Z","l":"-30:01:02","#,
        r#""m":2024,"n":257,"o":"y","p":"a,b","q":"{\"a\": 1}","r":1}"#
    );
    // As texts, and in binary form.
    for (sql, args) in [
        ("SELECT * FROM t WHERE a = -1", "NULL"),
        ("SELECT * FROM t WHERE a = ?", "-1"),
    ] {
        let (rows, log) = run(
            &format!(
                "SELECT a, b, c, d, e, f, g, len(list=h) AS L, i, j, k, l, m, n, o, p, q, r
                 FROM sql(driver='mysql', connstring=C, query=Q, args={args})"
            ),
            &[("C", &client.connection), ("Q", sql)],
        );
        assert_eq!(rows, expected, "{log}");
    }
    for (sql, args, expected) in [
        ("? + ?", "[1, 2]", "3"),
        ("?", "'it\\'s \"x\" ; --'", r#""it's \"x\" ; --""#),
        ("? = 1 AND ? IS NULL", "[1, NULL]", "1"),
        (
            "DATE(?)",
            "timestamp(epoch=1700000000)",
            "\"2023-11-14T00:00:00Z\"",
        ),
        ("length(?)", "unhex(string='00ff41')", "3"),
        ("CAST('0000-00-00' AS DATE)", "NULL", "null"),
    ] {
        let rows = client.rows(&format!("SELECT {sql} AS v"), args);
        assert_eq!(rows, format!("{{\"v\":{expected}}}"), "{sql} {args}");
    }
    assert_eq!(client.rows("SELECT 1 AS a, 2 AS a", "NULL"), "{\"a\":2}");
    assert_eq!(client.rows("SELECT a FROM t WHERE a = 55", "NULL"), "");
    assert!(client.rows("SHOW TABLES", "NULL").contains("\"t\""));
    let berlin = client.reach(&format!("{}?loc=Europe%2FBerlin", client.connection));
    assert_eq!(
        berlin.rows("SELECT j, k FROM t WHERE a = -1", "NULL"),
        r#"{"j":"2024-05-06T05:08:09.25Z","k":"2024-05-06T07:08:09Z"}"#
    );
    let texts = client.reach(&format!("{}?parseTime=false", client.connection));
    assert_eq!(
        texts.rows("SELECT i FROM t WHERE a = ?", "-1"),
        r#"{"i":"2024-05-06"}"#
    );
}

fn mysql_errors(client: &Client<'_>) {
    let log = client.error("SELECT * FROM nowhere", "NULL");
    check_error(
        &log,
        &[
            "sql: MySQL server `127.0.0.1:",
            "Table 'test.nowhere' doesn't exist (1146, 42S02)",
        ],
    );
    check_error(&client.error("SELECT ?", "[1, 2]"), &["1 parameters", "2 values"]);
    // No file of this machine goes to the server.
    client.rows("CREATE TABLE f(a text)", "NULL");
    let log = client.error("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE f", "NULL");
    assert!(!log.is_empty());
    let wrong = client.reach(&client.connection.replace("ecret", "wrong-one"));
    let log = wrong.error("SELECT 1", "NULL");
    check_error(&log, &["Access denied for user 'tester'"]);
    assert!(!log.contains("wrong-one"), "{log}");
    let log = client
        .reach("a:hidden1@tcp(127.0.0.1:1)/")
        .error("SELECT 1", "NULL");
    check_error(&log, &["`127.0.0.1:1`", "refused"]);
    assert!(!log.contains("hidden1"), "{log}");
    for bad in [
        "hidden1",
        "a:hidden1@tcp(x",
        "a:hidden1@tcp(x/",
        "a:b@hidden1(x)/",
        "a:b@tcp(x:hidden1)/",
        "a:b@/?tls=hidden1",
        "a:b@/?timeout=hidden1",
        "a:b@/?hidden1",
        "a:b@/?loc=hidden1",
    ] {
        let log = client.reach(bad).error("SELECT 1", "NULL");
        assert!(!log.contains("hidden1") && log.contains("connstring"), "{log}");
    }
}

fn mysql_connections(server: &Server, client: &Client<'_>) {
    let port = server.port;
    let sql = "SELECT variable_value <> '' AS tls FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'";
    let authority = server.file("ca.pem");
    let (yes, no) = ("{\"tls\":1}", "{\"tls\":0}");
    let by_name = format!("tester:{PASSWORD}@tcp(localhost:{port})/test");
    for (connection, expected) in [
        (client.connection.clone(), no),
        (format!("{}?tls=skip-verify", client.connection), yes),
        (format!("{}?tls=preferred", client.connection), yes),
        (format!("{by_name}?tls=true&ssl-ca={authority}"), yes),
        (
            format!("tester:{PASSWORD}@unix({})/test", server.file("socket")),
            no,
        ),
    ] {
        assert_eq!(
            client.reach(&connection).rows(sql, "NULL"),
            expected,
            "{connection}"
        );
    }
    for (connection, message) in [
        (format!("{by_name}?tls=true"), "UnknownIssuer"),
        (
            format!("{}?tls=true&ssl-ca={authority}", client.connection),
            "not valid for name",
        ),
    ] {
        check_error(&client.reach(&connection).error("SELECT 1", "NULL"), &[message]);
    }
    let session = format!(
        "{}?time_zone=%27%2B05:00%27&charset=utf8mb4&max_statement_time=0.3",
        client.connection
    );
    let session = client.reach(&session);
    assert_eq!(
        session.rows("SELECT @@time_zone AS z", "NULL"),
        "{\"z\":\"+05:00\"}"
    );
    check_error(
        &session.error(
            "SELECT * FROM seq_1_to_2000000000 ORDER BY rand() LIMIT 1",
            "NULL",
        ),
        &["max_statement_time"],
    );
    let impatient = client.reach(&format!("{}?readTimeout=300ms", client.connection));
    check_error(
        &impatient.error("SELECT sleep(20)", "NULL"),
        &["no answer within 0.3 seconds"],
    );
}

/// Rows come while the server still makes them, and a query within a query has a connection of its own.
fn large_results(client: &Client<'_>, sql: &str) {
    let start = Instant::now();
    let driver = client.driver;
    let (rows, log) = run(
        &format!("SELECT i, len(list=t) AS L FROM sql(driver='{driver}', connstring=C, query=Q) LIMIT 2"),
        &[("C", &client.connection), ("Q", sql)],
    );
    assert_eq!(rows, r#"{"i":1,"L":100}{"i":2,"L":100}"#, "{log}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let small = sql.replace("20000000", "3");
    let (rows, log) = run(
        &format!(
            "SELECT * FROM foreach(row={{SELECT i FROM sql(driver='{driver}', connstring=C, query=Q)}},
                query={{SELECT i, v FROM sql(driver='{driver}', connstring=C, query=format(format='SELECT %v * 2 AS v', args=i))}})"
        ),
        &[("C", &client.connection), ("Q", &small)],
    );
    assert_eq!(rows, r#"{"i":1,"v":2}{"i":2,"v":4}{"i":3,"v":6}"#, "{log}");
}

/// The end of the query ends the work of the server.
fn stopping(client: &Client<'_>, endless: &str, running: &str) {
    let start = Instant::now();
    let vql = format!(
        "SELECT * FROM sql(driver='{}', connstring=C, query=Q)",
        client.driver
    );
    let deadline = Cancellation::with_deadline(Duration::from_millis(700));
    run_until(&vql, &[("C", &client.connection), ("Q", endless)], deadline);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let end = Instant::now() + Duration::from_secs(10);
    while client.rows(running, "NULL") != "{\"n\":0}" {
        assert!(Instant::now() < end, "the server still works");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A listener that takes connections and says nothing, or something wrong.
#[test]
fn servers_that_say_nothing_or_nonsense() {
    for answer in [b"".as_slice(), b"HTTP/1.1 400 Bad Request\r\n\r\n", &[0xff; 4096]] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = answer.to_vec();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept() {
                let _ = std::io::Write::write_all(&mut stream, &answer);
                kept.push(stream);
            }
        });
        for (driver, connection) in [
            (
                "postgres",
                format!("host=127.0.0.1 port={port} user=a password=b sslmode=disable"),
            ),
            (
                "postgres",
                format!("host=127.0.0.1 port={port} user=a password=b sslmode=require"),
            ),
            ("mysql", format!("a:b@tcp(127.0.0.1:{port})/")),
            ("mysql", format!("a:b@tcp(127.0.0.1:{port})/?tls=true")),
        ] {
            let start = Instant::now();
            let deadline = Cancellation::with_deadline(Duration::from_millis(400));
            let vql = format!("SELECT * FROM sql(driver='{driver}', connstring=C, query='SELECT 1')");
            let (rows, _) = run_until(&vql, &[("C", &connection)], deadline);
            assert_eq!(rows, "");
            assert!(
                start.elapsed() < Duration::from_secs(8),
                "{driver} {:?}",
                start.elapsed()
            );
        }
    }
    // Without a deadline, the time for connecting counts.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connection = format!("a:b@tcp(127.0.0.1:{port})/?timeout=300ms");
    let (_, log) = run(
        "SELECT * FROM sql(driver='mysql', connstring=C, query='SELECT 1')",
        &[("C", &connection)],
    );
    check_error(&log, &["no answer within 0.3 seconds"]);
}
