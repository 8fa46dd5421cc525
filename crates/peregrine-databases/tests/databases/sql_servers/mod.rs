//! `sql()` on real servers, and on some that are none.

mod mysql;
mod postgres;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use peregrine_engine::prelude::*;
use peregrine_testkit::PASSWORD;

fn run_until(vql: &str, env: &[(&str, &str)], cancellation: Cancellation) -> (String, String) {
    let env = Dict::from_pairs(env.iter().copied());
    let (rows, log) = super::run_until(vql, env, cancellation);
    (rows, log.join("\n"))
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

/// More rows than a server makes in years.
const ENDLESS: &str = "9000000000000000";

/// Rows come while the server still makes them, as `sql` has [`ENDLESS`] of them; and a query within a query has a connection
/// of its own.
fn large_results(client: &Client<'_>, sql: &str) {
    let driver = client.driver;
    let (rows, log) = run(
        &format!("SELECT i, len(list=t) AS L FROM sql(driver='{driver}', connstring=C, query=Q) LIMIT 2"),
        &[("C", &client.connection), ("Q", sql)],
    );
    assert_eq!(rows, r#"{"i":1,"L":100}{"i":2,"L":100}"#, "{log}");
    let small = sql.replace(ENDLESS, "3");
    let (rows, log) = run(
        &format!(
            "SELECT * FROM foreach(row={{SELECT i FROM sql(driver='{driver}', connstring=C, query=Q)}},
                query={{SELECT i, v FROM sql(driver='{driver}', connstring=C, query=format(format='SELECT %v * 2 AS v', args=i))}})"
        ),
        &[("C", &client.connection), ("Q", &small)],
    );
    assert_eq!(rows, r#"{"i":1,"v":2}{"i":2,"v":4}{"i":3,"v":6}"#, "{log}");
}

/// The end of the query ends the work of the server, which would go on for days.
fn stopping(client: &Client<'_>, endless: &str, running: &str) {
    let vql = format!(
        "SELECT * FROM sql(driver='{}', connstring=C, query=Q)",
        client.driver
    );
    let deadline = Cancellation::with_deadline(Duration::from_millis(700));
    run_until(&vql, &[("C", &client.connection), ("Q", endless)], deadline);
    let end = Instant::now() + Duration::from_secs(120);
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
        // The query ends, not the time for connecting.
        for (driver, connection) in [
            (
                "postgres",
                format!("host=127.0.0.1 port={port} user=a password=b connect_timeout=36000 sslmode=disable"),
            ),
            (
                "postgres",
                format!("host=127.0.0.1 port={port} user=a password=b connect_timeout=36000 sslmode=require"),
            ),
            ("mysql", format!("a:b@tcp(127.0.0.1:{port})/?timeout=10h")),
            (
                "mysql",
                format!("a:b@tcp(127.0.0.1:{port})/?tls=true&timeout=10h"),
            ),
        ] {
            let deadline = Cancellation::with_deadline(Duration::from_millis(400));
            let vql = format!("SELECT * FROM sql(driver='{driver}', connstring=C, query='SELECT 1')");
            let (rows, _) = run_until(&vql, &[("C", &connection)], deadline);
            assert_eq!(rows, "");
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
