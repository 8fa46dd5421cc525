//! What users do with hunts: copy, stop, add, collect again, delete.

use super::{
    SOURCE, answer, asks_for, client, come, connect, create, hunt, members, new_hunt, server, take_tasks,
    until, user, while_serving,
};
use peregrine_api::flows::{ArtifactSpec, CollectRequest, FlowState};
use peregrine_api::hunts::{HuntClientsQuery, HuntCondition, HuntState, HuntTotals, HuntsQuery, NewHunt};
use peregrine_services::users::Role;
use peregrine_services::{Error, flows, hunts};
use peregrine_store::Contact;
use tempfile::TempDir;

#[tokio::test]
async fn secrets_reach_the_agent_and_a_copy_and_nobody_else() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    connect(&core, [1]).await;
    let mut spec = ArtifactSpec::of("Test.Secret");
    spec.parameters.insert("Key".into(), "hunter2".into());
    let secret = NewHunt {
        request: CollectRequest {
            artifacts: vec![spec],
            ..CollectRequest::default()
        },
        ..new_hunt(false)
    };
    let id = create(&core, secret).await;
    let investigator = user(Role::Investigator);
    let copy = hunts::copy(&core, &investigator, &id).await.unwrap();
    assert_eq!(hunt(&core, &copy).await.state, HuntState::Paused);
    assert_eq!(hunt(&core, &copy).await.sources, ["Test.Secret"]);
    for id in [&id, &copy] {
        let detail = hunts::show(&core, &investigator, id).await.unwrap();
        let shown = serde_json::to_string(&detail).unwrap();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let audited = core.storage.database.read_audit(0, 99).await.unwrap();
    assert!(audited.iter().any(|entry| entry.operation == "CreateHunt"));
    assert!(audited.iter().all(|entry| !entry.detail.contains("hunter2")));
    for file in ["peregrine.db", "peregrine.db-wal"] {
        let bytes = std::fs::read(folder.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "{file}");
    }
    hunts::add_client(&core, &investigator, &copy, &client(1))
        .await
        .unwrap();
    let tasks = take_tasks(&core, 1).await;
    assert_eq!(tasks[0].session_id, copy.flow_id().as_str());
    assert!(
        format!("{:?}", tasks[0]).contains("hunter2"),
        "the agent needs it"
    );
    // Also when it collects again.
    answer(&core, 1, &copy.flow_id(), 0, Some("boom")).await;
    let again = hunts::relaunch(&core, &investigator, &copy, &client(1))
        .await
        .unwrap();
    let tasks = take_tasks(&core, 1).await;
    assert_eq!(tasks[0].session_id, again.as_str());
    assert!(format!("{:?}", tasks[0]).contains("hunter2"));
    let flow = flows::get(&core, &client(1), &again).await.unwrap();
    let shown = flows::view_in_full(&core, &flow).await.unwrap();
    assert_eq!(shown.request["artifacts"][0]["artifact"], "Test.Secret");
    assert!(!serde_json::to_string(&shown).unwrap().contains("hunter2"));
}

#[tokio::test]
async fn stopping_can_end_what_runs_also_where_nobody_is() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    connect(&core, 1..=3).await;
    let id = create(&core, new_hunt(true)).await;
    let investigator = user(Role::Investigator);
    while_serving(&core, async {
        until(async || members(&core, &id).await.len() == 3).await;
        assert_eq!(take_tasks(&core, 1).await.len(), 1);
        assert_eq!(take_tasks(&core, 2).await.len(), 1);
        answer(&core, 2, &id.flow_id(), 1, None).await;
        come(&core, 3, Contact::Left).await;

        let stopped = hunts::stop(&core, &investigator, &id, false).await.unwrap();
        assert_eq!((stopped.state, stopped.stop_reason), (HuntState::Stopped, None));
        assert_eq!(
            core.storage.database.counts().await.unwrap().flows_running,
            2,
            "they go on"
        );
        hunts::stop(&core, &investigator, &id, true).await.unwrap();
        assert_eq!(core.storage.database.counts().await.unwrap().flows_running, 0);
        until(async || hunt(&core, &id).await.totals.cancelled == 2).await;
    })
    .await;
    let page = hunts::clients(&core, &user(Role::Reader), &id, HuntClientsQuery::default())
        .await
        .unwrap();
    let states: Vec<_> = page
        .clients
        .iter()
        .map(|client| (client.state, client.status.as_deref()))
        .collect();
    let cancelled = (Some(FlowState::Cancelled), Some("Cancelled by investigator"));
    assert_eq!(states, [cancelled, (Some(FlowState::Finished), None), cancelled]);
    let told = take_tasks(&core, 1).await;
    assert!(
        told.len() == 1 && told[0].cancel.is_some(),
        "it is told: {told:?}"
    );
    assert!(
        take_tasks(&core, 3).await.is_empty(),
        "it never hears of the hunt"
    );
}

#[tokio::test]
async fn clients_and_collections_are_added_by_hand() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    connect(&core, 1..=3).await;
    let nobodys = NewHunt {
        condition: HuntCondition {
            labels: vec!["nobody".into()],
            ..HuntCondition::default()
        },
        ..new_hunt(false)
    };
    let id = create(&core, nobodys).await;
    let investigator = user(Role::Investigator);
    let added = hunts::add_client(&core, &investigator, &id, &client(1))
        .await
        .unwrap();
    assert_eq!(added, id.flow_id());
    let twice = hunts::add_client(&core, &investigator, &id, &client(1))
        .await
        .unwrap_err();
    assert!(
        twice.to_string().contains("takes part in the hunt already"),
        "{twice}"
    );
    let unknown = hunts::add_client(&core, &investigator, &id, &client(99)).await;
    assert!(matches!(unknown, Err(Error::NotFound("client", _))));

    let own = flows::create(&core, &investigator, &client(2), &asks_for(SOURCE))
        .await
        .unwrap();
    hunts::add_flow(&core, &investigator, &id, &client(2), &own)
        .await
        .unwrap();
    let twice = hunts::add_flow(&core, &investigator, &id, &client(2), &own).await;
    assert!(matches!(twice, Err(Error::BadRequest(_))));
    let missing = hunts::add_flow(&core, &investigator, &id, &client(3), &own).await;
    assert!(matches!(missing, Err(Error::NotFound("flow", _))));
    while_serving(&core, async {
        answer(&core, 2, &own, 4, None).await;
        until(async || hunt(&core, &id).await.totals.rows == 4).await;

        let early = hunts::relaunch(&core, &investigator, &id, &client(1)).await;
        assert!(
            matches!(early, Err(Error::BadRequest(_))),
            "it has not ended: {early:?}"
        );
        answer(&core, 1, &id.flow_id(), 0, Some("boom")).await;
        until(async || hunt(&core, &id).await.totals.errors == 1).await;
        let again = hunts::relaunch(&core, &investigator, &id, &client(1))
            .await
            .unwrap();
        answer(&core, 1, &again, 2, None).await;
        let expected = HuntTotals {
            scheduled: 2,
            finished: 2,
            with_results: 2,
            rows: 6,
            ..HuntTotals::default()
        };
        until(async || hunt(&core, &id).await.totals == expected).await;
    })
    .await;
    hunts::archive(&core, &investigator, &id).await.unwrap();
    let late = hunts::add_client(&core, &investigator, &id, &client(3)).await;
    assert!(matches!(late, Err(Error::BadRequest(_))), "{late:?}");
    let listed = async |state: Option<&str>| {
        let query = HuntsQuery {
            state: state.map(str::to_owned),
            ..HuntsQuery::default()
        };
        hunts::list(&core, &investigator, query).await.unwrap().total
    };
    assert_eq!((listed(None).await, listed(Some("archived")).await), (0, 1));

    let administrator = user(Role::Administrator);
    let deleted = hunts::delete(&core, &administrator, &id).await.unwrap();
    assert_eq!(
        (deleted.clients, deleted.flows, deleted.rows),
        (2, 2, 2),
        "the first one and the second of client 1"
    );
    assert_eq!(listed(Some("all")).await, 0);
    let kept = flows::get(&core, &client(2), &own).await.unwrap();
    assert_eq!(kept.rows, 4, "it was not the hunt's");
    let gone = flows::get(&core, &client(1), &id.flow_id()).await;
    assert!(matches!(gone, Err(Error::NotFound("flow", _))));
    let audited = core.storage.database.read_audit(0, 99).await.unwrap();
    for operation in ["CreateHunt", "ModifyHunt", "hunt_delete"] {
        assert!(
            audited.iter().any(|entry| entry.operation == operation),
            "{operation}"
        );
    }
}
