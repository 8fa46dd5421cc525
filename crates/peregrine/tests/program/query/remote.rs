//! Files of servers that cannot be used; `tests/e2e/api_client.test.mjs` has those that can.

use super::{check, run, text};
use peregrine_wire::api_client::ApiClientConfig;
use peregrine_wire::pki;
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const ONE: &str = "SELECT 1 AS A FROM scope()";

/// A file as `peregrine config api_client` makes it, with a certificate that was valid for a day from `moment` on.
fn api_client(moment: u64) -> ApiClientConfig {
    let ca = pki::create_ca(moment).unwrap();
    let issued = pki::issue(&ca.certificate, &ca.key, "ann", moment, 1).unwrap();
    ApiClientConfig {
        ca_certificate: ca.certificate,
        client_cert: issued.certificate,
        client_private_key: issued.key.to_pem().unwrap().to_string(),
        // Nothing listens on port 1.
        api_connection_string: "127.0.0.1:1".to_owned(),
        name: "ann".to_owned(),
        ..ApiClientConfig::default()
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn what_keeps_a_query_from_its_server_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.yaml");
    let file = path.to_str().unwrap();
    let valid = api_client(now());
    let changed = |change: &dyn Fn(&mut ApiClientConfig)| {
        let mut config = valid.clone();
        change(&mut config);
        config.to_yaml().unwrap()
    };
    let encrypted =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    for (text, words) in [
        ("- a list".to_owned(), "api.yaml` (--api-config)"),
        (
            changed(&|config| config.client_cert.clear()),
            "`client_cert` is missing",
        ),
        (
            changed(&|config| config.client_private_key = encrypted.to_owned()),
            "is encrypted",
        ),
        (
            changed(&|config| config.client_private_key = "nonsense".to_owned()),
            "`client_private_key`",
        ),
        (
            changed(&|config| config.ca_certificate = "nonsense".to_owned()),
            "`ca_certificate`",
        ),
        (
            changed(&|config| config.api_connection_string = "server".to_owned()),
            "`host:port` or `unix:///path`",
        ),
        (
            changed(&|config| config.pinned_server_name = "not a name".to_owned()),
            "`pinned_server_name`",
        ),
        (
            valid.to_yaml().unwrap(),
            "no server can be reached at `127.0.0.1:1`",
        ),
        (
            changed(&|config| config.api_connection_string = "unix:///nonexistent".to_owned()),
            "no server can be reached at `unix:///nonexistent`",
        ),
        (
            api_client(now() - 3 * 86_400).to_yaml().unwrap(),
            "the certificate of `ann` has expired",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let output = run(&["query", "--api-config", file, ONE], "");
        let message = text_of(&output);
        assert_eq!(output.status.code(), Some(1), "{words}: {message}");
        assert!(message.contains(words), "{words}: {message}");
    }
    let output = run(&["query", "-a", file, "--dump-dir", "/tmp", ONE], "");
    assert!(text_of(&output).contains("--dump-dir and --api-config can not be used together"));
}

#[test]
fn a_variable_names_the_server_of_queries_that_could_run_there() {
    let query = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_peregrine"))
            .env("VELOCIRAPTOR_API_CONFIG", "/nonexistent/api.yaml")
            .arg("query")
            .args(args)
            .output()
            .unwrap()
    };
    let remote = query(&[ONE]);
    assert!(
        text_of(&remote).contains("/nonexistent/api.yaml"),
        "{}",
        text_of(&remote)
    );
    let here = query(&["--max-memory", "1G", ONE]);
    assert_eq!(text(&here.stdout), "{\"A\":1}\n", "{}", text_of(&here));
    check(&[ONE], "{\"A\":1}\n");
}

fn text_of(output: &std::process::Output) -> String {
    text(&output.stderr)
}
