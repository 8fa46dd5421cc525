//! The services on their own: no listener, no gateway, no agents.
#![allow(clippy::unwrap_used, missing_docs)]

mod hunts;
mod programs;

use peregrine_api::flows::{ArtifactSpec, CollectRequest};
use peregrine_api::table::TableParams;
use peregrine_artifacts::Repository;
use peregrine_services::changes::topics;
use peregrine_services::flows::Table;
use peregrine_services::table::TableQuery;
use peregrine_services::users::{Permission, Principal, Role, permissions_of};
use peregrine_services::{Core, Error, Settings, Storage, clients, flows, servers};
use peregrine_store::ClientId;
use peregrine_store::chunk::Chunk;
use peregrine_store::testing::{client_id, flow_id};
use peregrine_store::{
    Contact, Effect, NatsOptions, NatsServers, PostgresSettings, Received, ServerRecord, SetKind, Touch,
};
use peregrine_testkit::{Nats, Postgres};
use peregrine_wire::Vault;
use std::sync::Arc;
use std::sync::LazyLock;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

static CLIENT: LazyLock<ClientId> = LazyLock::new(|| client_id("C.0123456789abcdef"));

#[tokio::test]
async fn servers_of_a_deployment_hear_of_each_other_and_of_no_other() {
    let Some(nats) = Nats::start("") else { return };
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let mut storages = Vec::new();
    for (folder, authority) in folders.iter().zip(["ours", "ours", "theirs"]) {
        let mut storage = Storage::embedded(folder.path()).unwrap();
        let (servers, options) = (NatsServers::One(nats.url()), NatsOptions::default());
        storage.connect_bus(&servers, &options, authority).await.unwrap();
        storages.push(storage);
    }
    let mut here = storages[0].bus.subscribe(&[topics::TASKS]).await.unwrap();
    storages[2].bus.publish(topics::TASKS, "theirs").await.unwrap();
    // Once a later message has arrived, this one has, too.
    let mut there = storages[2].bus.subscribe(&[topics::MONITORING]).await.unwrap();
    storages[2].bus.publish(topics::MONITORING, "").await.unwrap();
    there.next().await.unwrap();
    storages[1]
        .bus
        .publish(topics::TASKS, CLIENT.as_str())
        .await
        .unwrap();
    let Some(Received::Event(event)) = here.next().await else {
        panic!("nothing was heard")
    };
    assert_eq!(&*event.payload, CLIENT.as_str());
}

async fn core(folder: &TempDir) -> Core {
    let storage = Storage::embedded(folder.path()).unwrap();
    storage.database.enrol(&CLIENT, "key", 1).await.unwrap();
    open(storage).await
}

async fn open(storage: Storage) -> Core {
    let vault = Vault::new("test", "secret").unwrap();
    let artifacts = Repository::with_compiled_in();
    let opened = Core::open(storage, artifacts, None, vault, Settings::default());
    opened.await.unwrap()
}

fn user(role: Role) -> Principal {
    let roles = vec![role.name().to_owned()];
    Principal {
        name: role.name().to_owned(),
        permissions: permissions_of(&roles),
        roles,
        session: Vec::new(),
        csrf_token: String::new(),
        ip: "10.0.0.1".into(),
    }
}

fn asks_for(artifact: &str) -> CollectRequest {
    CollectRequest {
        artifacts: vec![ArtifactSpec::of(artifact)],
        ..CollectRequest::default()
    }
}

#[tokio::test]
async fn a_collection_needs_nothing_but_the_core() {
    let folder = TempDir::new().unwrap();
    let core = core(&folder).await;
    let mut work = core.storage.bus.subscribe(&[topics::TASKS]).await.unwrap();
    let investigator = user(Role::Investigator);
    let request = asks_for("Generic.Client.Info/BasicInformation");
    let flow_id = flows::create(&core, &investigator, &CLIENT, &request)
        .await
        .unwrap();
    let Some(Received::Event(event)) = work.next().await else {
        panic!("nobody is told that there is work")
    };
    assert_eq!(&*event.payload, CLIENT.as_str());

    let source = "Generic.Client.Info/BasicInformation";
    let rows = Effect::Rows {
        flow_id: flow_id.clone(),
        source: source.into(),
        start_row: Some(0),
        chunk: Chunk::pack(b"{\"Hostname\":\"web1\"}\n").unwrap(),
    };
    core.storage
        .database
        .apply(&CLIENT, 2, Arc::new([rows]))
        .await
        .unwrap();
    let table = Table {
        client_id: &CLIENT,
        flow_id: &flow_id,
        kind: SetKind::Rows,
        name: source,
    };
    let query = TableQuery::check(TableParams::default()).unwrap();
    let page = table.page(&core, &user(Role::Reader), &query).await.unwrap();
    assert_eq!((page.total, &page.rows[0][0]), (1, &"web1".into()));
}

#[tokio::test]
async fn who_lacks_a_permission_gets_nowhere_however_it_asks() {
    let folder = TempDir::new().unwrap();
    let core = core(&folder).await;
    let (reader, nobody) = (user(Role::Reader), user(Role::OrgAdmin));
    for artifact in [
        "Generic.Client.Info",
        "Generic.Client.VQL/",
        "Generic.Client.Info/BasicInformation",
    ] {
        let made = flows::create(&core, &reader, &CLIENT, &asks_for(artifact)).await;
        assert!(
            matches!(made, Err(Error::Artifact { .. } | Error::Forbidden(_))),
            "{artifact}: {made:?}"
        );
    }
    let label = ["prod".to_owned()];
    let labelled = clients::change_labels(&core, &reader, &CLIENT, &label, &[]).await;
    assert!(matches!(labelled, Err(Error::Forbidden(Permission::LabelClient))));
    let seen = clients::events(&core, &nobody, &CLIENT).await;
    assert!(matches!(seen, Err(Error::Forbidden(Permission::ReadResults))));
    let tree = flows::process_tree(&core, &nobody, &CLIENT, &flow_id("F.1"), "1".into()).await;
    assert!(matches!(tree, Err(Error::Forbidden(Permission::ReadResults))));
    let file = flows::download(&core, &nobody, &CLIENT, &flow_id("F.1"), 0).await;
    assert!(matches!(file, Err(Error::Forbidden(Permission::ReadResults))));
    let asked = clients::interrogate(&core, &reader, &CLIENT).await;
    assert!(asked.is_err());
    let all = core.storage.database.counts().await.unwrap();
    assert_eq!(all.flows_running, 0);
}

#[tokio::test]
async fn a_changed_label_reaches_the_agent() {
    let folder = TempDir::new().unwrap();
    let core = core(&folder).await;
    let mut work = core.storage.bus.subscribe(&[topics::TASKS]).await.unwrap();
    let label = ["prod".to_owned()];
    let analyst = user(Role::Analyst);
    let client = clients::change_labels(&core, &analyst, &CLIENT, &label, &[])
        .await
        .unwrap();
    assert_eq!(client.labels, label);
    let Some(Received::Event(event)) = work.next().await else {
        panic!("the agent is not told")
    };
    assert_eq!(&*event.payload, CLIENT.as_str());
    assert_eq!(core.storage.database.audit_end().await.unwrap(), 1);
    let empty = [" ".to_owned()];
    let refused = clients::change_labels(&core, &analyst, &CLIENT, &empty, &[]).await;
    assert!(matches!(refused, Err(Error::BadRequest(_))));
}

#[tokio::test]
async fn a_server_that_the_others_took_for_dead_puts_itself_back() {
    let Some(postgres) = Postgres::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let address = PostgresSettings::parse(&postgres.database()).unwrap();
    let storage = Storage::open(folder.path(), address.into()).unwrap();
    storage.database.enrol(&CLIENT, "key", 1).await.unwrap();
    let core = open(storage).await;
    servers::join(&core).await.unwrap();
    let database = &core.storage.database;
    let touch = Touch {
        client_id: CLIENT.clone(),
        at: 1,
        ip: String::new(),
        contact: Contact::Pauses,
    };
    let this = servers::this_server(&core);
    assert_eq!(
        database.touch(this, vec![touch]).await.unwrap(),
        [CLIENT.as_str()]
    );
    let mut heard = core.storage.bus.subscribe(&[topics::CHANGES]).await.unwrap();

    // What another server does when it no longer sees this one's beat.
    assert_eq!(database.leave_servers(this).await.unwrap(), [CLIENT.as_str()]);
    assert_eq!(database.client(&CLIENT).await.unwrap().unwrap().held, None);
    let (stopping, buried) = (CancellationToken::new(), CancellationToken::new());
    tokio::join!(servers::keep_alive(&core, &stopping, || buried.cancel()), async {
        buried.cancelled().await;
        stopping.cancel();
    });
    let listed = servers::list(&core).await.unwrap();
    assert_eq!((listed.len(), &*listed[0].0.server_id, listed[0].1), (1, this, 0));

    let touch = Touch {
        client_id: CLIENT.clone(),
        at: 2,
        ip: String::new(),
        contact: Contact::Pauses,
    };
    database.touch(this, vec![touch]).await.unwrap();
    servers::leave(&core).await.unwrap();
    let Some(Received::Event(event)) = heard.next().await else {
        panic!("nobody was told")
    };
    assert!(
        event.payload.contains(CLIENT.as_str()),
        "its clients are offline: {event:?}"
    );
    assert!(servers::list(&core).await.unwrap().is_empty());
}

#[tokio::test]
async fn of_two_servers_that_cannot_share_and_start_at_once_the_first_one_works() {
    let Some(postgres) = Postgres::start() else { return };
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let url = postgres.database();
    let mut cores = Vec::new();
    for folder in &folders {
        let address = PostgresSettings::parse(&url).unwrap();
        let storage = Storage::open(folder.path(), address.into()).unwrap();
        cores.push(open(storage).await);
    }
    // A killed server: both wait until it is known to be dead.
    let killed = ServerRecord {
        server_id: "S.killed".into(),
        host: "gone".into(),
        started: 1,
        beat: 7,
        is_local: true,
    };
    let database = cores[0].storage.database.clone();
    database.join_servers(killed).await.unwrap();
    let (first, second) = tokio::join!(servers::join(&cores[0]), servers::join(&cores[1]));
    first.unwrap();
    let refusal = second.unwrap_err().to_string();
    assert!(refusal.contains("works on the same database"), "{refusal}");
    let listed = servers::list(&cores[0]).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|(server, _)| &*server.server_id).collect();
    assert_eq!(ids, [servers::this_server(&cores[0])]);
}
