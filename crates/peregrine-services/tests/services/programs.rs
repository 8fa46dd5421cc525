//! Users who only connect with certificates.

use super::core;
use peregrine_services::users::{self, Accounts, Permission, Role};
use peregrine_services::{Error, Storage};

#[tokio::test]
async fn a_user_without_a_password_has_roles_and_cannot_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let core = core(&folder).await;
    let accounts = Accounts::open(folder.path(), Storage::embedded_database(folder.path())).unwrap();
    let named = async |name: &str| users::named(&core, name, "::1".to_owned()).await.unwrap();
    assert!(named("forwarder").await.permissions.is_empty(), "nobody yet");
    assert!(accounts.grant_or_add("Forwarder", &[]).await.unwrap().is_empty());
    let roles = accounts.grant_or_add("forwarder", &[Role::Api]).await.unwrap();
    assert_eq!(roles, ["api"]);
    let roles = accounts.grant_or_add("forwarder", &[Role::Reader]).await.unwrap();
    assert_eq!(roles, ["api", "reader"], "roles are added");
    let principal = named("FORWARDER").await;
    assert_eq!(
        (principal.name.as_str(), principal.ip.as_str()),
        ("Forwarder", "::1")
    );
    assert!(principal.permissions.contains(&Permission::AnyQuery));
    for password in ["", "correct horse battery"] {
        let refused = users::sign_in(&core, "forwarder", password, "::1").await;
        assert!(matches!(refused, Err(Error::BadCredentials)), "{refused:?}");
    }
    assert!(!accounts.has_administrator().await.unwrap(), "nobody can sign in");
    accounts
        .grant_or_add("root", &[Role::Administrator])
        .await
        .unwrap();
    assert!(
        !accounts.has_administrator().await.unwrap(),
        "nor as administrator"
    );
    // A password makes it an account like others.
    accounts
        .set_password("forwarder", "correct horse battery")
        .await
        .unwrap();
    users::sign_in(&core, "forwarder", "correct horse battery", "::1")
        .await
        .unwrap();
    let mut user = core.storage.database.user("forwarder").await.unwrap().unwrap();
    user.locked = true;
    core.storage.database.put_user(user).await.unwrap();
    assert!(named("forwarder").await.permissions.is_empty(), "locked");
}

#[tokio::test]
async fn the_names_of_our_own_certificates_cannot_be_users() {
    let folder = tempfile::tempdir().unwrap();
    let _core = core(&folder).await;
    let accounts = Accounts::open(folder.path(), Storage::embedded_database(folder.path())).unwrap();
    for name in ["VelociraptorServer", "GRPC_GW", "server", "", " x", "a\nb"] {
        let refused = accounts.grant_or_add(name, &[Role::Administrator]).await;
        assert!(
            matches!(refused, Err(Error::BadRequest(_))),
            "{name:?}: {refused:?}"
        );
    }
    assert!(accounts.list().await.unwrap().is_empty());
}
