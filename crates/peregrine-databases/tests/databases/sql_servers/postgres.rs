//! A PostgreSQL server.

use peregrine_testkit::{Postgres, Server};

use super::{Client, ENDLESS, check_error, large_results, run, stopping};

#[test]
fn postgres() {
    let Some(server) = Postgres::start() else { return };
    let port = server.port();
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
        &format!("SELECT generate_series(1, {ENDLESS}) AS i, repeat('x', 100) AS t"),
    );
    stopping(
        &client,
        "SELECT pg_sleep(600000)",
        "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600000)' AND state = 'active'",
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
    // A statement without rows is not an error.
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
    // A wrong password is not revealed either.
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
    let port = server.port();
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
    // The certificate is for localhost, and issued by an unknown authority.
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
        server.folder().display()
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
