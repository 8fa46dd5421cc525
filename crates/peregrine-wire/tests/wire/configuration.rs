//! Configuration and state files as deployments have them.

use peregrine_proto::{VqlCollectorArgs, VqlEventTable};
use peregrine_wire::api_client::{ApiAddress, ApiClientConfig};
use peregrine_wire::config::{ClientConfig, Config, VerificationMode};
use peregrine_wire::{Checkpoint, Writeback};

const FILE: &str = r#"
version:
  name: velociraptor
  version: 0.77.2
Client:
  server_urls:
  - https://server.example.com:8000/
  - wss://server.example.com:8000/
  ca_certificate: |
    -----BEGIN CERTIFICATE-----
    AAAA
    -----END CERTIFICATE-----
  nonce: bm9uY2U=
  labels:
  use_self_signed_ssl: true
  Crypto:
    certificate_verification_mode: THUMBPRINT_ONLY
    certificate_thumbprints:
    - E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55
  writeback_linux: /var/lib/$NONCE.yaml
  max_poll: 0
  max_poll_std: 7
  local_buffer:
    disk_size: 1073741824
    filename_linux: $HOME/buffer.bin
  client_info_update_time: -1
  something_new: {a: [1, 2]}
Frontend:
  hostname: server.example.com
"#;

#[test]
fn a_deployments_file_is_read() {
    let config = Config::from_yaml(FILE).unwrap();
    assert_eq!(config.version.version, "0.77.2");
    let client = config.client;
    assert_eq!(client.server_urls[1], "wss://server.example.com:8000/");
    assert_eq!(
        client.ca_certificate,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    );
    assert!(client.use_self_signed_ssl && client.labels.is_empty());
    assert_eq!(client.pinned_server_name, "VelociraptorServer");
    assert_eq!(
        (
            client.min_poll,
            client.max_poll,
            client.max_poll_std,
            client.ws_ping_wait_sec
        ),
        (1, 60, 7, 60)
    );
    assert_eq!(
        (
            client.max_upload_size,
            client.concurrency,
            client.connection_timeout
        ),
        (5_242_880, 2, 300)
    );
    assert_eq!(
        (client.nanny_max_connection_delay, client.client_info_update_time),
        (0, -1)
    );
    assert_eq!(client.local_buffer.memory_size, 52_428_800);
    assert_eq!(client.crypto.mode(), Ok(VerificationMode::ThumbprintOnly));
    assert!(client.crypto.lists(b"") && !client.crypto.lists(b"x"));
    if cfg!(target_os = "linux") {
        let home = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        assert_eq!(client.writeback(home), "/var/lib/bm9uY2U_.yaml");
        assert_eq!(
            client.local_buffer.file(home).as_deref(),
            Some("/root/buffer.bin")
        );
    }
}

#[test]
fn a_generated_file_is_read_back() {
    let urls = vec!["https://127.0.0.1:8000/".to_owned()];
    let client = ClientConfig::generated(urls, "-----BEGIN…\nx\n".into(), "n: 1 # \"'".into());
    let config = Config {
        client,
        ..Config::default()
    };
    assert_eq!(Config::from_yaml(&config.to_yaml().unwrap()).unwrap(), config);
}

#[test]
fn faults_are_named() {
    let fault = |change: (&str, &str)| {
        let text = FILE.replace(change.0, change.1);
        assert_ne!(text, FILE);
        Config::from_yaml(&text).unwrap_err().to_string()
    };
    assert_eq!(
        fault(("nonce: bm9uY2U=", "")),
        "bad configuration: `Client.nonce` is missing"
    );
    assert_eq!(
        fault((":8000/\n  - wss", ":8000\n  - wss")),
        "bad configuration: `Client.server_urls`: `https://server.example.com:8000` must end in `/`"
    );
    assert!(fault(("- wss://", "- gopher://")).contains("must start with"));
    assert!(fault(("THUMBPRINT_ONLY", "NONE")).contains("unknown mode `NONE`"));
    assert!(fault(("Client:", "Cl: [")).starts_with("bad configuration: "));
    assert!(Config::from_yaml("").is_err());
}

#[test]
fn state_is_kept_on_two_levels() {
    let state = Writeback {
        install_time: 1_700_000_000,
        private_key: "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n".into(),
        client_id: "C.76968b7e6dd56f5a".into(),
        last_server_pem: "-----BEGIN CERTIFICATE-----\nBBBB\n".into(),
        event_queries: Some(VqlEventTable {
            version: u64::MAX,
            event: vec![VqlCollectorArgs {
                timeout: 5,
                cpu_limit: 1.5,
                ..Default::default()
            }],
        }),
        checkpoints: vec![Checkpoint {
            flow_id: "F.1".into(),
            path: "/tmp/x".into(),
        }],
        ..Writeback::default()
    };
    let read = |state: &Writeback| Writeback::from_yaml(&state.to_yaml().unwrap()).unwrap();
    assert_eq!(read(&state), state);
    assert_eq!(read(&state.identity()), state.identity());

    let renewed = Writeback {
        private_key: "new".into(),
        ..state.identity()
    };
    let both = Writeback::from_levels(Some(renewed), Some(state.clone()));
    assert_eq!(
        (both.private_key.as_str(), &both.event_queries),
        ("new", &state.event_queries)
    );
    assert_eq!(Writeback::from_levels(None, Some(state.clone())), state);
    assert_eq!(Writeback::from_levels(None, None), Writeback::default());
    assert!(!format!("{state:?}").contains("AAAA"));
}

#[test]
fn an_unreadable_event_table_does_not_cost_the_identity() {
    let state = Writeback::from_yaml("client_id: C.1\nevent_queries: {event: 7}\n").unwrap();
    assert_eq!((state.client_id.as_str(), state.event_queries), ("C.1", None));
    for damaged in [
        "private_key: SECRET\nclient_id: [",
        "install_time: SECRET",
        "private_key: [SECRET]",
    ] {
        let error = Writeback::from_yaml(damaged).unwrap_err().to_string();
        assert!(!error.contains("SECRET"), "{error}");
    }
}

const API_FILE: &str = r"
ca_certificate: |
  -----BEGIN CERTIFICATE-----
  AAAA
  -----END CERTIFICATE-----
client_cert: |
  -----BEGIN CERTIFICATE-----
  BBBB
  -----END CERTIFICATE-----
client_private_key: |
  -----BEGIN RSA PRIVATE KEY-----
  CCCC
  -----END RSA PRIVATE KEY-----
api_connection_string: 127.0.0.1:8001
name: forwarder
something_new: 1
";

#[test]
fn an_api_client_file_is_read_and_written() {
    let config = ApiClientConfig::from_yaml(API_FILE).unwrap();
    assert_eq!(
        (config.name.as_str(), config.server_name()),
        ("forwarder", "VelociraptorServer")
    );
    let address = config.address().unwrap();
    assert_eq!(
        address,
        ApiAddress::Tcp {
            host: "127.0.0.1".to_owned(),
            port: 8001
        }
    );
    let text = config.to_yaml().unwrap();
    assert_eq!(ApiClientConfig::from_yaml(&text).unwrap(), config);
    assert!(!text.contains("pinned_server_name") && !text.contains("max_grpc_recv_size"));
    let more = format!("{API_FILE}pinned_server_name: Other\nmax_grpc_recv_size: 10485760\n");
    let more = ApiClientConfig::from_yaml(&more).unwrap();
    assert_eq!((more.server_name(), more.max_grpc_recv_size), ("Other", 10 << 20));
    assert!(!format!("{more:?}").contains("CCCC"));
}

#[test]
fn an_api_client_file_that_cannot_be_used_says_why() {
    let refused = |from: &str, to: &str| {
        let text = API_FILE.replacen(from, to, 1);
        assert_ne!(text, API_FILE);
        ApiClientConfig::from_yaml(&text).unwrap_err().to_string()
    };
    assert!(refused("client_cert:", "other:").contains("`client_cert` is missing"));
    let encrypted = "CCCC\n  Proc-Type: 4,ENCRYPTED";
    assert!(refused("CCCC", encrypted).contains("encrypted"));
}

#[test]
fn addresses_of_an_api_are_hosts_with_ports_or_sockets() {
    let parse = |text: &str| text.parse::<ApiAddress>();
    for (text, host, port) in [
        ("server.example.com:8001", "server.example.com", 8001),
        ("[::1]:1", "::1", 1),
    ] {
        let host = host.to_owned();
        let address = parse(text).unwrap();
        assert_eq!(address, ApiAddress::Tcp { host, port });
        assert_eq!(address.to_string(), text);
    }
    let socket = parse("unix:///run/api.sock").unwrap();
    assert_eq!(socket, ApiAddress::Unix("/run/api.sock".into()));
    assert_eq!(socket.to_string(), "unix:///run/api.sock");
    for text in [
        "",
        "host",
        ":1",
        "host:",
        "host:65536",
        "::1",
        "https://host:1",
        "unix://",
        "[[::1]]:1",
        "[a/b]:1",
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains("host:port"), "{text}: {error}");
    }
}
