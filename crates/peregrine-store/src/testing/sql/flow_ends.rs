//! How a flow ends: once, and not as finished while something is missing.

use super::{CLIENT, FLOW, all_rows, flow, flow_id, rows, total};
use crate::*;

pub(super) async fn once(db: &impl Database) {
    db.create_flow(flow(&*FLOW), vec![]).await.unwrap();
    let report = |end: Option<(FlowState, Option<String>)>, trouble: Option<&str>| Effect::Progress {
        flow_id: FLOW.clone(),
        progress: Progress {
            query_stats: Some("[1]".into()),
            started: Some(5),
            last_active: Some(6),
            duration_ns: 7,
            end,
            trouble: trouble.map(str::to_owned),
            is_unknown: false,
        },
    };
    let effects = vec![
        report(None, Some("trouble")),
        report(Some((FlowState::Finished, None)), None),
        report(Some((FlowState::Error, Some("late".into()))), None),
    ];
    let outcomes = db.apply(&CLIENT, 42, effects.into()).await.unwrap();
    let ended = |ended| Outcome::Progressed { ended };
    assert_eq!(outcomes, [ended(false), ended(true), ended(false)]);
    let stored = db.flow(&CLIENT, &FLOW).await.unwrap().unwrap();
    assert_eq!(
        (stored.state, stored.status, stored.finished),
        (FlowState::Finished, None, Some(42))
    );
    assert_eq!(
        (
            stored.started,
            stored.last_active,
            stored.duration_ns,
            &*stored.query_stats
        ),
        (Some(5), Some(6), 7, "[1]")
    );
}

fn end(query_stats: &str) -> Effect {
    Effect::Progress {
        flow_id: FLOW.clone(),
        progress: Progress {
            query_stats: Some(query_stats.into()),
            end: Some((FlowState::Finished, None)),
            ..Default::default()
        },
    }
}

pub(super) async fn with_missing_rows(db: &impl Database) {
    db.create_flow(flow(&*FLOW), vec![]).await.unwrap();
    let apply = async |effects: Vec<Effect>| db.apply(&CLIENT, 9, effects.into()).await.unwrap();
    let now = async || {
        let flow = db.flow(&CLIENT, &FLOW).await.unwrap().unwrap();
        (flow.state, flow.status.unwrap_or_default())
    };
    apply(vec![rows(Some(0), 0, 5), rows(Some(10), 10, 5)]).await;
    assert_eq!(
        now().await.0,
        FlowState::Running,
        "a hole is nothing while rows may come"
    );
    let stats = r#"[{"result_rows": 20, "names_with_response": ["A/S"]}]"#;
    let outcomes = apply(vec![end(stats), rows(Some(30), 30, 1)]).await;
    assert_eq!(outcomes[0], Outcome::Progressed { ended: true });
    let (state, status) = now().await;
    assert_eq!(state, FlowState::Error);
    assert!(
        status.contains("rows 5–9 of `A/S`") && status.contains("rows 15–29 of `A/S`"),
        "{status}"
    );

    let outcomes = apply(vec![rows(Some(3), 3, 9), rows(Some(3), 3, 9)]).await;
    assert_eq!(
        (total(&outcomes[0]), &outcomes[1]),
        (Some(16), &Outcome::Duplicate)
    );
    let (_, status) = now().await;
    assert!(!status.contains("5–9") && status.contains("15–29"), "{status}");
    apply(vec![rows(Some(15), 15, 15)]).await;
    assert_eq!(
        now().await,
        (FlowState::Finished, String::new()),
        "it came after all"
    );
    let set = db.result_sets(&CLIENT, &FLOW).await.unwrap().remove(0);
    let mut found: Vec<u64> = all_rows(db, set.id, 0)
        .await
        .iter()
        .map(|row| row[5..row.len() - 1].parse().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, (0..31).collect::<Vec<u64>>(), "each once");
}

pub(super) async fn with_missing_files(db: &impl Database) {
    db.create_flow(flow(&*FLOW), vec![]).await.unwrap();
    let apply = async |effects: Vec<Effect>| db.apply(&CLIENT, 9, effects.into()).await.unwrap();
    let status = async || db.flow(&CLIENT, &FLOW).await.unwrap().unwrap().status;
    let begun = Effect::UploadBegun {
        flow_id: FLOW.clone(),
        object: "o".into(),
        vfs_path: "/etc/passwd".into(),
    };
    let loss = Effect::Loss {
        flow_id: FLOW.clone(),
        what: "bytes 5–9 of file `/a`".into(),
    };
    apply(vec![begun.clone(), begun, end("[]")]).await;
    assert!(status().await.unwrap().contains("the end of file `/etc/passwd`"));
    let upload = Upload {
        object: "o".into(),
        vfs_path: "/etc/passwd".into(),
        accessor: "file".into(),
        components: Vec::new(),
        file_size: 7,
        uploaded_size: 7,
        index: String::new(),
        finished: 1,
    };
    apply(vec![Effect::Upload {
        flow_id: FLOW.clone(),
        upload,
    }])
    .await;
    assert_eq!(status().await, None);
    apply(vec![loss.clone(), loss]).await;
    let text = status().await.unwrap();
    assert_eq!(text.matches("bytes 5–9 of file `/a`").count(), 1, "{text}");
    let stray = Effect::Loss {
        flow_id: flow_id("F.UNKNOWN"),
        what: "x".into(),
    };
    assert_eq!(apply(vec![stray]).await, [Outcome::UnknownFlow]);
    db.delete_flow(&CLIENT, &FLOW).await.unwrap();
    db.create_flow(flow(&*FLOW), vec![]).await.unwrap();
    apply(vec![end("[]")]).await;
    assert_eq!(status().await, None, "what was noted goes with its flow");
    db.checkpoint().await.unwrap();
}
