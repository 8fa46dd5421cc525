//! Artifacts that watch what happens and tell somebody, and the queues that they can watch.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use peregrine_artifacts::Origin;
use peregrine_server_vql::run::{tell_completions, tell_new_hunts};
use peregrine_services::events::{self, News, Origin as Raised};
use peregrine_services::users::Principal;
use peregrine_services::{flows, hunts};
use peregrine_store::testing::{client_id, flow_id};
use peregrine_store::{ClientFacts, ClientId, Effect, Flow, FlowState, Progress, SetKind, Upload, chunk};
use serde_json::{Map, Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::super::{CLIENT, EPOCH, lines, server::principal};
use super::{ADMIN, LONGEST, PAUSE, Server, parse};

/// A web hook that takes everything; its address, and what it is sent.
fn web_hook() -> (String, Receiver<Json>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while stream.read_line(&mut line).unwrap() > 2 {
                let header = line.to_ascii_lowercase();
                if let Some(text) = header.strip_prefix("content-length:") {
                    length = text.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\ntaken";
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

/// Puts an artifact on the table of the server, has something happen until it has a row, and returns the first one.
fn first_row(server: &Server, artifact: &str, parameters: &str, happen: impl Fn()) -> Json {
    let add = format!("add_server_monitoring(artifact='{artifact}', parameters=dict({parameters}))");
    let (table, log) = server.value(ADMIN, &add);
    assert!(table.contains(artifact), "{log:?}");
    for _ in 0..LONGEST.as_millis() / PAUSE.as_millis() {
        // It may not watch yet.
        happen();
        std::thread::sleep(PAUSE);
        let has_rows = server.runtime.block_on(async {
            let server_id = ClientId::server();
            let sets = server.core.storage.database.event_sets(&server_id).await.unwrap();
            sets.iter()
                .any(|set| set.name == artifact && set.kind == SetKind::Events)
        });
        if has_rows {
            let (rows, _) = server.rows(
                ADMIN,
                &format!("monitoring(client_id='server', artifact='{artifact}')"),
            );
            return parse(&rows).remove(0);
        }
    }
    let messages = format!("monitoring_logs(client_id='server', artifact='{artifact}')");
    panic!("no row, but {}", server.rows(ADMIN, &messages).0);
}

fn emit(server: &Server, queue: &str, row: Json) {
    let Json::Object(row) = row else { panic!("{row}") };
    server
        .runtime
        .block_on(events::emit(&server.core, queue, &CLIENT, row))
        .unwrap();
}

/// Defines an event artifact that agents of other systems have.
fn define(server: &Server, name: &str) {
    let definition = format!("name: {name}\ntype: CLIENT_EVENT\n");
    server.core.artifacts.load(&definition, Origin::Custom).unwrap();
}

#[test]
fn a_chat_is_told_of_alerts() {
    let server = Server::start_whole();
    let (url, received) = web_hook();
    let raise = || {
        let origin = Raised {
            client_id: Some(&CLIENT),
            artifact: "Custom.Watch",
            ..Raised::default()
        };
        let message = r#"{"name":"Intruder","event_data":{"User":"eve"}}"#;
        server
            .runtime
            .block_on(events::raise(&server.core, &origin, message))
            .unwrap();
    };
    let row = first_row(
        &server,
        "Server.Alerts.Notification",
        &format!("SlackToken='{url}'"),
        raise,
    );
    assert_eq!(
        (&row["Response"], &row["Content"]),
        (&json!(200), &json!("taken"))
    );
    assert_eq!(
        (&row["Name"], &row["Data"]),
        (&json!("Intruder"), &json!({"User": "eve"}))
    );
    let told = received.recv_timeout(LONGEST).unwrap();
    let text = told["text"].as_str().unwrap();
    assert!(
        text.starts_with(&format!("Alert: Intruder on web1.example.org ({})", *CLIENT)),
        "{text}"
    );
    assert!(text.contains("eve"), "{text}");
}

/// The address of the chat is that of the server's metadata, unless the artifact has another one.
#[test]
fn a_chat_is_told_of_processes_and_of_sign_ins() {
    let server = Server::start_whole();
    let (url, received) = web_hook();
    assert_eq!(
        server
            .value(ADMIN, &format!("server_set_metadata(SlackToken='{url}')"))
            .0,
        "true"
    );
    let process = "Windows.Detection.ProcessCreation";
    define(&server, process);
    let row = first_row(&server, "Server.Alerts.ProcessCreation", "", || {
        emit(
            &server,
            process,
            json!({"CommandLine": "mimikatz.exe", "Hostname": "pc7"}),
        );
    });
    assert_eq!(
        (&row["Event"]["CommandLine"], &row["Response"]),
        (&json!("mimikatz.exe"), &json!(200))
    );
    let told = received.recv_timeout(LONGEST).unwrap();
    assert!(told["text"].as_str().unwrap().contains("mimikatz.exe"), "{told}");

    let account = "Windows.Events.Trackaccount";
    define(&server, account);
    let row = first_row(&server, "Server.Alerts.Trackaccount", "", || {
        let event = json!({
            "EventTime": "2022-08-16T18:54:34Z", "SourceComputer": "dc1", "TargetUserName": "breakglass",
            "LogonType": 10, "IpAddress": "192.0.2.9", "TargetWorkstationName": "pc7",
        });
        emit(&server, account, event);
    });
    assert_eq!(
        (&row["TargetUserName"], &row["Response"]),
        (&json!("breakglass"), &json!(200))
    );
    let is_told = |told: Json| {
        told["text"]
            .as_str()
            .unwrap()
            .starts_with("breakglass signed in on dc1")
    };
    while !is_told(received.recv_timeout(LONGEST).unwrap()) {}
}

/// No mail server is configured here; that mails arrive is tested where there is one.
#[test]
fn what_is_worth_a_mail_is_a_row_with_what_became_of_the_mail() {
    let server = Server::start_whole();
    let no_server = json!("no mail server is configured; give one as `server`");
    let service = "Windows.Events.ServiceCreation";
    define(&server, service);
    let row = first_row(&server, "Server.Alerts.WinPmem", "", || {
        for name in ["spooler", "winpmem"] {
            let path = format!("C:/Windows/{name}.sys");
            emit(
                &server,
                service,
                json!({"Timestamp": "2022", "ServiceName": name, "ImagePath": path}),
            );
        }
    });
    assert_eq!(
        (&row["ServiceName"], &row["Mail"]),
        (&json!("winpmem"), &no_server)
    );

    let psexec = "Windows.Detection.PsexecService";
    define(&server, psexec);
    let row = first_row(&server, "Server.Alerts.PsExec", "", || {
        emit(&server, psexec, json!({"Name": "PSEXESVC"}))
    });
    assert_eq!(
        (&row["Event"]["Name"], &row["Fqdn"]),
        (&json!("PSEXESVC"), &json!("web1.example.org"))
    );
    assert_eq!(row["Mail"], no_server);

    let row = first_row(&server, "Server.Monitoring.ClientCount", "Period='3600'", || {});
    let clients: Vec<Json> = parse(&server.rows(ADMIN, "clients()").0);
    assert_eq!((&row["Total"], &row["Mail"]), (&json!(clients.len()), &no_server));
    assert_eq!(row["LastHour"], 0, "the machines here are of the year 2020");
}

#[test]
fn encoded_commands_are_decoded() {
    let server = Server::start_whole();
    let process = "Windows.Events.ProcessCreation";
    define(&server, process);
    let encoded =
        "powershell -encodedCommand ZABpAHIAIAAiAGMAOgBcAHAAcgBvAGcAcgBhAG0AIABmAGkAbABlAHMAIgAgAA==";
    let row = first_row(&server, "Server.Powershell.EncodedCommand", "", || {
        for line in ["notepad.exe", encoded] {
            emit(
                &server,
                process,
                json!({"CommandLine": line, "ParentInfo": "explorer.exe", "Timestamp": "2022"}),
            );
        }
    });
    assert_eq!(row["Script"], r#"dir "c:\program files" "#);
    assert_eq!(
        (&row["CommandLine"], &row["ClientId"]),
        (&json!(encoded), &json!(*CLIENT))
    );
}

#[test]
fn commands_that_users_run_are_recorded() {
    let server = Server::start_whole();
    let stopping = CancellationToken::new();
    let telling = server
        .runtime
        .spawn(tell_completions(server.queries(), stopping.clone()));
    let count = std::cell::Cell::new(0);
    let run = || {
        count.set(count.get() + 1);
        let id = flow_id(format_args!("F.SHELL{}", count.get()));
        let flow = Flow {
            creator: "jana".into(),
            artifacts: vec!["Linux.Sys.BashShell".into(), "Linux.Sys.Pslist".into()],
            ..Flow::new(CLIENT.clone(), id.clone())
        };
        let rows = |source: &str, line: &str| Effect::Rows {
            flow_id: id.clone(),
            source: source.into(),
            start_row: Some(0),
            chunk: lines(std::iter::once(line.to_owned())),
        };
        let end = Progress {
            end: Some((FlowState::Finished, None)),
            ..Progress::default()
        };
        let effects = vec![
            rows("Linux.Sys.Pslist", r#"{"Pid":1}"#),
            rows("Linux.Sys.BashShell", r#"{"Stdout":"root"}"#),
            Effect::Progress {
                flow_id: id.clone(),
                progress: end,
            },
        ];
        server.runtime.block_on(async {
            server
                .core
                .storage
                .database
                .create_flow(flow, Vec::new())
                .await
                .unwrap();
            flows::store(&server.core, &CLIENT, effects).await.unwrap();
        });
    };
    let row = first_row(&server, "Server.Monitor.Shell", "", run);
    assert_eq!(
        (&row["Creator"], &row["Fqdn"]),
        (&json!("jana"), &json!("web1.example.org"))
    );
    assert_eq!(
        (&row["Stdout"], &row["Artifact"]),
        (&json!("root"), &json!("Linux.Sys.BashShell"))
    );
    let all = server
        .rows(
            ADMIN,
            "monitoring(client_id='server', artifact='Server.Monitor.Shell')",
        )
        .0;
    assert!(!all.contains("Pid"), "{all}");
    stopping.cancel();
    server.runtime.block_on(telling).unwrap();
}

#[test]
fn what_machines_say_of_themselves_is_kept() {
    let server = Server::start_whole();
    let tell = || {
        let facts = ClientFacts {
            hostname: "web9".into(),
            fqdn: "web9.example.org".into(),
            os: "linux".into(),
            ..ClientFacts::default()
        };
        let facts = Effect::Facts {
            facts: Box::new(facts),
            labels: Vec::new(),
            flow_id: Some(flow_id("F.EXAMPLE")),
            at: EPOCH,
        };
        server
            .runtime
            .block_on(flows::store(&server.core, &CLIENT, vec![facts]))
            .unwrap();
    };
    let row = first_row(&server, "Server.Internal.Interrogate", "", tell);
    assert_eq!(
        (&row["Hostname"], &row["System"]),
        (&json!("web9"), &json!("linux"))
    );
    assert_eq!(
        (&row["FirstSeen"], &row["FlowId"]),
        (&json!("2020-09-13T12:26:40Z"), &json!("F.EXAMPLE"))
    );
}

#[test]
fn a_hunt_is_started_when_it_is_due() {
    let server = Server::start_whole();
    let parameters =
        "ScheduleDayRegex='day', ScheduleTimeRegex='^[0-9]{2}:[0-9]{2}$', HuntDescription='Weekly'";
    let row = first_row(&server, "Server.Monitoring.ScheduleHunt", parameters, || {});
    let hunt_id = row["HuntId"].as_str().unwrap();
    let (hunts, _) = server.query(
        ADMIN,
        "SELECT hunt_id, state FROM hunts() WHERE hunt_description = 'Weekly'",
    );
    assert!(
        hunts.contains(&format!(r#"{{"hunt_id":"{hunt_id}","state":"RUNNING"}}"#)),
        "{hunts}"
    );
}

/// Rows of a queue have the columns that its definition describes.
#[test]
fn queues_tell_what_their_definitions_say() {
    let server = Server::start_whole();
    let core = &server.core;
    let runtime = &server.runtime;
    let stopping = CancellationToken::new();
    let telling = [
        runtime.spawn(tell_completions(server.queries(), stopping.clone())),
        runtime.spawn(tell_new_hunts(server.queries(), stopping.clone())),
    ];
    let change = |expression: &str| {
        let (value, log) = server.value(ADMIN, expression);
        assert!(
            !matches!(&*value, "null" | "[]" | "false"),
            "{expression}: {log:?}"
        );
    };
    let complete = || {
        let progress = Progress {
            end: Some((FlowState::Finished, None)),
            ..Progress::default()
        };
        let effect = Effect::Progress {
            flow_id: flow_id("F.KEPT"),
            progress,
        };
        let owner = client_id("C.00000000000000a4");
        runtime
            .block_on(flows::store(core, &owner, vec![effect]))
            .unwrap();
    };
    let upload = || {
        let upload = Upload {
            object: "clients/o".into(),
            vfs_path: "/etc/hosts".into(),
            accessor: "file".into(),
            components: vec!["etc".into(), "hosts".into()],
            file_size: 7,
            uploaded_size: 7,
            index: String::new(),
            finished: EPOCH,
        };
        let effect = events::upload_completed(&CLIENT, &upload).unwrap();
        runtime
            .block_on(flows::store(core, &CLIENT, vec![effect]))
            .unwrap();
    };
    let interrogate = || {
        let facts = Effect::Facts {
            facts: Box::default(),
            labels: Vec::new(),
            flow_id: Some(flow_id("F.EXAMPLE")),
            at: EPOCH,
        };
        runtime
            .block_on(flows::store(core, &CLIENT, vec![facts]))
            .unwrap();
    };
    let join = || {
        let (hunt, client) = ("H.ADDED".parse().unwrap(), client_id("C.00000000000000a3"));
        let admin = principal(ADMIN);
        runtime
            .block_on(hunts::add_client(core, &admin, &hunt, &client))
            .unwrap();
    };
    let raise = || {
        runtime
            .block_on(events::raise(core, &Raised::default(), "fire"))
            .unwrap()
    };
    let happenings: [(&str, &dyn Fn()); 12] = [
        ("System.Flow.Completion", &complete),
        ("System.Upload.Completion", &upload),
        ("System.Hunt.Creation", &|| {
            change("hunt(artifacts='Linux.Mounts')")
        }),
        ("System.Hunt.Participation", &join),
        ("Server.Internal.Alerts", &raise),
        ("Server.Internal.ArtifactModification", &|| {
            change("add_client_monitoring(artifact='Generic.Client.Stats')");
        }),
        ("Server.Internal.MetadataModifications", &|| {
            change("server_set_metadata(A=1)")
        }),
        ("Server.Internal.Interrogation", &interrogate),
        ("Server.Internal.Enrollment", &|| {
            change("client_create(client_id='C.00000000000000c9')")
        }),
        ("Server.Internal.Label", &|| {
            change("label(client_id='C.00000000000000a3', labels='x')");
        }),
        ("Server.Internal.ClientDelete", &|| {
            change("{ SELECT * FROM client_delete(client_id='C.00000000000000c9', really_do_it=TRUE) }");
        }),
        ("Server.Audit.Logs", &|| change("server_set_metadata(A=2)")),
    ];
    for (queue, happen) in happenings {
        let watch = events::watch(core, &Principal::of_server(), queue).unwrap();
        happen();
        let news = async { tokio::time::timeout(LONGEST, watch.next(core)).await };
        let Ok(Ok(News::Rows { lines, .. })) = runtime.block_on(news) else {
            panic!("{queue}: no rows");
        };
        let row: Map<String, Json> = serde_json::from_slice(chunk::lines(&lines).next().unwrap()).unwrap();
        let told: BTreeSet<&str> = row.keys().map(String::as_str).collect();
        let artifact = core.artifacts.get(queue).unwrap();
        let mut described: BTreeSet<&str> =
            artifact.column_types.iter().map(|column| &*column.name).collect();
        // Every event may have these.
        described.extend(["_ts", "ClientId"].into_iter().filter(|name| told.contains(name)));
        assert_eq!(told, described, "{queue}");
        assert!(!artifact.description.is_empty(), "{queue}");
    }
    stopping.cancel();
    for task in telling {
        runtime.block_on(task).unwrap();
    }
}
