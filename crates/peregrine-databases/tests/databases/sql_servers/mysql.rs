//! A server of the MySQL family.

use peregrine_testkit::{MariaDb, PASSWORD, Server};

use super::{Client, ENDLESS, check_error, large_results, run, stopping};

#[test]
fn mysql() {
    let Some(server) = MariaDb::start() else { return };
    let port = server.port();
    let client = Client {
        driver: "mysql",
        connection: format!("tester:{PASSWORD}@tcp(127.0.0.1:{port})/test"),
    };
    mysql_types(&client);
    mysql_errors(&client);
    mysql_connections(&server, &client);
    large_results(
        &client,
        &format!("SELECT seq AS i, repeat('x', 100) AS t FROM seq_1_to_{ENDLESS}"),
    );
    stopping(
        &client,
        "SELECT sleep(600000)",
        "SELECT count(*) AS n FROM information_schema.processlist WHERE info LIKE '%sleep(600000)' AND info NOT LIKE '%processlist%'",
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
    let port = server.port();
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
