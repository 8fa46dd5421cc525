//! What changes a server: who may, what is recorded, and what is left alone.

use peregrine_services::users::Role;

use peregrine_store::testing::{client_id, flow_id};
use peregrine_store::{Claim, Effect, Poll, Progress, SetKind, Task};

use super::server::Server;
use super::{EPOCH, event};

const ADMIN: Role = Role::Administrator;

/// Every change there is, as an expression.
const CHANGES: &[(&str, &str)] = &[
    (
        "SetClientLabel",
        "label(client_id='C.0123456789abcdef', labels='new')",
    ),
    (
        "RemoveClientLabel",
        "label(client_id='C.0123456789abcdef', labels='example', op='remove')",
    ),
    (
        "SetMetadata",
        "client_set_metadata(client_id='C.0123456789abcdef', owner='nobody')",
    ),
    ("SetMetadata", "server_set_metadata(Site='Basel')"),
    (
        "ScheduleFlow",
        "collect_client(client_id='C.0123456789abcdef', artifacts='Linux.Sys.Pslist')",
    ),
    (
        "CancelFlow",
        "cancel_flow(client_id='C.00000000000000a4', flow_id='F.RUNNING')",
    ),
    (
        "delete_flow",
        "{ SELECT * FROM delete_flow(client_id='C.00000000000000a4', flow_id='F.OLD', really_do_it=TRUE) }",
    ),
    (
        "delete_events",
        "{ SELECT * FROM delete_events(client_id='C.00000000000000a4', artifact='Custom.Old', really_do_it=TRUE) }",
    ),
    ("CreateHunt", "hunt(artifacts='Linux.Sys.Pslist')"),
    ("CreateHunt", "hunt(artifacts='Linux.Sys.Pslist', pause=TRUE)"),
    (
        "ModifyHunt",
        "hunt_add(client_id='C.0123456789abcdef', hunt_id='H.EXAMPLE')",
    ),
    (
        "ModifyHunt",
        "hunt_add(client_id='C.0123456789abcdef', hunt_id='H.ADDED', flow_id='F.EXAMPLE')",
    ),
    (
        "ModifyHunt",
        "hunt_add(client_id='C.00000000000000e1', hunt_id='H.EXAMPLE', relaunch=TRUE)",
    ),
    ("ModifyHunt", "hunt_update(hunt_id='H.CHANGED', stop=TRUE)"),
    (
        "hunt_delete",
        "{ SELECT * FROM hunt_delete(hunt_id='H.OLD', really_do_it=TRUE) }",
    ),
    (
        "SetClientMonitoringState",
        "set_client_monitoring(value=dict(artifacts=dict(artifacts=['Linux.Events.TrackProcesses'])))",
    ),
    (
        "SetClientMonitoringState",
        "add_client_monitoring(artifact='Generic.Client.Stats', label='all')",
    ),
    (
        "SetClientMonitoringState",
        "rm_client_monitoring(artifact='Generic.Client.Stats')",
    ),
];

/// Everything the changes could change, as an administrator sees it.
const EVERYTHING: &str = "dict(Client=client_info(client_id='C.0123456789abcdef'), Server=server_metadata(), Monitoring=get_client_monitoring(),
    Flows={ SELECT session_id, state FROM flows(client_id='C.0123456789abcdef') },
    Others={ SELECT session_id, state FROM flows(client_id='C.00000000000000a4') },
    Old={ SELECT Day FROM monitoring(client_id='C.00000000000000a4', artifact='Custom.Old') },
    Hunts={ SELECT hunt_id, state, tags FROM hunts() }, Taking={ SELECT ClientId, FlowId FROM hunt_flows(hunt_id='H.EXAMPLE') },
    Added={ SELECT ClientId, FlowId FROM hunt_flows(hunt_id='H.ADDED') })";

#[test]
fn a_reader_changes_nothing() {
    let server = Server::start();
    let (before, audit) = (server.value(ADMIN, EVERYTHING).0, server.audit());
    for part in ["web team", "Bern", "F.EXAMPLE", "F.OLD", "H.OLD", "Sunday"] {
        assert!(before.contains(part), "{part}: {before}");
    }
    for (_, change) in CHANGES {
        let (value, log) = server.value(Role::Reader, change);
        assert!(matches!(&*value, "null" | "[]"), "{change}: {value}");
        let is_refused = log.iter().any(|line| line.contains("PERMISSION_DENIED"));
        assert!(is_refused, "{change}: {log:?}");
    }
    assert_eq!(server.value(ADMIN, EVERYTHING).0, before);
    assert_eq!(server.audit(), audit);
}

#[test]
fn every_change_leaves_its_line_in_the_audit_log() {
    let server = Server::start();
    for (operation, change) in CHANGES {
        let before = server.audit().len();
        let (value, log) = server.value(ADMIN, change);
        assert!(!matches!(&*value, "null" | "[]"), "{change}: {log:?}");
        let added: Vec<String> = server.audit().drain(before..).map(|(name, _)| name).collect();
        assert!(added.iter().any(|name| name == operation), "{change}: {added:?}");
    }
}

/// The log is read where it is; it is not stored as events, too.
#[test]
fn the_audit_log_is_among_the_events_of_the_server() {
    let server = Server::start();
    let log = "client_id='server', artifact='Server.Audit.Logs'";
    let operations: Vec<String> = server.audit().into_iter().map(|(name, _)| name).collect();
    assert_eq!(operations.len(), 2);
    for (plugin, operations) in [
        (format!("source({log})"), &operations[..]),
        (format!("monitoring({log}, start_row=1)"), &operations[1..]),
        (format!("source({log}, start_row=1, count=1)"), &operations[1..]),
        (format!("source({log}, end_time='2020-01-01T00:00:00Z')"), &[]),
        (
            format!("monitoring({log}, start_time='2020-01-01T00:00:00Z')"),
            &operations[..],
        ),
        (
            format!("parallelize({log}, query={{ SELECT * FROM source() }})"),
            &operations[..],
        ),
    ] {
        let query = format!(
            "SELECT operation, principal, details.client_id AS Client, _ts > 0 AS Time FROM {plugin}"
        );
        let (rows, log) = server.query(ADMIN, &query);
        let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
        let found: Vec<&serde_json::Value> = rows.as_array().unwrap().iter().collect();
        assert_eq!(found.len(), operations.len(), "{plugin}: {rows} {log:?}");
        for (row, operation) in found.iter().zip(operations) {
            assert_eq!(row["operation"], **operation);
            assert_eq!(row["principal"], "admin");
            assert!(row["Client"].is_string() && row["Time"] == true, "{row}");
        }
    }
    let id = client_id("server");
    let stored = server.core.storage.database.event_sets(&id);
    let stored = server.runtime.block_on(stored).unwrap();
    assert!(stored.iter().all(|set| set.name != "Server.Audit.Logs"));
}

#[test]
fn metadata_are_set_replaced_and_removed_name_by_name() {
    let server = Server::start();
    for (change, after) in [
        ("a=1, b='x'", r#"{"a":"1","b":"x","owner":"web team"}"#),
        ("a=NULL, c=TRUE", r#"{"b":"x","c":"true","owner":"web team"}"#),
        (
            "metadata=dict(b=NULL, client_id='C.1')",
            r#"{"c":"true","owner":"web team"}"#,
        ),
        ("modify='old => dict(c=old.c, d=4)'", r#"{"c":"true","d":"4"}"#),
    ] {
        let call = format!("client_set_metadata(client_id='C.0123456789abcdef', {change})");
        let (value, log) = server.value(ADMIN, &call);
        assert_eq!(value, "true", "{call}: {log:?}");
        let (metadata, log) = server.value(ADMIN, "client_metadata(client_id='C.0123456789abcdef')");
        assert_eq!(metadata, after, "{call}: {log:?}");
    }
    let recorded: Vec<String> = server.audit().into_iter().map(|(_, detail)| detail).collect();
    // What a lambda leaves as it is does not count as changed.
    assert_eq!(
        recorded.last().unwrap(),
        r#"{"client_id":"C.0123456789abcdef","updated_keys":["owner","d"]}"#
    );
}

#[test]
fn the_server_has_metadata_of_its_own_and_is_no_client() {
    let server = Server::start();
    let call = "server_set_metadata(client_id='C.0123456789abcdef', metadata=dict(A=1), Site=NULL)";
    assert_eq!(server.value(ADMIN, call).0, "true");
    for call in ["server_metadata()", "client_metadata(client_id='server')"] {
        assert_eq!(server.value(ADMIN, call).0, r#"{"A":"1"}"#, "{call}");
        let (value, log) = server.value(Role::Reader, call);
        let is_refused = log.iter().any(|line| line.contains("PERMISSION_DENIED"));
        assert!(value == "null" && is_refused, "{call}: {value}, {log:?}");
    }
    let (clients, _) = server.rows(ADMIN, "clients(client_id='server')");
    assert_eq!(clients, "[]");
}

#[test]
fn labels_are_compared_without_regard_to_case_and_all_must_be_there() {
    let server = Server::start();
    let check = |labels: &str| {
        let call = format!("label(client_id='C.0123456789abcdef', labels={labels}, op='check')");
        server.value(ADMIN, &call).0
    };
    assert_eq!(
        server
            .value(ADMIN, "label(client_id='C.0123456789abcdef', labels='Größe')")
            .0,
        r#"{"ClientId":"C.0123456789abcdef","Labels":["Größe"],"Op":"set"}"#
    );
    assert_eq!(check("('EXAMPLE', 'GRÖßE')"), "true");
    assert_eq!(check("'example,größe'"), "true");
    assert_eq!(check("'example,missing'"), "false");
    let audit = server.audit();
    assert_eq!(check("'example'"), "true");
    assert_eq!(server.audit(), audit);
}

#[test]
fn nothing_is_deleted_unless_it_is_really_to_be_done() {
    let server = Server::start();
    let flow = "client_id='C.0123456789abcdef', flow_id='F.EXAMPLE'";
    let kept = "{ SELECT N FROM flow_results(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE') }";
    let (parts, _) = server.rows(ADMIN, &format!("enumerate_flow({flow})"));
    let (rows, audit) = (server.value(ADMIN, kept).0, server.audit());
    for dry in ["", ", really_do_it=FALSE"] {
        let (listed, log) = server.rows(ADMIN, &format!("delete_flow({flow}{dry})"));
        assert_eq!(listed, parts, "{log:?}");
    }
    assert_eq!(server.value(ADMIN, kept).0, rows);
    assert_eq!(server.audit(), audit);
    let (listed, log) = server.rows(Role::Investigator, &format!("delete_flow({flow})"));
    let is_refused = log.iter().any(|line| line.contains("PERMISSION_DENIED"));
    assert!(listed == "[]" && is_refused, "{listed}: {log:?}");

    let (deleted, log) = server.rows(ADMIN, &format!("delete_flow({flow}, really_do_it=TRUE)"));
    assert_eq!(deleted, parts, "{log:?}");
    let gone = server.value(ADMIN, &format!("get_flow({flow})")).0;
    assert_eq!(gone, "null");
}

/// Events of the other days, messages, and those of artifacts whose names begin alike, stay.
#[test]
fn events_are_deleted_with_their_messages_within_a_span_of_time() {
    let server = Server::start();
    let client = client_id("C.00000000000000a4");
    let database = &server.core.storage.database;
    let more = ["Custom.Old/One", "Custom.Older", "Custom.Old"];
    let kinds = [SetKind::Events, SetKind::Events, SetKind::EventLogs];
    let effects = more.into_iter().zip(kinds).zip(1..);
    let effects = effects.map(|((source, kind), number)| event(source, number, kind, r#"{"Day":"later"}"#));
    let effects: Vec<Effect> = effects.collect();
    let stored = database.apply(&client, EPOCH, effects.into());
    server.runtime.block_on(stored).unwrap();

    let left = || {
        let sets = server.runtime.block_on(database.event_sets(&client)).unwrap();
        let mut sets: Vec<_> = sets
            .into_iter()
            .map(|set| (set.name, set.kind, set.end_row - set.first_row))
            .collect();
        sets.sort_by(|a, b| a.0.cmp(&b.0));
        sets
    };
    let old = |artifact: &str, arguments: &str| {
        let call = format!("delete_events(client_id='{client}', artifact='{artifact}'{arguments})");
        let (rows, log) = server.query(
            ADMIN,
            &format!("SELECT Data.VFSPath AS Path, Data.Rows AS Rows FROM {call}"),
        );
        assert!(log.iter().all(|line| line.starts_with("DEBUG:")), "{log:?}");
        rows
    };
    let (all, audit) = (left(), server.audit());
    let listed = old("Custom.Old", "");
    assert_eq!(
        listed,
        format!(
            r#"[{{"Path":"/clients/{client}/monitoring/Custom.Old","Rows":2}},{{"Path":"/clients/{client}/monitoring/Custom.Old/One","Rows":1}},{{"Path":"/clients/{client}/monitoring_logs/Custom.Old","Rows":1}}]"#
        )
    );
    assert_eq!(old("Custom.O", ", really_do_it=TRUE"), "[]");
    let since = ", start_time='2020-09-13T12:26:41Z'";
    assert_eq!(old("Custom.Old/Two", since), "[]");
    assert_eq!(
        (left(), server.audit()),
        (all, audit),
        "nothing was to be deleted"
    );

    old("Custom.Old", &format!("{since}, really_do_it=TRUE"));
    let day = |name: &str, count| (name.to_owned(), SetKind::Events, count);
    assert_eq!(left(), [day("Custom.Old", 1), day("Custom.Older", 1)]);
    let (operation, detail) = server.audit().pop().unwrap();
    assert_eq!(operation, "delete_events");
    assert!(detail.contains(r#""start":"2020-09-13T12:26:41Z""#), "{detail}");

    let log = "delete_events(client_id='server', artifact='Server.Audit.Logs', really_do_it=TRUE)";
    let (rows, told) = server.rows(ADMIN, log);
    let is_told = told
        .iter()
        .any(|line| line.contains("the audit log cannot be deleted"));
    assert!(rows == "[]" && is_told, "{told:?}");
}

#[test]
fn parameters_arrive_in_the_form_of_their_type() {
    let server = Server::start();
    let call = "collect_client(client_id='C.0123456789abcdef', artifacts=('Linux.Search.FileFinder', 'Linux.Sys.Pslist'),
        env=dict(Calculate_Hash=TRUE, CalculateHash=TRUE, Unknown=1), urgent=TRUE, max_bytes=7,
        spec=dict(`Linux.Search.FileFinder`=dict(SearchFilesGlobTable=(dict(Glob='/a,b'), dict(Glob='/c')),
            Calculate_Hash=FALSE, MinSize=12, timeout='60', max_batch_rows=5)))";
    let (flow_id, log) = server.value(ADMIN, &format!("{call}.flow_id"));
    let flow_id = flow_id
        .trim_matches('"')
        .parse()
        .unwrap_or_else(|_| panic!("{log:?}"));
    let stored = server.core.storage.database.flow(&super::CLIENT, &flow_id);
    let stored = server.runtime.block_on(stored).unwrap().unwrap();
    assert!(stored.urgent && stored.creator == "admin");
    let request: serde_json::Value = serde_json::from_str(&stored.request).unwrap();
    assert_eq!(
        request["artifacts"],
        serde_json::json!([
            {
                "artifact": "Linux.Search.FileFinder",
                "parameters": {
                    "Calculate_Hash": "",
                    "MinSize": "12",
                    "SearchFilesGlobTable": "Glob\n\"/a,b\"\n/c\n",
                },
                "timeout": 60,
                "max_batch_rows": 5,
            },
            {"artifact": "Linux.Sys.Pslist", "parameters": {"CalculateHash": "Y"}},
        ])
    );
    assert_eq!(request["max_upload_bytes"], 7);
}

#[test]
fn what_is_not_built_is_refused_before_anything_happens() {
    let server = Server::start();
    let audit = server.audit();
    for (arguments, message) in [
        (
            "client_id='C.0123456789abcdef', flow_id='F.EXAMPLE'",
            "adding to collection `F.EXAMPLE`",
        ),
        (
            "client_id='C.0123456789abcdef', org_id='O123'",
            "in organisation `O123`",
        ),
        (
            "client_id='server'",
            "only artifacts of type SERVER can be collected on the server",
        ),
        (
            "client_id='C.0123456789abcdef', max_rows=-1",
            "`max_rows` -1 is less than 0",
        ),
    ] {
        let call = format!("collect_client(artifacts='Linux.Sys.Pslist', {arguments})");
        let (value, log) = server.value(ADMIN, &call);
        let is_told = log.iter().any(|line| line.contains(message));
        assert!(value == "null" && is_told, "{call}: {value}, {log:?}");
    }
    assert_eq!(server.audit(), audit);
}

#[test]
fn an_artifact_is_monitored_in_the_group_it_is_added_to() {
    let server = Server::start();
    let groups = |call: &str| {
        let (table, log) = server.value(ADMIN, call);
        let table: serde_json::Value = serde_json::from_str(&table).unwrap();
        assert!(table.is_object(), "{call}: {log:?}");
        let names = |group: &serde_json::Value| group["artifacts"]["artifacts"].to_string();
        let labels = table["label_events"].as_array().unwrap().iter();
        let labels = labels.map(|group| format!("{}={}", group["label"].as_str().unwrap(), names(group)));
        (names(&table), labels.collect::<Vec<_>>().join(" "))
    };
    let (stats, processes) = (
        "artifact='Generic.Client.Stats'",
        "artifact='Linux.Events.ProcessExecutions'",
    );
    for (call, everybody, labels) in [
        (
            format!("add_client_monitoring({stats}, label='ALL')"),
            r#"["Generic.Client.Stats"]"#,
            "",
        ),
        (
            format!("add_client_monitoring({processes}, label='Web')"),
            r#"["Generic.Client.Stats"]"#,
            r#"Web=["Linux.Events.ProcessExecutions"]"#,
        ),
        (
            format!("add_client_monitoring({stats}, label='web')"),
            r#"["Generic.Client.Stats"]"#,
            r#"Web=["Linux.Events.ProcessExecutions","Generic.Client.Stats"]"#,
        ),
        (
            "set_client_monitoring(value=get_client_monitoring())".to_owned(),
            r#"["Generic.Client.Stats"]"#,
            r#"Web=["Linux.Events.ProcessExecutions","Generic.Client.Stats"]"#,
        ),
        (
            format!("rm_client_monitoring({stats})"),
            "[]",
            r#"Web=["Linux.Events.ProcessExecutions","Generic.Client.Stats"]"#,
        ),
        (
            format!("rm_client_monitoring({processes}, label='WEB')"),
            "[]",
            r#"Web=["Generic.Client.Stats"]"#,
        ),
        (format!("rm_client_monitoring({stats}, label='web')"), "[]", ""),
    ] {
        assert_eq!(groups(&call), (everybody.to_owned(), labels.to_owned()), "{call}");
        assert_eq!(
            groups("get_client_monitoring()"),
            (everybody.to_owned(), labels.to_owned())
        );
    }
}

#[test]
fn a_parameter_that_is_monitored_with_keeps_its_value_when_the_table_is_written_back() {
    let server = Server::start();
    let add = "add_client_monitoring(artifact='Generic.Client.Stats', parameters=dict(Frequency=60, max_batch_rows=5))";
    let (added, log) = server.value(ADMIN, &format!("{add}.artifacts.specs"));
    assert_eq!(
        added,
        r#"[{"artifact":"Generic.Client.Stats","parameters":{"env":[{"key":"Frequency","value":"60"}]},"max_batch_rows":5}]"#,
        "{log:?}"
    );
    let written = "set_client_monitoring(value=get_client_monitoring()).artifacts.specs";
    assert_eq!(server.value(ADMIN, written).0, added);
}

#[test]
fn a_collection_in_flight_tells_since_when_and_how_far_it_is() {
    let server = Server::start();
    let database = &server.core.storage.database;
    let (client, running) = (&*super::CLIENT, flow_id("F.NOW"));
    let task = Task {
        flow_id: running.clone(),
        is_flow_request: true,
        urgent: false,
        message: Vec::new(),
    };
    let poll = Poll {
        server_id: "S.one".into(),
        claim: Claim {
            session: 1,
            timestamp: 1,
        },
        now: EPOCH,
        max_in_flight: 9,
        silent_since: None,
    };
    let report = Effect::Progress {
        flow_id: running.clone(),
        progress: Progress {
            query_stats: Some(r#"[{"duration":7},{"status":4,"expected_uploaded_bytes":9}]"#.into()),
            ..Progress::default()
        },
    };
    let in_flight = "client_info(client_id='C.0123456789abcdef').in_flight_flows";
    assert_eq!(server.value(ADMIN, in_flight).0, "{}");
    server.runtime.block_on(async {
        let flow = super::flow(&running);
        database.create_flow(flow, vec![task]).await.unwrap();
        database.take_work(client, poll).await.unwrap();
        database.apply(client, EPOCH, vec![report].into()).await.unwrap();
    });
    let since = format!(r#"{{"F.NOW":{EPOCH}}}"#);
    assert_eq!(server.value(ADMIN, in_flight).0, since);
    let call = "SELECT inflight_time, total_requests, outstanding_requests, total_expected_uploaded_bytes, query_stats.status AS S
        FROM flows(client_id='C.0123456789abcdef', flow_id='F.NOW')";
    let shown = format!(
        r#"[{{"inflight_time":{EPOCH},"total_requests":2,"outstanding_requests":1,"total_expected_uploaded_bytes":9,"S":["OK","PROGRESS"]}}]"#
    );
    assert_eq!(server.query(ADMIN, call).0, shown);
}

#[test]
fn definitions_come_with_what_they_call_and_without_what_only_people_read() {
    let server = Server::start();
    let caller = "name: Custom.Caller\ndescription: Calls another.\nsources:\n  - query: SELECT * FROM Artifact.Linux.Sys.Pslist()\n";
    let origin = peregrine_artifacts::Origin::Custom;
    server.core.artifacts.load(caller, origin).unwrap();
    let names = |arguments: &str| {
        let (rows, log) = server.rows(ADMIN, &format!("artifact_definitions({arguments})"));
        let rows: serde_json::Value = serde_json::from_str(&rows).unwrap_or_else(|_| panic!("{log:?}"));
        let rows = rows.as_array().unwrap().iter();
        let row = |row: &serde_json::Value| {
            let has_text = row["raw"].as_str().is_some_and(|raw| raw.contains("name:"));
            (row["name"].as_str().unwrap().to_owned(), has_text)
        };
        rows.map(row).collect::<Vec<_>>()
    };
    let (caller, called) = ("Custom.Caller".to_owned(), "Linux.Sys.Pslist".to_owned());
    assert_eq!(names("names='Custom.Caller'"), [(caller.clone(), true)]);
    assert_eq!(
        names("names=('Custom.Caller', 'Custom.Missing'), deps=TRUE, sanitize=TRUE"),
        [(caller.clone(), false), (called.clone(), false)]
    );
    let all = names("");
    assert!(all.contains(&(caller, true)) && all.contains(&(called, true)));
}
