//! Hunts for the examples: one over two clients, of which one failed, and some that examples change.

use peregrine_store::testing::{client_id, running_hunt};
use peregrine_store::{
    Admission, ClientFacts, ClientId, Database, Effect, FlowState, Hunt, HuntPayload, Progress, Upload,
};

use super::{EPOCH, lines};

/// Microseconds of the day on which no hunt of the examples has expired.
const LATER: i64 = 9_000_000_000_000_000;

/// A hunt that collects `Custom.Numbers`.
pub(crate) fn hunt(hunt_id: &str, description: &str) -> Hunt {
    Hunt {
        description: description.into(),
        creator: "admin".into(),
        created: EPOCH,
        started: Some(EPOCH),
        expires: LATER,
        request: r#"{"artifacts":[{"artifact":"Custom.Numbers","parameters":{"Last":"4"}}],"max_rows":100}"#
            .into(),
        artifacts: vec!["Custom.Numbers".into()],
        sources: vec!["Custom.Numbers".into()],
        ..running_hunt(hunt_id)
    }
}

pub(crate) async fn create(database: &dyn Database, hunt: Hunt) {
    let payload = HuntPayload {
        task: Vec::new(),
        sealed: None,
    };
    database.create_hunt(hunt, payload).await.unwrap();
}

/// Stores clients that take part in `H.EXAMPLE`, and hunts without clients.
pub(crate) async fn populate(database: &dyn Database) {
    for (hunt_id, description) in [
        ("H.EXAMPLE", "Which numbers are there?"),
        ("H.ADDED", "Clients are added to it"),
        ("H.CHANGED", "It is changed"),
        ("H.OLD", "It is deleted"),
    ] {
        create(database, hunt(hunt_id, description)).await;
    }
    for (client, fqdn, numbers, error) in [
        ("C.00000000000000e1", "web2.example.org", 0..3, None),
        (
            "C.00000000000000e2",
            "db1.example.org",
            7..8,
            Some("no such table"),
        ),
    ] {
        answer(database, &client_id(client), fqdn, numbers, error).await;
    }
    assert!(database.count_hunt(&hunt("H.EXAMPLE", "").hunt_id).await.unwrap());
}

/// A client joins the hunt and answers; one that fails has sent a file before.
async fn answer(
    database: &dyn Database,
    client_id: &ClientId,
    fqdn: &str,
    numbers: std::ops::Range<u64>,
    error: Option<&str>,
) {
    let hunt_id = hunt("H.EXAMPLE", "").hunt_id;
    let flow_id = hunt_id.flow_id();
    database.enrol(client_id, "key", EPOCH).await.unwrap();
    let facts = ClientFacts {
        fqdn: fqdn.into(),
        os: "linux".into(),
        ..ClientFacts::default()
    };
    let facts = Effect::Facts {
        facts: Box::new(facts),
        labels: Vec::new(),
        flow_id: None,
        at: EPOCH,
    };
    let mut effects = vec![
        facts,
        Effect::Rows {
            flow_id: flow_id.clone(),
            source: "Custom.Numbers".into(),
            start_row: Some(0),
            chunk: lines(numbers.map(|n| format!("{{\"N\":{n}}}"))),
        },
    ];
    if error.is_some() {
        effects.push(Effect::Upload {
            flow_id: flow_id.clone(),
            upload: Upload {
                object: format!("clients/{client_id}/{flow_id}/passwd"),
                vfs_path: "/etc/passwd".into(),
                accessor: "file".into(),
                components: vec!["etc".into(), "passwd".into()],
                file_size: 9,
                uploaded_size: 9,
                index: String::new(),
                finished: EPOCH,
            },
        });
    }
    let state = match error {
        None => FlowState::Finished,
        Some(_) => FlowState::Error,
    };
    effects.push(Effect::Progress {
        flow_id,
        progress: Progress {
            end: Some((state, error.map(str::to_owned))),
            ..Progress::default()
        },
    });
    let clients = vec![client_id.clone()];
    let joined = database.join_hunt(&hunt_id, clients, Admission::ByHand, EPOCH);
    joined.await.unwrap();
    database.apply(client_id, EPOCH, effects.into()).await.unwrap();
}
