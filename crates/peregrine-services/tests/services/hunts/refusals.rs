//! What nobody may do with hunts, and what cannot be.

use super::{SOURCE, asks_for, client, connect, create, hunt, members, new_hunt, server, user};
use peregrine_api::flows::CollectRequest;
use peregrine_api::hunts::{
    HuntAction, HuntChange, HuntClientsQuery, HuntCondition, HuntState, HuntsQuery, NewHunt,
};
use peregrine_api::table::ExportFormat;
use peregrine_services::Error;
use peregrine_services::hunts::{self, Results};
use peregrine_services::table::{Filters, TableQuery};
use peregrine_services::users::{Permission, Role};
use peregrine_store::HuntId;
use peregrine_store::testing::flow_id;
use tempfile::TempDir;

fn is_forbidden<T: std::fmt::Debug>(result: &Result<T, Error>, needed: Permission) -> bool {
    matches!(result, Err(Error::Forbidden(permission)) if *permission == needed)
}

#[tokio::test]
async fn who_lacks_a_permission_neither_hunts_nor_sees_one() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    connect(&core, [1]).await;
    let (nobody, reader, analyst) = (user(Role::OrgAdmin), user(Role::Reader), user(Role::Analyst));
    let mut starter = user(Role::Reader);
    starter.permissions.insert(Permission::StartHunt);
    let mut collector = user(Role::Reader);
    collector.permissions.insert(Permission::CollectClient);
    let id = create(&core, new_hunt(false)).await;
    let one = client(1);

    let paused = hunts::create(&core, &reader, &new_hunt(false)).await;
    assert!(is_forbidden(&paused, Permission::CollectClient), "{paused:?}");
    let started = hunts::create(&core, &collector, &new_hunt(true)).await;
    assert!(is_forbidden(&started, Permission::StartHunt), "{started:?}");
    let uncollectable = hunts::create(&core, &starter, &new_hunt(true)).await;
    assert!(
        matches!(uncollectable, Err(Error::Artifact { .. })),
        "{uncollectable:?}"
    );
    let program = NewHunt {
        request: asks_for("Test.Program"),
        ..new_hunt(false)
    };
    let refused = hunts::create(&core, &user(Role::Investigator), &program).await;
    assert!(
        matches!(refused, Err(Error::Artifact { .. })),
        "it needs EXECVE: {refused:?}"
    );
    hunts::create(&core, &collector, &new_hunt(false)).await.unwrap();

    let seen = hunts::list(&core, &nobody, HuntsQuery::default()).await;
    assert!(is_forbidden(&seen, Permission::ReadResults));
    let seen = hunts::show(&core, &nobody, &id).await;
    assert!(is_forbidden(&seen, Permission::ReadResults));
    let seen = hunts::clients(&core, &nobody, &id, HuntClientsQuery::default()).await;
    assert!(is_forbidden(&seen, Permission::ReadResults));
    let seen = hunts::sources(&core, &nobody, &id).await;
    assert!(is_forbidden(&seen, Permission::ReadResults));
    let seen = hunts::estimate(&core, &nobody, &HuntCondition::default()).await;
    assert!(is_forbidden(&seen, Permission::ReadResults));
    let results = Results {
        hunt_id: &id,
        source: SOURCE,
    };
    let seen = results.page(&core, &nobody, &TableQuery::default()).await;
    assert!(is_forbidden(&seen, Permission::ReadResults));
    let seen = results.facets(&core, &nobody, "Row", Filters::default()).await;
    assert!(is_forbidden(&seen, Permission::ReadResults));
    let file = results.export(&core, &nobody, ExportFormat::Csv, None, Filters::default());
    assert!(is_forbidden(&file.await, Permission::ReadResults));

    let change = HuntChange {
        action: Some(HuntAction::Start),
        ..HuntChange::default()
    };
    let changed = hunts::modify(&core, &collector, &id, &change).await;
    assert!(is_forbidden(&changed, Permission::StartHunt));
    for (done, needed) in [
        (
            hunts::modify(&core, &analyst, &id, &HuntChange::default())
                .await
                .map(drop),
            Permission::CollectClient,
        ),
        (
            hunts::stop(&core, &analyst, &id, true).await.map(drop),
            Permission::CollectClient,
        ),
        (
            hunts::archive(&core, &analyst, &id).await.map(drop),
            Permission::CollectClient,
        ),
        (
            hunts::copy(&core, &analyst, &id).await.map(drop),
            Permission::CollectClient,
        ),
        (
            hunts::add_flow(&core, &analyst, &id, &one, &flow_id("F.A")).await,
            Permission::CollectClient,
        ),
        (
            hunts::add_client(&core, &collector, &id, &one).await.map(drop),
            Permission::StartHunt,
        ),
        (
            hunts::relaunch(&core, &collector, &id, &one).await.map(drop),
            Permission::StartHunt,
        ),
        (
            hunts::delete(&core, &user(Role::Investigator), &id)
                .await
                .map(drop),
            Permission::DeleteResults,
        ),
    ] {
        assert!(is_forbidden(&done, needed), "{done:?} {needed:?}");
    }
    assert_eq!(
        hunt(&core, &id).await.state,
        HuntState::Paused,
        "nothing happened"
    );
    assert!(members(&core, &id).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    let investigator = user(Role::Investigator);
    let odd = [
        NewHunt {
            request: CollectRequest::default(),
            ..new_hunt(false)
        },
        NewHunt {
            expires: Some("tomorrow".into()),
            ..new_hunt(false)
        },
        NewHunt {
            expires: Some("2001-01-01T00:00:00Z".into()),
            ..new_hunt(true)
        },
        NewHunt {
            condition: HuntCondition {
                labels: vec![" ".into()],
                ..Default::default()
            },
            ..new_hunt(false)
        },
        NewHunt {
            tags: vec!["x".repeat(300)],
            ..new_hunt(false)
        },
    ];
    for new in odd {
        let made = hunts::create(&core, &investigator, &new).await;
        assert!(matches!(made, Err(Error::BadRequest(_))), "{new:?}: {made:?}");
    }
    let nowhere: HuntId = "H.NOWHERE".parse().unwrap();
    let shown = hunts::show(&core, &investigator, &nowhere).await;
    assert!(matches!(shown, Err(Error::NotFound("hunt", _))));

    let expired = NewHunt {
        expires: Some("2001-01-01T00:00:00Z".into()),
        ..new_hunt(false)
    };
    let id = create(&core, expired).await;
    let start = HuntChange {
        action: Some(HuntAction::Start),
        ..HuntChange::default()
    };
    let started = hunts::modify(&core, &investigator, &id, &start).await;
    assert!(matches!(started, Err(Error::BadRequest(_))), "{started:?}");
    let later = HuntChange {
        expires: Some("2999-01-01T00:00:00Z".into()),
        ..start
    };
    let started = hunts::modify(&core, &investigator, &id, &later).await.unwrap();
    assert_eq!(started.state, HuntState::Running);
}
