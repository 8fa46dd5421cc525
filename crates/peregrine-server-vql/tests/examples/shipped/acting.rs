//! Artifacts that start and stop something.

use serde_json::json;

use super::{ADMIN, Server, collect, rows};

#[test]
fn hunts_are_listed_and_their_rows_copied() {
    let server = Server::start_whole();
    let list = collect(&server, "Server.Hunts.List", "", "Server.Hunts.List").unwrap();
    let example = r#"{"hunt_id":"H.EXAMPLE","Created":"2020-09-13T12:26:40Z","Artifact":"Custom.Numbers","state":"RUNNING"}"#;
    assert!(list.contains(example), "{list}");

    let started = rows(&server, "Server.Utils.StartHuntExample", "");
    let hunt_id = started[0]["HuntId"].as_str().unwrap();
    let (hunt, _) = server.value(ADMIN, &format!("hunt_info(hunt_id='{hunt_id}')"));
    assert!(
        hunt.contains(r#""state":"RUNNING""#) && hunt.contains("Linux.Mounts"),
        "{hunt}"
    );

    let of = "huntId='H.EXAMPLE', ArtifactName=";
    for artifact in ["'Custom.Numbers'", "''"] {
        let copied = rows(&server, "Server.Hunts.Results", &format!("{of}{artifact}"));
        let numbers: Vec<_> = copied.iter().map(|row| row["N"].as_i64().unwrap()).collect();
        assert_eq!(numbers, [0, 1, 2, 7], "{artifact}");
        assert_eq!(copied[3]["Fqdn"], "db1.example.org");
    }
}

#[test]
fn a_collection_is_added_to_a_hunt() {
    let server = Server::start_whole();
    let to = "HuntId='H.ADDED', ClientId='C.0123456789abcdef'";
    let added = rows(
        &server,
        "Server.Hunts.AddFlow",
        &format!("{to}, FlowId='F.EXAMPLE'"),
    );
    assert_eq!(added[0]["Added"], "C.0123456789abcdef");
    let (members, _) = server.rows(ADMIN, "hunt_flows(hunt_id='H.ADDED')");
    assert!(members.contains("F.EXAMPLE"), "{members}");

    let refused = collect(&server, "Server.Hunts.AddFlow", to, "Server.Hunts.AddFlow").unwrap_err();
    assert!(
        refused.contains("give the collection to add as FlowId"),
        "{refused}"
    );
}

#[test]
fn a_hunt_is_ended_with_its_collections() {
    let server = Server::start_whole();
    let (client, flow) = ("C.00000000000000a1", "F.ADDED.H");
    for member in [
        format!("client_id='{client}'"),
        "client_id='C.0123456789abcdef', flow_id='F.EXAMPLE'".to_owned(),
    ] {
        let (added, log) = server.value(ADMIN, &format!("hunt_add(hunt_id='H.ADDED', {member})"));
        assert!(added.contains("C."), "{log:?}");
    }
    let states = |hunt: &str| {
        let (states, _) = server.value(ADMIN, &format!("hunt_info(hunt_id='{hunt}').state"));
        states
    };
    let ended = rows(
        &server,
        "Server.Utils.CancelHunt",
        "HuntId='H.ADDED', Hunts='[\"H.CHANGED\"]'",
    );
    let expected = json!({"HuntId": "H.ADDED", "ClientId": client, "FlowId": flow, "Cancelled": true});
    assert_eq!(ended, [expected], "the other collection had ended");
    assert_eq!([states("H.ADDED"), states("H.CHANGED")], [r#""STOPPED""#; 2]);
    let (state, _) = server.value(
        ADMIN,
        "get_flow(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE').state",
    );
    assert_eq!(state, r#""FINISHED""#);
}

#[test]
fn a_machine_is_collected_from() {
    let server = Server::start_whole();
    let of = "Client='C.00000000000000a3', ArtifactName=";
    let parameters = "Parameters=dict(processRegex='sshd', Unknown=1)";
    let started = rows(
        &server,
        "Server.Utils.CollectClient",
        &format!("{of}'Linux.Sys.Pslist', {parameters}"),
    );
    let flow_id = started[0]["FlowId"].as_str().unwrap();
    let env = &started[0]["Request"]["specs"][0]["parameters"]["env"];
    assert_eq!(*env, json!([{"key": "processRegex", "value": "sshd"}]));
    let (creator, _) = server.value(
        ADMIN,
        &format!("get_flow(client_id='C.00000000000000a3', flow_id='{flow_id}').request.creator"),
    );
    assert_eq!(creator, r#""admin""#);
    let nothing = rows(
        &server,
        "Server.Utils.CollectClient",
        &format!("{of}'Linux.Sys.None'"),
    );
    assert!(nothing.is_empty(), "{nothing:?}");
}

#[test]
fn agents_are_told_to_end() {
    let server = Server::start_whole();
    let told = rows(
        &server,
        "Server.Utils.KillClient",
        "ClientIdList=' C.00000000000000a1,C.00000000000000a2\n'",
    );
    assert_eq!(
        told,
        [
            json!({"Killed": "C.00000000000000a1"}),
            json!({"Killed": "C.00000000000000a2"})
        ]
    );
    let audit = server.audit();
    assert_eq!(
        audit
            .iter()
            .filter(|(operation, _)| operation == "killkillkill")
            .count(),
        2
    );
}

#[test]
fn favourites_are_kept_for_the_user_who_asks() {
    let server = Server::start_whole();
    let favorites = || server.rows(ADMIN, "favorites_list()").0;
    let save = "Name='who', Description='is signed in', Specs='[{\"artifact\":\"Linux.Sys.Users\",\"parameters\":{}}]'";
    let saved = rows(&server, "Server.Utils.SaveFavoriteFlow", save);
    assert_eq!(
        (&saved[0]["name"], &saved[0]["type"]),
        (&json!("who"), &json!("CLIENT"))
    );
    let listed = favorites();
    assert!(
        listed.contains(r#""name":"who","description":"is signed in""#),
        "{listed}"
    );

    let save = "Server.Utils.SaveFavoriteFlow";
    let for_all = "AllUsers=TRUE, Name='all', Specs='[{\"artifact\":\"Linux.Sys.Users\",\"parameters\":{}}]'";
    let refused = collect(&server, save, for_all, save).unwrap_err();
    assert!(refused.contains("cannot be kept for all users yet"), "{refused}");
    assert_eq!(favorites(), listed);

    let deleted = rows(
        &server,
        "Server.Utils.DeleteFavoriteFlow",
        "Name='who', Type='CLIENT'",
    );
    assert_eq!(
        deleted,
        [json!({"Name": "who", "Type": "CLIENT", "Deleted": true})]
    );
    assert_eq!(favorites(), "[]");
}
