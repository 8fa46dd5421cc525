//! Artifacts that delete: what they list is what they delete, and only what they list.

use peregrine_artifacts::Origin;
use serde_json::Value as Json;

use super::{ADMIN, Server, collect, parse, rows};

/// The member of each row, as text.
fn column(rows: &[Json], name: &str) -> Vec<String> {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    rows.iter().map(|row| text(&row[name])).collect()
}

#[test]
fn hunts_are_archived_or_deleted() {
    let server = Server::start_whole();
    let artifact = "Server.Hunts.CancelAndDelete";
    let files = |parameters: &str| {
        let found = collect(
            &server,
            artifact,
            parameters,
            "Server.Hunts.CancelAndDelete/HuntFiles",
        );
        parse(&found.unwrap())
    };
    let hunts = || server.query(ADMIN, "SELECT hunt_id, state FROM hunts()").0;
    let numbers = || {
        let query = "SELECT N FROM flow_results(client_id='C.00000000000000e1', flow_id='F.EXAMPLE.H')";
        server.query(ADMIN, query).0
    };
    let before = numbers();
    let listed = files("HuntId='H.EXAMPLE', Hunts='[\"H.OLD\"]'");
    let of = column(&listed, "HuntId");
    assert!(
        of.contains(&"H.EXAMPLE".to_owned()) && of.contains(&"H.OLD".to_owned()),
        "{of:?}"
    );
    for hunt in ["H.EXAMPLE", "H.OLD"] {
        let archived = format!(r#"{{"hunt_id":"{hunt}","state":"ARCHIVED"}}"#);
        assert!(hunts().contains(&archived), "{}", hunts());
    }
    assert_eq!(numbers(), before, "an archived hunt is kept");

    let deleted = files("Hunts=('H.OLD', 'H.EXAMPLE'), DeleteAllFiles=TRUE");
    assert_eq!(column(&deleted, "Type"), column(&listed, "Type"));
    assert!(
        !hunts().contains("H.EXAMPLE") && hunts().contains("H.ADDED"),
        "{}",
        hunts()
    );
    assert_eq!(numbers(), "[]");
}

#[test]
fn collections_of_a_machine_are_deleted() {
    let server = Server::start_whole();
    let of = "ClientId='C.00000000000000a4', FlowId='F.OLD', FlowIds='[\"F.RUNNING\"]'";
    let flows = || {
        let query = "SELECT session_id FROM flows(client_id='C.00000000000000a4') ORDER BY session_id";
        column(&parse(&server.query(ADMIN, query).0), "session_id")
    };
    let listed = rows(&server, "Server.Utils.DeleteFlow", of);
    assert_eq!(column(&listed, "FlowId"), ["F.RUNNING", "F.OLD"]);
    assert_eq!(flows(), ["F.KEPT", "F.OLD", "F.RUNNING"]);
    let deleted = rows(
        &server,
        "Server.Utils.DeleteFlow",
        &format!("{of}, ReallyDoIt=TRUE"),
    );
    assert_eq!((deleted, flows()), (listed, vec!["F.KEPT".to_owned()]));
}

#[test]
fn collections_of_many_machines_are_deleted() {
    let server = Server::start_whole();
    let artifact = "Server.Utils.DeleteManyFlows";
    let find = |parameters: &str| column(&rows(&server, artifact, parameters), "FlowId");
    let numbers = "ArtifactRegex='Custom.Numbers'";
    assert_eq!(find("ArtifactRegex='Custom.Other'"), [""; 0]);
    assert_eq!(find(&format!("{numbers}, CreatorRegex='^jana$'")), [""; 0]);
    assert_eq!(find(&format!("{numbers}, DateBefore='2020-01-01'")), [""; 0]);
    assert_eq!(find(&format!("{numbers}, HostnameRegex='^web1'")), ["F.EXAMPLE"]);
    assert!(find(numbers).len() > 4, "without a name, of all machines");
    let refused = collect(&server, artifact, "DateBefore='soon', ReallyDoIt=TRUE", artifact).unwrap_err();
    assert!(refused.contains("DateBefore is not a time"), "{refused}");

    let left = || {
        column(
            &parse(&server.rows(ADMIN, "flows(client_id='C.0123456789abcdef')").0),
            "session_id",
        )
    };
    assert_eq!(left(), ["F.EXAMPLE"]);
    let deleted = rows(
        &server,
        artifact,
        &format!("{numbers}, HostnameRegex='^web1', DateBefore='2020-09-14', ReallyDoIt=TRUE"),
    );
    assert_eq!(
        (column(&deleted, "FlowId"), left()),
        (vec!["F.EXAMPLE".to_owned()], Vec::new())
    );
    // A file, a table, messages, and the record.
    assert_eq!(deleted[0]["Parts"], 4);
}

#[test]
fn machines_are_deleted() {
    let server = Server::start_whole();
    let of = "ClientIdList='C.00000000000000a1, C.00000000000000a2'";
    let clients = || server.query(ADMIN, "SELECT client_id FROM clients()").0;
    let before = clients();
    let listed = rows(&server, "Server.Utils.DeleteClient", of);
    assert_eq!(column(&listed, "type"), ["ClientInfo"; 2]);
    assert_eq!(clients(), before);
    rows(
        &server,
        "Server.Utils.DeleteClient",
        &format!("{of}, ReallyDoIt=TRUE"),
    );
    let left = clients();
    assert!(
        !left.contains("00a1") && !left.contains("00a2") && left.contains("00a3"),
        "{left}"
    );
}

#[test]
fn events_of_an_artifact_are_deleted() {
    let server = Server::start_whole();
    let artifact = "Server.Utils.DeleteEvents";
    let of = "Artifact='Custom.Old', ClientId='C.00000000000000a4'";
    let days = || {
        let query = "SELECT Day FROM monitoring(client_id='C.00000000000000a4', artifact='Custom.Old')";
        column(&parse(&server.query(ADMIN, query).0), "Day")
    };
    for wrong in ["StartTime='soon'", "EndTime='soon'"] {
        let refused = collect(
            &server,
            artifact,
            &format!("{of}, {wrong}, ReallyDoIt=TRUE"),
            artifact,
        );
        assert!(refused.unwrap_err().contains("is not a time"), "{wrong}");
    }
    let listed = collect(&server, artifact, of, artifact).unwrap();
    assert_eq!(
        listed,
        r#"[{"Type":"EventFile","VFSPath":"/clients/C.00000000000000a4/monitoring/Custom.Old","Error":""}]"#
    );
    assert_eq!(days(), ["Sunday", "later"]);
    rows(
        &server,
        artifact,
        &format!("{of}, EndTime='2020-09-13T12:27:00Z', ReallyDoIt=TRUE"),
    );
    assert_eq!(days(), ["later"]);
    rows(
        &server,
        artifact,
        &format!("{of}, StartTime='2020-09-13', ReallyDoIt=TRUE"),
    );
    assert_eq!(days(), [""; 0]);
}

#[test]
fn old_events_of_many_machines_are_deleted() {
    let server = Server::start_whole();
    let definition = "name: Custom.Events\ntype: CLIENT_EVENT\n";
    server.core.artifacts.load(definition, Origin::Custom).unwrap();
    let artifact = "Server.Utils.DeleteMonitoringData";
    let numbers = || {
        let query = "SELECT N FROM monitoring(client_id='C.0123456789abcdef', artifact='Custom.Events')";
        server.query(ADMIN, query).0
    };
    let of = "ArtifactRegex='^Custom', HostnameRegex='^web1'";
    let listed = rows(&server, artifact, &format!("{of}, DateBefore='2020-09-14'"));
    assert_eq!(column(&listed, "Type"), ["EventFile", "EventQueryLogFile"]);
    assert_eq!(column(&listed, "Rows"), ["2", "1"]);
    assert_eq!(
        (&listed[0]["Fqdn"], &listed[0]["Artifact"]),
        (&"web1.example.org".into(), &"Custom.Events".into())
    );
    for wrong in ["DateBefore=''", "DateBefore='soon'"] {
        let refused = collect(
            &server,
            artifact,
            &format!("{of}, {wrong}, ReallyDoIt=TRUE"),
            artifact,
        );
        assert!(
            refused.unwrap_err().contains("DateBefore is not a time"),
            "{wrong}"
        );
    }
    let really = "DateBefore='2020-09-13T12:26:41Z', ReallyDoIt=TRUE";
    rows(
        &server,
        artifact,
        &format!("ArtifactRegex='^Custom', HostnameRegex='db1', {really}"),
    );
    assert_eq!(numbers(), r#"[{"N":0},{"N":1}]"#, "another machine");
    rows(&server, artifact, &format!("{of}, {really}"));
    assert_eq!(numbers(), r#"[{"N":1}]"#);
}
