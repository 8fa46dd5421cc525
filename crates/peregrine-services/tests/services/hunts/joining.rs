//! Who joins a hunt, and when it stops by itself.

use super::super::open;
use super::{
    answer, client, come, connect, create, hunt, members, new_hunt, server, tell_facts, until, user,
    while_serving,
};
use peregrine_api::hunts::{HuntAction, HuntChange, HuntCondition, HuntOs, HuntState, NewHunt};
use peregrine_services::events::{self, News};
use peregrine_services::users::Role;
use peregrine_services::{Error, Storage, clients, clock, hunts, servers};
use peregrine_store::chunk;
use peregrine_store::{Contact, NatsOptions, NatsServers, PostgresSettings, ServerRecord};
use peregrine_testkit::{Nats, Postgres};
use tempfile::TempDir;

#[tokio::test]
async fn clients_join_when_they_match_and_not_twice() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    connect(&core, 1..=3).await;
    core.storage.database.enrol(&client(4), "key", 1).await.unwrap();
    tell_facts(&core, 1, "linux").await;
    tell_facts(&core, 2, "windows").await;
    let condition = HuntCondition {
        os: Some(HuntOs::Linux),
        labels: Vec::new(),
        excluded_labels: vec!["fragile".into()],
    };
    let reader = user(Role::Reader);
    let estimate = hunts::estimate(&core, &reader, &condition).await.unwrap();
    assert_eq!((estimate.clients, estimate.online), (1, 1));
    let linux = NewHunt {
        condition: condition.clone(),
        ..new_hunt(false)
    };
    let paused = create(&core, linux.clone()).await;
    let labelled = NewHunt {
        condition: HuntCondition {
            labels: vec!["PROD".into()],
            ..HuntCondition::default()
        },
        ..new_hunt(true)
    };
    let labelled = create(&core, labelled).await;
    while_serving(&core, async {
        let start = HuntChange {
            action: Some(HuntAction::Start),
            ..HuntChange::default()
        };
        hunts::modify(&core, &user(Role::Investigator), &paused, &start)
            .await
            .unwrap();
        until(async || members(&core, &paused).await == [1]).await;
        // An interrogation tells what it is.
        tell_facts(&core, 3, "Linux").await;
        until(async || members(&core, &paused).await == [1, 3]).await;
        // It comes online, but must not take part.
        tell_facts(&core, 4, "linux").await;
        let label = |label: &str| [label.to_owned()];
        let analyst = user(Role::Analyst);
        clients::change_labels(&core, &analyst, &client(4), &label("Fragile"), &[])
            .await
            .unwrap();
        come(&core, 4, Contact::Pauses).await;
        // A label makes it one of the second hunt's; by then the first hunt has looked at it, too.
        clients::change_labels(&core, &analyst, &client(4), &label("prod"), &[])
            .await
            .unwrap();
        until(async || members(&core, &labelled).await == [4]).await;
        assert_eq!(members(&core, &paused).await, [1, 3]);
        clients::change_labels(&core, &analyst, &client(4), &[], &label("fragile"))
            .await
            .unwrap();
        until(async || members(&core, &paused).await == [1, 3, 4]).await;
        until(async || hunt(&core, &paused).await.totals.scheduled == 3).await;
    })
    .await;
    let all = core.storage.database.counts().await.unwrap();
    assert_eq!(all.flows_running, 4, "one for each hunt and client");
    assert_eq!(hunt(&core, &paused).await.tags, ["a", "b"]);
}

#[tokio::test]
async fn after_a_restart_nobody_is_asked_again_and_who_came_meanwhile_is() {
    let folder = TempDir::new().unwrap();
    let id = {
        let core = server(&folder).await;
        connect(&core, 1..=2).await;
        let id = create(&core, new_hunt(true)).await;
        while_serving(&core, async {
            until(async || members(&core, &id).await == [1, 2]).await;
        })
        .await;
        id
    };
    let core = server(&folder).await;
    connect(&core, 1..=3).await;
    while_serving(&core, async {
        until(async || members(&core, &id).await == [1, 2, 3]).await;
    })
    .await;
    assert_eq!(core.storage.database.counts().await.unwrap().flows_running, 3);
}

#[tokio::test]
async fn a_hunt_whose_time_is_up_stops() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    let soon = NewHunt {
        expires: Some(clock::show(clock::now() + 300_000)),
        ..new_hunt(true)
    };
    let id = create(&core, soon).await;
    while_serving(&core, async {
        until(async || hunt(&core, &id).await.state == HuntState::Stopped).await;
    })
    .await;
    let stopped = hunt(&core, &id).await;
    assert!(stopped.stop_reason.unwrap().contains("expired"));
}

#[tokio::test]
async fn a_hunt_with_enough_clients_stops_and_what_runs_goes_on() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    connect(&core, 1..=5).await;
    let few = NewHunt {
        client_limit: 2,
        ..new_hunt(true)
    };
    let id = create(&core, few).await;
    while_serving(&core, async {
        until(async || hunt(&core, &id).await.state == HuntState::Stopped).await;
    })
    .await;
    assert_eq!(members(&core, &id).await.len(), 2);
    assert_eq!(core.storage.database.counts().await.unwrap().flows_running, 2);
    let start = HuntChange {
        action: Some(HuntAction::Start),
        ..HuntChange::default()
    };
    let started = hunts::modify(&core, &user(Role::Investigator), &id, &start).await;
    assert!(
        matches!(started, Err(Error::BadRequest(_))),
        "it would stop at once: {started:?}"
    );
}

#[tokio::test]
async fn a_hunt_reaches_the_clients_of_every_server() {
    let (Some(postgres), Some(nats)) = (Postgres::start(), Nats::start("")) else {
        return;
    };
    let folders = [(); 2].map(|()| TempDir::new().unwrap());
    let url = postgres.database();
    let mut cores = Vec::new();
    for folder in &folders {
        let address = PostgresSettings::parse(&url).unwrap();
        let mut storage = Storage::open(folder.path(), address.into()).unwrap();
        let (servers, options) = (NatsServers::One(nats.url()), NatsOptions::default());
        storage.connect_bus(&servers, &options, "ours").await.unwrap();
        let core = open(storage).await;
        // Not `servers::join`, which refuses servers that keep their files apart.
        let server = ServerRecord {
            server_id: servers::this_server(&core).to_owned(),
            host: String::new(),
            started: 1,
            beat: 0,
            is_local: false,
        };
        core.storage.database.join_servers(server).await.unwrap();
        cores.push(core);
    }
    let [here, there] = &cores[..] else {
        panic!("two servers")
    };
    connect(here, 1..=2).await;
    connect(there, 3..=4).await;
    let here_and_there = async {
        let id = create(here, new_hunt(true)).await;
        until(async || members(here, &id).await == [1, 2, 3, 4]).await;
        connect(there, [5]).await;
        until(async || members(here, &id).await == [1, 2, 3, 4, 5]).await;
        answer(there, 4, &id.flow_id(), 3, None).await;
        until(async || {
            let totals = hunt(here, &id).await.totals;
            (totals.scheduled, totals.finished, totals.rows) == (5, 1, 3)
        })
        .await;
    };
    while_serving(here, while_serving(there, here_and_there)).await;
    assert_eq!(here.storage.database.counts().await.unwrap().flows_running, 4);
}

#[tokio::test]
async fn those_who_watch_hear_who_joins() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    connect(&core, 1..=3).await;
    let watch = events::watch(&core, &user(Role::Reader), "System.Hunt.Participation").unwrap();
    let hunt_id = create(&core, new_hunt(true)).await;
    let mut told = Vec::new();
    while_serving(&core, async {
        while told.len() < 3 {
            let News::Rows { lines, .. } = watch.next(&core).await.unwrap() else {
                panic!("rows are lost");
            };
            for line in chunk::lines(&lines) {
                let row: serde_json::Value = serde_json::from_slice(line).unwrap();
                assert_eq!(row["HuntId"], hunt_id.as_str());
                told.push(row["ClientId"].as_str().unwrap().to_owned());
            }
        }
    })
    .await;
    assert_eq!(
        told,
        (1..=3)
            .map(|number| client(number).to_string())
            .collect::<Vec<_>>()
    );
}
