//! The suite for every object store.

use crate::objects::{Appended, ObjectKey, Objects};
use bytes::Bytes;

/// Runs the suite on stores made by `make`.
pub async fn objects<O: Objects>(mut make: impl AsyncFnMut() -> O) {
    let store = make().await;
    let key = ObjectKey::new(&["flows", "a"]);
    assert_eq!(store.info(&key).await.unwrap(), None);
    store.put(&key, Bytes::from_static(b"hello")).await.unwrap();
    store.put(&key, Bytes::from_static(b"hello world")).await.unwrap();
    assert_eq!(read(&store, &key, 0, None).await, b"hello world");
    assert_eq!(read(&store, &key, 6, Some(3)).await, b"wor");
    assert_eq!(read(&store, &key, 99, None).await, b"");

    appends(&store).await;
    hostile_names(&store).await;

    let names: Vec<String> = store
        .list(&ObjectKey::new(&["flows"]))
        .await
        .unwrap()
        .iter()
        .map(|info| info.key.to_string())
        .collect();
    assert_eq!(names, ["flows/a", "flows/upload"]);
    store.delete(&ObjectKey::new(&["flows"])).await.unwrap();
    store.delete(&ObjectKey::new(&["flows"])).await.unwrap();
    assert_eq!(store.info(&key).await.unwrap(), None);
    assert!(store.get(&key, 0, None).await.is_err());
}

async fn appends(store: &impl Objects) {
    let key = ObjectKey::new(&["flows", "upload"]);
    assert_eq!(
        store.append(&key, 0, "abc".into()).await.unwrap(),
        Appended::Stored(3)
    );
    assert_eq!(
        store.append(&key, 3, "def".into()).await.unwrap(),
        Appended::Stored(6)
    );
    assert_eq!(
        store.append(&key, 3, "def".into()).await.unwrap(),
        Appended::Duplicate
    );
    assert_eq!(
        store.append(&key, 9, "xyz".into()).await.unwrap(),
        Appended::Gap(6)
    );
    assert_eq!(
        store.append(&key, 4, "efg".into()).await.unwrap(),
        Appended::Stored(7),
        "overlap adds only what is new"
    );
    assert_eq!(
        store.info(&key).await.unwrap(),
        None,
        "not visible before it is sealed"
    );
    assert_eq!(store.seal(&key).await.unwrap(), 7);
    assert_eq!(store.seal(&key).await.unwrap(), 7, "a repeated end of file");
    assert_eq!(read(store, &key, 0, None).await, b"abcdefg");
    assert_eq!(
        store.append(&key, 0, "new".into()).await.unwrap(),
        Appended::Stored(3),
        "offset 0 starts anew"
    );
    assert_eq!(store.seal(&key).await.unwrap(), 3);
    assert_eq!(read(store, &key, 0, None).await, b"new");
    store.append(&key, 0, "abcdef".into()).await.unwrap();
    assert_eq!(
        store.append(&key, 0, "".into()).await.unwrap(),
        Appended::Stored(0),
        "also one that was not sealed, and with nothing"
    );
    assert_eq!(
        store.append(&key, 6, "ghi".into()).await.unwrap(),
        Appended::Gap(0)
    );
    assert_eq!(store.seal(&key).await.unwrap(), 0);
    assert_eq!(read(store, &key, 0, None).await, b"");
}

async fn hostile_names(store: &impl Objects) {
    let long = "x".repeat(5000);
    let names = [
        "..",
        ".",
        "",
        "../../etc/passwd",
        "a/b",
        "C:\\x",
        "nul\0byte",
        "ümlaut",
        ".parts",
        "*",
        "a.",
        long.as_str(),
    ];
    for (number, name) in names.iter().enumerate() {
        let key = ObjectKey::new(&["hostile", name]);
        assert_eq!(ObjectKey::parse(key.as_str()).unwrap(), key, "{name:?}");
        store.put(&key, Bytes::from(vec![number as u8])).await.unwrap();
    }
    for (number, name) in names.iter().enumerate() {
        assert_eq!(
            read(store, &ObjectKey::new(&["hostile", name]), 0, None).await,
            [number as u8],
            "{name:?}"
        );
    }
    let listed = store.list(&ObjectKey::new(&["hostile"])).await.unwrap();
    assert_eq!(
        listed.len(),
        names.len(),
        "every name is its own object, and none left the folder"
    );
    for bad in ["..", "a/../b", "/a", "a//b", "", "a\\b", ".parts/a", "a/.parts"] {
        assert!(ObjectKey::parse(bad).is_err(), "{bad:?}");
    }
}

async fn read(store: &impl Objects, key: &ObjectKey, offset: u64, length: Option<u64>) -> Vec<u8> {
    let mut reader = store.get(key, offset, length).await.unwrap();
    let mut all = Vec::new();
    while let Some(piece) = reader.pieces.recv().await {
        all.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(all.len() as u64, reader.size);
    all
}
