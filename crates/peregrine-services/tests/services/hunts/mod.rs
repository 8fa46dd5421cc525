//! Hunts, with clients that are connected and answer as agents do.

mod joining;
mod life;
mod refusals;
mod results;

use super::{asks_for, core, user};
use peregrine_api::hunts::{Hunt, HuntClientsQuery, NewHunt};
use peregrine_artifacts::Origin;
use peregrine_proto::VeloMessage;
use peregrine_services::users::Role;
use peregrine_services::{Core, clock, flows, hunts, servers};
use peregrine_store::chunk::Chunk;
use peregrine_store::testing::client_id;
use peregrine_store::{
    Claim, ClientFacts, ClientId, Contact, Effect, FlowId, HuntId, Poll, Polled, Progress, Touch,
};
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const SOURCE: &str = "Generic.Client.Info/BasicInformation";

/// A server with two artifacts more, on the list of servers.
async fn server(folder: &TempDir) -> Core {
    let core = core(folder).await;
    for definition in [
        "name: Test.Secret\nparameters: [{name: Key, type: redacted}]\nsources: [{query: SELECT Key FROM scope()}]\n",
        "name: Test.Program\nrequired_permissions: [EXECVE]\nsources: [{query: SELECT 1 FROM scope()}]\n",
    ] {
        core.artifacts.load(definition, Origin::Custom).unwrap();
    }
    servers::join(&core).await.unwrap();
    core
}

fn client(number: usize) -> ClientId {
    client_id(format_args!("C.{number:016x}"))
}

/// Enrols clients and connects them to this server.
async fn connect(core: &Core, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        core.storage
            .database
            .enrol(&client(number), "key", 1)
            .await
            .unwrap();
        come(core, number, Contact::Pauses).await;
    }
}

/// A client comes or goes, as the gateway notes it.
async fn come(core: &Core, number: usize, contact: Contact) {
    let client_id = client(number);
    let touch = Touch {
        client_id: client_id.clone(),
        at: clock::now(),
        ip: String::new(),
        contact,
    };
    let this = servers::this_server(core);
    for client_id in core.storage.database.touch(this, vec![touch]).await.unwrap() {
        let change = peregrine_services::changes::Change::Client { client_id };
        peregrine_services::changes::announce(core, &change).await;
    }
}

/// What an interrogation tells.
async fn tell_facts(core: &Core, number: usize, os: &str) {
    let facts = ClientFacts {
        hostname: format!("host{number}"),
        fqdn: format!("host{number}.example"),
        os: os.into(),
        ..ClientFacts::default()
    };
    let effect = Effect::Facts {
        facts: Box::new(facts),
        labels: Vec::new(),
        flow_id: None,
        at: 5,
    };
    flows::store(core, &client(number), vec![effect]).await.unwrap();
}

fn new_hunt(start: bool) -> NewHunt {
    NewHunt {
        description: "Look everywhere".into(),
        tags: vec![" b ".into(), "a".into(), "b".into()],
        start,
        request: asks_for(SOURCE),
        ..NewHunt::default()
    }
}

async fn create(core: &Core, new: NewHunt) -> HuntId {
    hunts::create(core, &user(Role::Investigator), &new)
        .await
        .unwrap()
}

async fn hunt(core: &Core, hunt_id: &HuntId) -> Hunt {
    let detail = hunts::show(core, &user(Role::Reader), hunt_id).await;
    detail.unwrap().hunt
}

/// The numbers of the clients that take part.
async fn members(core: &Core, hunt_id: &HuntId) -> Vec<usize> {
    let query = HuntClientsQuery {
        limit: Some(1000),
        ..HuntClientsQuery::default()
    };
    let page = hunts::clients(core, &user(Role::Reader), hunt_id, query)
        .await
        .unwrap();
    let numbers = page.clients.iter();
    let mut numbers: Vec<usize> = numbers
        .map(|member| usize::from_str_radix(&member.client_id[2..], 16).unwrap())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// Runs the tasks of a server meanwhile.
async fn while_serving<T>(core: &Core, work: impl Future<Output = T>) -> T {
    let stopping = CancellationToken::new();
    let (done, recruited, ()) = tokio::join!(
        async {
            let done = work.await;
            stopping.cancel();
            done
        },
        hunts::recruit(core, &stopping),
        hunts::keep_totals(core, &stopping),
    );
    recruited.unwrap();
    done
}

/// Waits until it holds.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    while !holds().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn take_tasks(core: &Core, number: usize) -> Vec<VeloMessage> {
    let poll = Poll {
        server_id: servers::this_server(core).to_owned(),
        claim: Claim {
            session: 1,
            timestamp: 1,
        },
        now: clock::now(),
        max_in_flight: 6,
        silent_since: None,
    };
    match core
        .storage
        .database
        .take_work(&client(number), poll)
        .await
        .unwrap()
    {
        Polled::Work(work) => {
            let tasks = work.tasks.iter();
            tasks
                .map(|task| flows::unpack_task(core, &task.message).unwrap())
                .collect()
        }
        other => panic!("no work but {other:?}"),
    }
}

/// An agent's rows and the end of its collection.
async fn answer(core: &Core, number: usize, flow_id: &FlowId, rows: usize, error: Option<&str>) {
    let text: String = (0..rows)
        .map(|row| format!("{{\"Row\":{row},\"Hostname\":\"host{number}\"}}\n"))
        .collect();
    let end = match error {
        None => (peregrine_store::FlowState::Finished, None),
        Some(error) => (peregrine_store::FlowState::Error, Some(error.to_owned())),
    };
    let effects = vec![
        Effect::Rows {
            flow_id: flow_id.clone(),
            source: SOURCE.into(),
            start_row: Some(0),
            chunk: Chunk::pack(text.as_bytes()).unwrap(),
        },
        Effect::Progress {
            flow_id: flow_id.clone(),
            progress: Progress {
                end: Some(end),
                duration_ns: 5_000_000,
                ..Progress::default()
            },
        },
    ];
    flows::store(core, &client(number), effects).await.unwrap();
}
