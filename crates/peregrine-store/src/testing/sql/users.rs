//! Users, and the sessions in which they are signed in.

use crate::*;

pub(super) async fn and_their_sessions(db: &impl Database) {
    let user = User {
        name: "Admin".into(),
        password_hash: "h".into(),
        roles: vec!["administrator".into()],
        created: 1,
        locked: false,
    };
    assert!(db.put_first_user(user.clone()).await.unwrap());
    let second = User {
        name: "second".into(),
        ..user.clone()
    };
    assert!(!db.put_first_user(second).await.unwrap(), "there is one");
    db.put_user(user.clone()).await.unwrap();
    assert_eq!(db.user("aDMIN").await.unwrap(), Some(user.clone()));
    assert_eq!(db.users().await.unwrap(), std::slice::from_ref(&user));
    let session = |hash: &[u8], expires| Session {
        token_hash: hash.to_vec(),
        user: "Admin".into(),
        csrf_token: "t".into(),
        created: 0,
        expires,
    };
    db.put_session(session(b"1", 10)).await.unwrap();
    db.put_session(session(b"2", 20)).await.unwrap();
    assert!(db.session(b"1", 9).await.unwrap().is_some());
    assert!(db.session(b"1", 10).await.unwrap().is_none(), "expired");
    db.expire_sessions(15).await.unwrap();
    assert!(db.session(b"1", 0).await.unwrap().is_none());
    let changed = User {
        password_hash: "other".into(),
        ..user
    };
    db.put_user_and_end_sessions(changed.clone(), b"2").await.unwrap();
    assert!(db.session(b"2", 0).await.unwrap().is_some());
    assert_eq!(db.user("admin").await.unwrap(), Some(changed.clone()));
    db.put_user_and_end_sessions(changed, b"").await.unwrap();
    assert!(db.session(b"2", 0).await.unwrap().is_none());
    db.put_session(session(b"2", 20)).await.unwrap();
    db.delete_user("admin").await.unwrap();
    assert!(
        db.session(b"2", 0).await.unwrap().is_none(),
        "sessions go with the user"
    );
}
