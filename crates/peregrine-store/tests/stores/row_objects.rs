//! Rows stored as objects: never lost, never left behind, wherever a server crashes.

use crate::s3_server::S3Server;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use peregrine_store::chunk::Chunk;
use peregrine_store::testing::{client_id, delete_events_before, flow_id};
use peregrine_store::*;
use peregrine_testkit::Postgres;
use std::path::Path;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::sync::Notify;

static CLIENT: LazyLock<ClientId> = LazyLock::new(|| client_id("C.0000000000000001"));
static FLOW: LazyLock<FlowId> = LazyLock::new(|| flow_id("F.A"));
const HOUR: i64 = 3600 * 1_000_000;

/// A folder of objects that reports each operation, before and after, and waits to be let on.
struct Steps {
    inner: FolderObjects,
    step: Box<dyn Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Steps {
    fn new(
        folder: &Path,
        step: impl Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Arc<Steps> {
        Arc::new(Steps {
            inner: FolderObjects::open(&folder.join("objects")).unwrap(),
            step: Box::new(step),
        })
    }
}

#[async_trait]
impl Objects for Steps {
    async fn put(&self, key: &ObjectKey, data: Bytes) -> Result<()> {
        (self.step)("before put").await;
        self.inner.put(key, data).await?;
        (self.step)("after put").await;
        Ok(())
    }

    async fn append(&self, key: &ObjectKey, offset: u64, data: Bytes) -> Result<Appended> {
        self.inner.append(key, offset, data).await
    }

    async fn seal(&self, key: &ObjectKey) -> Result<u64> {
        self.inner.seal(key).await
    }

    async fn get(&self, key: &ObjectKey, offset: u64, length: Option<u64>) -> Result<ObjectReader> {
        (self.step)("before get").await;
        self.inner.get(key, offset, length).await
    }

    async fn info(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>> {
        self.inner.info(key).await
    }

    async fn list(&self, below: &ObjectKey) -> Result<Vec<ObjectInfo>> {
        self.inner.list(below).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        (self.step)("before delete").await;
        self.inner.delete(key).await?;
        (self.step)("after delete").await;
        Ok(())
    }

    async fn free_bytes(&self) -> Option<u64> {
        None
    }

    fn is_shared(&self) -> bool {
        false
    }
}

fn folder_objects(folder: &Path) -> Arc<FolderObjects> {
    Arc::new(FolderObjects::open(&folder.join("objects")).unwrap())
}

fn open(folder: &Path, objects: Arc<dyn Objects>) -> OrgDatabase {
    let store = SqlAddress::File(folder.join("peregrine.db")).open().unwrap();
    store.with_objects(objects, 0).org(&OrgId::root())
}

/// Keys of all objects that hold rows.
async fn kept(objects: &dyn Objects) -> Vec<ObjectKey> {
    let all = objects.list(&ObjectKey::new(&["rows"])).await.unwrap();
    all.into_iter().map(|info| info.key).collect()
}

fn numbered(from: u64, count: u64) -> Chunk {
    let text: String = (from..from + count).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    Chunk::pack(text.as_bytes()).unwrap()
}

fn rows(from: u64, count: u64) -> Effect {
    Effect::Rows {
        flow_id: FLOW.clone(),
        source: "A".into(),
        start_row: Some(from),
        chunk: numbered(from, count),
    }
}

fn event(digest: u8, at: i64) -> Effect {
    Effect::Events {
        source: "E".into(),
        kind: SetKind::Events,
        digest: [digest; 16],
        at,
        chunk: numbered(u64::from(digest) * 10, 10),
    }
}

/// All rows of a set as text; for those that cannot be read, the notice.
async fn texts(db: &OrgDatabase, set: SetId) -> Vec<String> {
    let chunks = db.read_chunks(set, 0, usize::MAX).await.unwrap();
    let text = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
    let blocks = chunks.iter().map(StoredChunk::read);
    blocks
        .flat_map(|block| {
            block
                .lines_from(0)
                .map(|line| text(line.text))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn expected(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("{{\"n\":{n}}}")).collect()
}

#[tokio::test]
async fn sqlite_with_its_rows_in_a_folder_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let objects = folder_objects(folder.path());
    let mut number = 0;
    testing::sql(async || {
        number += 1;
        let file = folder.path().join(format!("{number}.db"));
        SqlAddress::File(file)
            .open()
            .unwrap()
            .with_objects(objects.clone(), 0)
    })
    .await;
    assert!(!kept(&*objects).await.is_empty(), "they were there");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_with_its_rows_in_a_bucket_passes_the_suite() {
    let Some(server) = Postgres::shared() else { return };
    let s3 = S3Server::start().await;
    let bucket = CloudObjects::connect("s3://files/deployment", &s3.options())
        .await
        .unwrap();
    let bucket = Arc::new(bucket);
    testing::sql(async || {
        let settings = PostgresSettings::parse(&server.database()).unwrap();
        SqlAddress::from(settings)
            .open()
            .unwrap()
            .with_objects(bucket.clone(), 0)
    })
    .await;
    assert!(!kept(&*bucket).await.is_empty(), "they were there");
}

/// One day of what agents send and users delete; it may be cut short anywhere.
async fn a_day(db: &OrgDatabase) {
    send_everything(db).await;
    delete_events_before(db, 150).await;
    db.remove_unused_objects(300).await.unwrap();
    db.delete_flow(&CLIENT, &FLOW).await.unwrap();
    db.remove_unused_objects(400).await.unwrap();
}

async fn send_everything(db: &OrgDatabase) {
    for packet in [
        vec![rows(0, 5), rows(5, 5)],
        // The agent did not get the answer for the first one.
        vec![rows(0, 5), rows(5, 5)],
        // Half of it is already stored.
        vec![rows(5, 10), event(1, 100)],
        vec![event(1, 100), event(2, 200)],
    ] {
        db.apply(&CLIENT, 9, packet.into()).await.unwrap();
    }
}

/// Everything listed can be read, and there is nothing else.
async fn everything_is_in_order(db: &OrgDatabase, objects: &dyn Objects, case: &str) {
    let mut found = 0;
    let mut sets = db.result_sets(&CLIENT, &FLOW).await.unwrap();
    sets.extend(db.event_sets(&CLIENT).await.unwrap());
    for set in sets {
        let texts = texts(db, set.id).await;
        assert!(
            texts.iter().all(|text| text.starts_with("{\"n\":")),
            "{case}: {texts:?}"
        );
        assert_eq!(texts.len() as u64, set.rows(), "{case}");
        found += db.read_chunks(set.id, 0, usize::MAX).await.unwrap().len();
    }
    // The chunk of which only the new half was kept is in the database.
    let cut = usize::from(
        db.flow(&CLIENT, &FLOW)
            .await
            .unwrap()
            .is_some_and(|flow| flow.rows == 15),
    );
    assert_eq!(kept(objects).await.len(), found - cut, "{case}");
}

#[tokio::test]
async fn wherever_a_server_ends_nothing_is_lost_and_nothing_is_left() {
    let mut cut_at = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let (count, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let end = ended.clone();
        let steps = Steps::new(folder.path(), move |_| {
            if count.fetch_add(1, SeqCst) < cut_at {
                return std::future::ready(()).boxed();
            }
            end.notify_one();
            std::future::pending().boxed()
        });
        let db = open(folder.path(), steps);
        db.create_flow(Flow::new(CLIENT.clone(), FLOW.clone()), Vec::new())
            .await
            .unwrap();
        let is_whole = tokio::select! {
            () = a_day(&db) => true,
            () = ended.notified() => false,
        };
        drop(db);

        let case = format!("cut at step {cut_at}");
        let objects = folder_objects(folder.path());
        let db = open(folder.path(), objects.clone());
        send_everything(&db).await;
        if let Some(flow) = db.flow(&CLIENT, &FLOW).await.unwrap() {
            let set = db.result_sets(&CLIENT, &FLOW).await.unwrap().remove(0);
            assert_eq!(
                (flow.rows, texts(&db, set.id).await),
                (15, expected(0..15)),
                "{case}"
            );
        }
        db.remove_unused_objects(9 + 2 * HOUR).await.unwrap();
        everything_is_in_order(&db, &*objects, &case).await;
        let _ = db.delete_flow(&CLIENT, &FLOW).await;
        db.delete_client(&CLIENT).await.unwrap();
        db.remove_unused_objects(9 + 4 * HOUR).await.unwrap();
        assert!(kept(&*objects).await.is_empty(), "{case}");
        let again = db.remove_unused_objects(9 + 6 * HOUR).await.unwrap();
        assert_eq!(again, 0, "{case}: the list is empty, too");
        if is_whole {
            break;
        }
        cut_at += 1;
    }
    assert!(cut_at > 20, "only {cut_at} steps");
}

#[tokio::test]
async fn a_missing_object_is_told_in_the_place_of_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let objects = folder_objects(folder.path());
    let db = open(folder.path(), objects.clone());
    db.create_flow(Flow::new(CLIENT.clone(), FLOW.clone()), Vec::new())
        .await
        .unwrap();
    db.apply(&CLIENT, 9, Arc::new([rows(0, 5)])).await.unwrap();
    let before = kept(&*objects).await;
    db.apply(&CLIENT, 9, Arc::new([rows(5, 5)])).await.unwrap();
    db.apply(&CLIENT, 9, Arc::new([rows(10, 5)])).await.unwrap();
    let damaged = kept(&*objects)
        .await
        .into_iter()
        .find(|key| !before.contains(key))
        .unwrap();
    objects.delete(&damaged).await.unwrap();
    let set = db.result_sets(&CLIENT, &FLOW).await.unwrap().remove(0);
    let texts = texts(&db, set.id).await;
    assert_eq!(texts.len(), 11, "{texts:?}");
    let told = texts.iter().find(|text| text.contains("_Error")).unwrap();
    for part in [
        "5 rows",
        damaged.as_str(),
        "collection `F.A`",
        CLIENT.as_str(),
        "is missing",
    ] {
        assert!(told.contains(part), "{told}");
    }
    // An object of another length counts as damaged, like data in the database.
    objects.put(&damaged, Bytes::from_static(b"short")).await.unwrap();
    let chunks = db.read_chunks(set.id, 0, usize::MAX).await.unwrap();
    let missing: Vec<u64> = chunks
        .iter()
        .map(|stored| stored.read().lines_from(0).map(|line| line.missing).sum())
        .collect();
    assert_eq!(missing.iter().sum::<u64>(), 5, "{missing:?}");
}

#[tokio::test]
async fn what_is_deleted_while_it_is_read_is_not_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (reading, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (is_reading, may_go_on) = (reading.clone(), go_on.clone());
    let steps = Steps::new(folder.path(), move |step| match step {
        "before get" => {
            let (reading, go_on) = (is_reading.clone(), may_go_on.clone());
            async move {
                reading.notify_one();
                go_on.notified().await;
            }
            .boxed()
        }
        _ => std::future::ready(()).boxed(),
    });
    let db = open(folder.path(), steps);
    db.create_flow(Flow::new(CLIENT.clone(), FLOW.clone()), Vec::new())
        .await
        .unwrap();
    db.apply(&CLIENT, 9, Arc::new([rows(0, 5)])).await.unwrap();
    let set = db.result_sets(&CLIENT, &FLOW).await.unwrap().remove(0);
    let delete = async {
        reading.notified().await;
        db.delete_flow(&CLIENT, &FLOW).await.unwrap();
        assert_eq!(db.remove_unused_objects(10).await.unwrap(), 1);
        go_on.notify_one();
    };
    let (chunks, ()) = tokio::join!(db.read_chunks(set.id, 0, usize::MAX), delete);
    assert_eq!(chunks.unwrap(), []);
}

#[tokio::test]
async fn a_packet_that_took_too_long_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (writing, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (is_writing, may_go_on) = (writing.clone(), go_on.clone());
    let steps = Steps::new(folder.path(), move |step| match step {
        "before put" => {
            let (writing, go_on) = (is_writing.clone(), may_go_on.clone());
            async move {
                writing.notify_one();
                go_on.notified().await;
            }
            .boxed()
        }
        _ => std::future::ready(()).boxed(),
    });
    let db = open(folder.path(), steps.clone());
    db.create_flow(Flow::new(CLIENT.clone(), FLOW.clone()), Vec::new())
        .await
        .unwrap();
    let sweep = async {
        writing.notified().await;
        assert_eq!(db.remove_unused_objects(9 + HOUR).await.unwrap(), 1);
        go_on.notify_one();
    };
    let (applied, ()) = tokio::join!(db.apply(&CLIENT, 9, Arc::new([rows(0, 5)])), sweep);
    let error = applied.unwrap_err();
    assert!(error.is_temporary(), "the agent sends it again: {error}");
    assert_eq!(db.remove_unused_objects(10).await.unwrap(), 1);
    assert!(kept(&*steps).await.is_empty());

    go_on.notify_one();
    db.apply(&CLIENT, 9 + 2 * HOUR, Arc::new([rows(0, 5)]))
        .await
        .unwrap();
    let set = db.result_sets(&CLIENT, &FLOW).await.unwrap().remove(0);
    go_on.notify_one();
    assert_eq!(texts(&db, set.id).await, expected(0..5));
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_sweep_at_once_remove_everything_once() {
    let Some(server) = Postgres::shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (url, objects) = (server.database(), folder_objects(folder.path()));
    let connect = || {
        let store = SqlAddress::from(PostgresSettings::parse(&url).unwrap())
            .open()
            .unwrap();
        Arc::new(store.with_objects(objects.clone(), 0).org(&OrgId::root()))
    };
    let servers = [connect(), connect(), connect()];
    servers[0].enrol(&CLIENT, "pem", 1).await.unwrap();
    for number in 0..40u8 {
        let db = &servers[usize::from(number) % 3];
        db.apply(&CLIENT, 9, Arc::new([event(number, i64::from(number) * 10)]))
            .await
            .unwrap();
    }
    delete_events_before(&*servers[0], 200).await;
    let set = servers[0].event_sets(&CLIENT).await.unwrap().remove(0);
    assert_eq!(set.rows(), 200);
    let sweeps: Vec<_> = servers
        .iter()
        .map(|db| {
            let db = db.clone();
            tokio::spawn(async move { db.remove_unused_objects(300).await.unwrap() })
        })
        .collect();
    let mut removed = 0;
    for sweep in sweeps {
        removed += sweep.await.unwrap();
    }
    assert_eq!((removed, kept(&*objects).await.len()), (20, 20));
    let left = servers[1].event_sets(&CLIENT).await.unwrap().remove(0);
    assert_eq!(texts(&servers[1], left.id).await, expected(200..400));
}
