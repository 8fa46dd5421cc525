//! Watching event rows as they come.
//!
//! What is stored on this server is handed to the watches directly; of what other servers store, [`follow`](super::follow())
//! tells the row numbers. A watch whose reader is slow, or that may have missed something, reads the rows from the database
//! instead: no stored row is lost to it, and none comes twice.

use crate::changes::Unstored;
use crate::table::{RowSource as _, SetSource};
use crate::users::Principal;
use crate::{Core, Result, clock};
use parking_lot::Mutex;
use peregrine_store::chunk::Chunk;
use peregrine_store::{ClientId, Gaps, Micros, ResultSet, SetId};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Weak};
use tokio::sync::Notify;

/// Bytes that wait for the reader of a watch; beyond that it reads from the database.
const MAX_WAITING: usize = 8 << 20;
/// Rows of queues that are not stored and wait for the reader; beyond that they are lost and counted.
const MAX_UNSTORED: usize = 10_000;
/// Compressed bytes read from the database at a time.
const READ_AHEAD: usize = 512 << 10;

/// All watches of a server, by the name of their artifact.
#[derive(Default)]
pub(crate) struct Watches(Mutex<HashMap<String, Vec<Weak<Watch>>>>);

/// Rows that are there to be watched.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) client_id: ClientId,
    /// The set that has them.
    pub(crate) set: SetId,
    /// `Artifact/Source`.
    pub(crate) source: Arc<str>,
    /// Their numbers in the set.
    pub(crate) rows: Range<u64>,
    /// The rows themselves, if they are at hand.
    pub(crate) chunk: Option<Chunk>,
}

/// What a watch yields.
#[derive(Debug)]
pub enum News {
    /// Rows as JSON lines.
    Rows { source: Arc<str>, lines: Vec<u8> },
    /// Rows of a queue that is not stored came faster than they were read; that many are lost.
    Lost(u64),
}

/// Event rows of an artifact that come after the start of the watch.
pub struct Watch {
    /// `Artifact`, for all its sources, or `Artifact/Source`.
    artifact: String,
    since: Micros,
    state: Mutex<State>,
    signal: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arrival>,
    bytes: usize,
    unstored: VecDeque<(Arc<str>, String)>,
    /// Rows in `unstored`.
    unstored_rows: usize,
    lost: u64,
    /// Rows may have come that are not in `waiting`.
    is_behind: bool,
    /// Row numbers that were yielded. By set, as the events of a client that was deleted and comes again are numbered anew.
    seen: HashMap<SetId, Gaps>,
    /// What to read from the database; it counts as seen.
    to_read: VecDeque<Unread>,
}

/// Rows that are in the database only.
struct Unread {
    client_id: ClientId,
    set: SetId,
    source: Arc<str>,
    rows: Range<u64>,
}

impl State {
    /// Has these rows of a set read from the database.
    fn read_later(&mut self, client_id: &ClientId, set: SetId, source: &Arc<str>, rows: Vec<Range<u64>>) {
        self.to_read.extend(rows.into_iter().map(|rows| Unread {
            client_id: client_id.clone(),
            set,
            source: Arc::clone(source),
            rows,
        }));
    }
}

/// Starts to watch an artifact, or one of its sources.
pub fn watch(core: &Core, principal: &Principal, artifact: &str) -> Result<Arc<Watch>> {
    principal.authorize(super::permission_to_read(name_of(artifact)))?;
    let watch = Arc::new(Watch {
        artifact: artifact.to_owned(),
        since: clock::now(),
        state: Mutex::default(),
        signal: Notify::new(),
    });
    let mut watches = core.watches.0.lock();
    let of_artifact = watches.entry(name_of(artifact).to_owned()).or_default();
    of_artifact.retain(|watch| watch.strong_count() > 0);
    of_artifact.push(Arc::downgrade(&watch));
    Ok(watch)
}

/// The artifact of `Artifact/Source`.
fn name_of(source: &str) -> &str {
    source.split('/').next().unwrap_or_default()
}

impl Watches {
    /// The watches that want rows of this source.
    fn of(&self, source: &str) -> Vec<Arc<Watch>> {
        let watches = self.0.lock();
        let found = watches.get(name_of(source)).into_iter().flatten();
        let found = found.filter_map(Weak::upgrade);
        found.filter(|watch| watch.wants(source)).collect()
    }

    /// Hands over rows that were stored.
    pub(crate) fn deliver(&self, source: &str, arrival: impl FnOnce() -> Arrival) {
        let watches = self.of(source);
        if watches.is_empty() {
            return;
        }
        let arrival = arrival();
        for watch in watches {
            watch.add(arrival.clone());
        }
    }

    /// Whether somebody watches this source on this server.
    pub(crate) fn has(&self, source: &str) -> bool {
        !self.of(source).is_empty()
    }

    /// Hands over rows of a queue that is not stored.
    pub(crate) fn deliver_unstored(&self, rows: &Unstored) {
        for watch in self.of(&rows.queue) {
            watch.add_unstored(rows);
        }
    }

    /// Has every watch look into the database for what it may have missed.
    pub(crate) fn look_again(&self) {
        for watch in self.0.lock().values().flatten().filter_map(Weak::upgrade) {
            watch.state.lock().is_behind = true;
            watch.signal.notify_one();
        }
    }
}

impl Watch {
    fn wants(&self, source: &str) -> bool {
        self.artifact == source || self.artifact == name_of(source)
    }

    fn add(&self, arrival: Arrival) {
        let mut state = self.state.lock();
        let bytes = weight(&arrival);
        if state.is_behind || state.bytes + bytes > MAX_WAITING {
            state.is_behind = true;
        } else {
            state.bytes += bytes;
            state.waiting.push_back(arrival);
        }
        drop(state);
        self.signal.notify_one();
    }

    fn add_unstored(&self, new: &Unstored) {
        let mut state = self.state.lock();
        let count = new.rows.lines().count();
        if state.unstored_rows < MAX_UNSTORED {
            state.unstored_rows += count;
            state
                .unstored
                .push_back((new.queue.as_str().into(), new.rows.clone()));
        } else {
            state.lost += count as u64;
        }
        drop(state);
        self.signal.notify_one();
    }

    /// Waits for the next rows. After an error the same rows are tried again.
    pub async fn next(&self, core: &Core) -> Result<News> {
        loop {
            match self.step() {
                Step::Yield(news) => return Ok(news),
                Step::Unpack(arrival, chunk, new) => {
                    if let Some(news) = unpack(&arrival, &chunk, &new)? {
                        return Ok(news);
                    }
                }
                Step::Read(unread) => match read(core, &unread).await {
                    Ok((news, rest)) => {
                        if !rest.is_empty() {
                            let unread = Unread { rows: rest, ..unread };
                            self.state.lock().to_read.push_front(unread);
                        }
                        if let Some(news) = news {
                            return Ok(news);
                        }
                    }
                    Err(error) => {
                        self.state.lock().to_read.push_front(unread);
                        return Err(error);
                    }
                },
                Step::LookAgain => {
                    if let Err(error) = self.find_missed(core).await {
                        self.state.lock().is_behind = true;
                        return Err(error);
                    }
                }
                Step::Wait => self.signal.notified().await,
            }
        }
    }

    fn step(&self) -> Step {
        let mut state = self.state.lock();
        if let Some(unread) = state.to_read.pop_front() {
            return Step::Read(unread);
        }
        while let Some(mut arrival) = state.waiting.pop_front() {
            state.bytes -= weight(&arrival);
            let new = state
                .seen
                .entry(arrival.set)
                .or_default()
                .take(arrival.rows.clone());
            if new.is_empty() {
                continue;
            }
            if let Some(chunk) = arrival.chunk.take() {
                return Step::Unpack(arrival, chunk, new);
            }
            state.read_later(&arrival.client_id, arrival.set, &arrival.source, new);
            if let Some(unread) = state.to_read.pop_front() {
                return Step::Read(unread);
            }
        }
        if std::mem::take(&mut state.is_behind) {
            return Step::LookAgain;
        }
        if let Some((source, mut rows)) = state.unstored.pop_front() {
            state.unstored_rows -= rows.lines().count();
            if !rows.ends_with('\n') {
                rows.push('\n');
            }
            let lines = rows.into_bytes();
            return Step::Yield(News::Rows { source, lines });
        }
        match std::mem::take(&mut state.lost) {
            0 => Step::Wait,
            lost => Step::Yield(News::Lost(lost)),
        }
    }

    /// Looks into the database for rows that were not handed over.
    async fn find_missed(&self, core: &Core) -> Result<()> {
        let database = &core.storage.database;
        let sets = database.events_of(&self.artifact).await?;
        for (client_id, set) in sets {
            if set.span.is_none_or(|(_, last)| last < self.since) {
                continue;
            }
            let (first, end) = database.row_range(set.id, Some(self.since), None).await?;
            let source: Arc<str> = set.name.into();
            let mut state = self.state.lock();
            let new = state.seen.entry(set.id).or_default().take(first..end);
            state.read_later(&client_id, set.id, &source, new);
        }
        Ok(())
    }
}

/// What a watch does next.
enum Step {
    Yield(News),
    /// Yield these rows of a chunk.
    Unpack(Arrival, Chunk, Vec<Range<u64>>),
    Read(Unread),
    LookAgain,
    Wait,
}

fn weight(arrival: &Arrival) -> usize {
    arrival.chunk.as_ref().map_or(0, |chunk| chunk.data.len()) + 200
}

/// The new rows of a chunk.
fn unpack(arrival: &Arrival, chunk: &Chunk, new: &[Range<u64>]) -> Result<Option<News>> {
    let count: u64 = new.iter().map(|rows| rows.end - rows.start).sum();
    let lines = if count == chunk.rows {
        chunk.unpack()?
    } else {
        let first = arrival.rows.start;
        let new: Vec<_> = new
            .iter()
            .map(|rows| rows.start - first..rows.end - first)
            .collect();
        chunk.pick(&new)?.unpack()?
    };
    let source = Arc::clone(&arrival.source);
    Ok((!lines.is_empty()).then_some(News::Rows { source, lines }))
}

/// Reads some of these rows from the database; also returns the numbers of those that must still be read.
async fn read(core: &Core, unread: &Unread) -> Result<(Option<News>, Range<u64>)> {
    let rows = &unread.rows;
    let done = rows.end..rows.end;
    let database = &core.storage.database;
    let sets = database.event_sets(&unread.client_id).await?;
    let is_wanted = |set: &&ResultSet| set.id == unread.set;
    let Some(set) = sets.iter().find(is_wanted) else {
        return Ok((None, done));
    };
    let from_set = SetSource::new(Arc::clone(database), set).within((rows.start, rows.end));
    let (first, end) = from_set.range();
    let blocks = from_set.read(first, READ_AHEAD).await?;
    let (mut lines, mut next) = (Vec::new(), None);
    for line in blocks.iter().flat_map(|block| block.lines_from(first)) {
        if line.number >= end {
            break;
        }
        next = Some(line.number + line.missing.max(1));
        lines.extend_from_slice(line.text);
        lines.push(b'\n');
    }
    let rest = next.map_or(done, |next| next.min(rows.end)..rows.end);
    let source = Arc::clone(&unread.source);
    Ok(((!lines.is_empty()).then_some(News::Rows { source, lines }), rest))
}
