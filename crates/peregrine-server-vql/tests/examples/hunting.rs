//! Hunts in VQL: who is asked, what comes back, and what is left when they are deleted.

use std::time::Duration;

use peregrine_server_vql::run::tell_new_hunts;
use peregrine_services::events::{self, News};
use peregrine_services::hunts;
use peregrine_services::users::{Principal, Role};
use peregrine_store::chunk;
use peregrine_store::testing::client_id;
use peregrine_store::{Admission, Effect, OrgId, SqlAddress};
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::server::Server;
use super::{EPOCH, fleet, lines};

const ADMIN: Role = Role::Administrator;

fn parse(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_is_asked_of_clients_is_stored_as_it_was_said() {
    let server = Server::start();
    let call = "hunt(description='d', tags=('b', 'a'), artifacts='Linux.Search.FileFinder', expires='1d', max_bytes=7, os='Linux',
        include_labels='web', exclude_labels=('old', 'fragile'),
        spec=dict(`Linux.Search.FileFinder`=dict(SearchFilesGlobTable=(dict(Glob='/a,b'), dict(Glob='/c')), timeout=60)))";
    let (created, log) = server.value(ADMIN, call);
    let created = parse(&created);
    let hunt_id = created["HuntId"].as_str().unwrap_or_else(|| panic!("{log:?}"));
    let (hunt, log) = server.value(ADMIN, &format!("hunt_info(hunt_id='{hunt_id}')"));
    let hunt = parse(&hunt);
    assert_eq!(hunt["start_request"], created["Request"], "{log:?}");
    assert_eq!(hunt["state"], "RUNNING");
    assert_eq!(hunt["tags"], json!(["a", "b"]));
    assert_eq!(hunt["start_request"]["max_upload_bytes"], 7);
    assert_eq!(hunt["start_request"]["specs"][0]["timeout"], 60);
    assert_eq!(
        hunt["start_request"]["specs"][0]["parameters"]["env"],
        json!([{"key": "SearchFilesGlobTable", "value": "Glob\n\"/a,b\"\n/c\n"}])
    );
    assert_eq!(
        hunt["condition"],
        json!({"excluded_labels": {"label": ["old", "fragile"]}, "labels": {"label": ["web"]}, "os": {"os": "LINUX"}})
    );
    let lasts = hunt["expires"].as_i64().unwrap() - hunt["create_time"].as_i64().unwrap();
    assert!((86_000_000_000..=86_400_000_000).contains(&lasts), "{lasts}");
}

#[test]
fn a_hunt_that_cannot_be_is_refused_before_anything_happens() {
    let server = Server::start();
    let audit = server.audit();
    for (arguments, message) in [
        ("artifacts='No.Such'", "No.Such"),
        (
            "artifacts='Linux.Sys.Pslist', org_id=('root', 'O1')",
            "a hunt in organisation `O1`",
        ),
        (
            "artifacts='Generic.Client.Stats'",
            "only artifacts of type CLIENT can be collected",
        ),
        (
            "artifacts='Linux.Sys.Pslist', expires='2001-01-01T00:00:00Z'",
            "`expires` is in the past",
        ),
        (
            "artifacts='Linux.Sys.Pslist', timeout=-1",
            "`timeout` -1 is less than 0",
        ),
    ] {
        let (value, log) = server.value(ADMIN, &format!("hunt({arguments})"));
        let is_told = log.iter().any(|line| line.contains(message));
        assert!(value == "null" && is_told, "{arguments}: {value}, {log:?}");
    }
    assert_eq!(server.audit(), audit);
}

#[test]
fn a_client_that_takes_part_is_only_added_again_if_it_is_to_be_relaunched() {
    let server = Server::start();
    let joins = |arguments: &str| {
        let call = format!("hunt_add(hunt_id='H.EXAMPLE', client_id='C.00000000000000e1'{arguments})");
        server.value(ADMIN, &call)
    };
    let audit = server.audit();
    let (value, log) = joins("");
    assert_eq!(value, r#""C.00000000000000e1""#);
    assert!(
        log.iter()
            .any(|line| line.contains("takes part in the hunt already")),
        "{log:?}"
    );
    assert_eq!(server.audit(), audit);

    let (flow_id, log) = joins(", relaunch=TRUE");
    assert!(
        flow_id.starts_with("\"F.") && flow_id != "\"F.EXAMPLE.H\"",
        "{flow_id}: {log:?}"
    );
    let current = "SELECT FlowId, Flow.state AS State, Flow.request.specs[0].artifact AS Artifact FROM hunt_flows(hunt_id='H.EXAMPLE')
        WHERE ClientId = 'C.00000000000000e1'";
    assert_eq!(
        server.query(ADMIN, current).0,
        format!(r#"[{{"FlowId":{flow_id},"State":"WAITING","Artifact":"Custom.Numbers"}}]"#)
    );
    let (value, log) = joins(", relaunch=TRUE");
    assert_eq!(value, "null");
    assert!(log.iter().any(|line| line.contains("has not ended")), "{log:?}");
    let (last, _) = server.value(
        ADMIN,
        "client_info(client_id='C.00000000000000e1').last_hunt_timestamp",
    );
    assert_eq!(last, EPOCH.to_string());
}

#[test]
fn a_collection_of_a_hunt_shows_what_the_hunt_asked_for() {
    let server = Server::start();
    let env = "request.specs[0].parameters.env[0].value";
    let get = format!("get_flow(client_id='C.00000000000000e1', flow_id='F.EXAMPLE.H').{env}");
    assert_eq!(server.value(ADMIN, &get).0, r#""4""#);
    let list = format!("SELECT {env} AS Last FROM flows(client_id='C.00000000000000e1')");
    assert_eq!(server.query(ADMIN, &list).0, r#"[{"Last":"4"}]"#);
}

#[test]
fn tags_are_added_and_removed_and_the_rest_stays() {
    let server = Server::start();
    for (arguments, tags) in [
        ("add_labels=('a', 'web')", r#"["a","web"]"#),
        ("del_labels=('a', 'b')", r#"["web"]"#),
        ("description='new'", r#"["web"]"#),
        ("del_labels='web'", "[]"),
    ] {
        let call = format!("hunt_update(hunt_id='H.CHANGED', {arguments})");
        let (value, log) = server.value(ADMIN, &call);
        assert_eq!(value, r#""H.CHANGED""#, "{log:?}");
        let hunt = "hunt_info(hunt_id='H.CHANGED')";
        assert_eq!(
            server.value(ADMIN, &format!("{hunt}.tags")).0,
            tags,
            "{arguments}"
        );
    }
    let rest = "SELECT hunt_description, state FROM hunts(hunt_id='H.CHANGED', summary=TRUE)";
    assert_eq!(
        server.query(ADMIN, rest).0,
        r#"[{"hunt_description":"new","state":"RUNNING"}]"#
    );
    let audit = server.audit();
    let (value, _) = server.value(ADMIN, "hunt_update(hunt_id='H.CHANGED', stop=FALSE)");
    assert_eq!(value, r#""H.CHANGED""#);
    assert_eq!(server.audit(), audit, "nothing was to be changed");
}

/// Whatever else the scope is about, what is named counts.
#[test]
fn variables_select_rows_only_where_nothing_is_named() {
    let server = Server::start();
    let about = "LET HuntId <= 'H.EXAMPLE' LET Numbers(Of) = SELECT N FROM Of";
    for (call, numbers) in [
        ("source()", "[0,1,2,7]"),
        ("source(artifact='Custom.Numbers', start_row=1, count=2)", "[1,2]"),
        (
            "source(hunt_id='H.EXAMPLE', client_id='C.00000000000000e2')",
            "[7]",
        ),
        (
            "source(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE')",
            "[0,1,2,3,4]",
        ),
        ("hunt_results(hunt_id='H.EXAMPLE', orgs='root')", "[0,1,2,7]"),
        (
            "foreach(row={ SELECT ClientId, FlowId FROM hunt_flows(hunt_id=HuntId) WHERE FlowId }, query={ SELECT * FROM source() WHERE ClientId =~ 'e2' })",
            "[7]",
        ),
        (
            "parallelize(batch=1, query={ SELECT * FROM source() }) ORDER BY N",
            "[0,1,2,7]",
        ),
    ] {
        let (found, log) = server.first(
            ADMIN,
            &format!("{about} LET All <= SELECT * FROM {call} SELECT All.N AS Value FROM scope()"),
        );
        assert_eq!(found, numbers, "{call}: {log:?}");
    }
    let (files, log) = server.first(
        ADMIN,
        &format!("{about} LET All <= SELECT * FROM uploads() SELECT All.FlowId AS Value FROM scope()"),
    );
    assert_eq!(files, r#"["F.EXAMPLE.H"]"#, "{log:?}");
    let (rows, log) = server.rows(ADMIN, "source(hunt_id='H.EXAMPLE', orgs='O1')");
    assert!(
        rows == "[]" && log.iter().any(|line| line.contains("not `O1`")),
        "{log:?}"
    );
}

/// No artifact can say that it ran elsewhere.
#[test]
fn columns_that_say_where_a_row_is_from_are_the_servers() {
    let server = Server::start();
    let client = client_id("C.00000000000000d1");
    let hunt = fleet::hunt("H.LIED", "");
    let flow_id = hunt.hunt_id.flow_id();
    let database = &server.core.storage.database;
    server.runtime.block_on(async {
        database.enrol(&client, "key", EPOCH).await.unwrap();
        fleet::create(&**database, hunt.clone()).await;
        let joined = database.join_hunt(&hunt.hunt_id, vec![client.clone()], Admission::ByHand, EPOCH);
        joined.await.unwrap();
        let line = r#"{"_OrgId":"O1","ClientId":"C.1","A":1}"#;
        let rows = Effect::Rows {
            flow_id,
            source: "Custom.Numbers".into(),
            start_row: Some(0),
            chunk: lines(std::iter::once(line.to_owned())),
        };
        database.apply(&client, EPOCH, vec![rows].into()).await.unwrap();
    });
    let (rows, log) = server.rows(ADMIN, "hunt_results(hunt_id='H.LIED')");
    let row = &parse(&rows)[0];
    assert_eq!(
        row,
        &json!({"A": 1, "ClientId": "C.00000000000000d1", "FlowId": "F.LIED.H", "_OrgId": "root", "Fqdn": ""}),
        "{log:?}"
    );
}

#[test]
fn a_hunt_goes_with_what_it_started_and_without_what_was_added() {
    let server = Server::start();
    let add = "hunt_add(hunt_id='H.EXAMPLE', client_id='C.0123456789abcdef', flow_id='F.EXAMPLE')";
    assert_eq!(server.value(ADMIN, add).0, r#""C.0123456789abcdef""#);
    let audit = server.audit();
    let (listed, _) = server.rows(ADMIN, "hunt_delete(hunt_id='H.EXAMPLE')");
    let kinds: Vec<&str> = listed
        .split("\"Type\":\"")
        .skip(1)
        .map(|rest| &rest[..6])
        .collect();
    assert_eq!(
        kinds,
        ["Result", "Collec", "Upload", "Result", "Collec", "Hunt\",",]
    );
    let (refused, log) = server.rows(Role::Investigator, "hunt_delete(hunt_id='H.EXAMPLE')");
    let is_refused = log.iter().any(|line| line.contains("PERMISSION_DENIED"));
    assert!(refused == "[]" && is_refused, "{refused}: {log:?}");
    assert_eq!(server.audit(), audit);

    // Less is wanted than there is to say.
    let (deleted, log) = server.query(
        ADMIN,
        "SELECT Id FROM hunt_delete(hunt_id='H.EXAMPLE', really_do_it=TRUE) LIMIT 1",
    );
    assert_eq!(deleted, r#"[{"Id":1}]"#, "{log:?}");
    let left = "dict(Hunt=hunt_info(hunt_id='H.EXAMPLE'), Started={ SELECT * FROM flows(client_id='C.00000000000000e2') },
        Added={ SELECT session_id FROM flows(client_id='C.0123456789abcdef') })";
    assert_eq!(
        server.value(ADMIN, left).0,
        r#"{"Hunt":null,"Started":[],"Added":[{"session_id":"F.EXAMPLE"}]}"#
    );
}

#[test]
fn an_archived_hunt_is_kept_and_stopped() {
    let server = Server::start();
    let (rows, log) = server.rows(
        ADMIN,
        "hunt_delete(hunt_id='H.EXAMPLE', archive=TRUE, really_do_it=TRUE)",
    );
    assert_eq!(rows, "[]", "{log:?}");
    let kept = "SELECT state, stats.stopped AS Stopped, stats.total_collected_rows AS Rows FROM hunts(hunt_id='H.EXAMPLE')";
    assert_eq!(
        server.query(ADMIN, kept).0,
        r#"[{"state":"ARCHIVED","Stopped":true,"Rows":4}]"#
    );
}

#[test]
fn a_stopped_server_still_shows_its_hunts() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("peregrine.db");
    let runtime = &server.runtime;
    runtime.block_on(async {
        let database = SqlAddress::File(file.clone()).open().unwrap().org(&OrgId::root());
        fleet::populate(&database).await;
    });
    let database = SqlAddress::File(file)
        .open_read_only()
        .unwrap()
        .org(&OrgId::root());
    let stored = peregrine_server_vql::Stored::new(std::sync::Arc::new(database), runtime.handle().clone());
    let (rows, log) = super::run(
        Some(std::sync::Arc::new(stored)),
        "SELECT ClientId, N, { SELECT count() AS C FROM hunt_flows(hunt_id='H.EXAMPLE') GROUP BY 1 } AS Clients,
            hunt_info(hunt_id='H.EXAMPLE').state AS State FROM source(hunt_id='H.EXAMPLE')",
    );
    assert_eq!(rows.len(), 4, "{log:?}");
}

/// The row about a new hunt has it as `hunts()` shows it; that clients join is told to those who watch.
#[test]
fn those_who_watch_hear_of_hunts_and_of_clients_that_join() {
    let server = Server::start();
    let core = &server.core;
    let stopping = CancellationToken::new();
    let telling = tell_new_hunts(server.queries(), stopping.clone());
    let telling = server.runtime.spawn(telling);
    let watch = |queue| events::watch(core, &Principal::of_server(), queue).unwrap();
    let (creations, joins) = (watch("System.Hunt.Creation"), watch("System.Hunt.Participation"));
    let next = |watch: &events::Watch| {
        let news = async { tokio::time::timeout(Duration::from_secs(60), watch.next(core)).await };
        let Ok(Ok(News::Rows { lines, .. })) = server.runtime.block_on(news) else {
            panic!("no rows");
        };
        let rows = chunk::lines(&lines);
        rows.map(|line| serde_json::from_slice(line).unwrap())
            .collect::<Vec<Json>>()
    };
    let (hunt_id, log) = server.value(ADMIN, "hunt(artifacts='Linux.Sys.Pslist').HuntId");
    let told = next(&creations);
    let (shown, _) = server.value(
        ADMIN,
        &format!("hunt_info(hunt_id={})", hunt_id.replace('"', "'")),
    );
    assert_eq!((told.len(), &told[0]["Hunt"]), (1, &parse(&shown)), "{log:?}");
    assert!(told[0]["Timestamp"].is_number());
    let client = client_id("C.00000000000000a1");
    let admin = super::server::principal(ADMIN);
    let hunt_id = parse(&hunt_id).as_str().unwrap().parse().unwrap();
    let added = hunts::add_client(core, &admin, &hunt_id, &client);
    server.runtime.block_on(added).unwrap();
    let told = next(&joins);
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["HuntId"], &told[0]["ClientId"]),
        (&json!(hunt_id), &json!(client))
    );
    stopping.cancel();
    server.runtime.block_on(telling).unwrap();
}
