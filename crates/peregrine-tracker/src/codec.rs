//! Journal entries as bytes.
//!
//! | part | content |
//! |---|---|
//! | header | `PGTRACK1`, length of the boot id (u16), boot id, CRC-32 of everything before it |
//! | entry, repeated | a body as a record of [`peregrine_base::records`] |
//!
//! Numbers are little-endian; text and payloads have a u32 length. The first byte of a body is its kind: a
//! complete record (the last one with the same uid counts), an end, a removal, or the time of the last full
//! list. Reading stops at the first incomplete entry.

use crate::images::{Image, Images};
use crate::payload::Payload;
use crate::slot::{Dirty, End, Handle, Parent, Slot};
use crate::store::Store;
use crate::{Config, Id, Pid, Span, Start, Time};
use peregrine_base::Reader;
use peregrine_base::records::{self, Next};
use rustc_hash::{FxHashMap, FxHashSet};
use std::io::{self, Read};

const MAGIC: &[u8; 8] = b"PGTRACK1";
/// Longest body; a longer record loses its oldest programs.
const MAX_BODY: usize = 1 << 20;
const RECORD: u8 = 1;
const ENDED: u8 = 2;
const REMOVED: u8 = 3;
const SYNCED: u8 = 4;

pub(crate) fn header(boot_id: &str) -> Vec<u8> {
    let boot_id = boot_id
        .as_bytes()
        .get(..usize::from(u16::MAX))
        .unwrap_or(boot_id.as_bytes());
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&(boot_id.len() as u16).to_le_bytes());
    out.extend_from_slice(boot_id);
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// Everything that is not in the journal yet; it is considered written from now on.
pub(crate) fn take_changes<D: Payload>(store: &mut Store<D>) -> Vec<u8> {
    let mut out = Vec::new();
    let dirty = store.dirty.replace(Vec::new()).unwrap_or_default();
    for handle in dirty {
        let Some(slot) = store.slab.get(handle) else {
            continue;
        };
        match slot.dirty {
            Dirty::Clean => continue,
            Dirty::End => frame(&mut out, |body| {
                body.push(ENDED);
                put_u64(body, slot.uid);
                put_end(body, slot.end);
            }),
            Dirty::All => put_record(&mut out, store, handle, slot),
        }
        store.slab[handle].dirty = Dirty::Clean;
    }
    for uid in std::mem::take(&mut store.removed) {
        frame(&mut out, |body| {
            body.push(REMOVED);
            put_u64(body, uid);
        });
    }
    put_synced(&mut out, store);
    out
}

/// The whole state.
pub(crate) fn whole<D: Payload>(store: &mut Store<D>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut handles = Vec::with_capacity(store.slab.len());
    for (handle, slot) in store.slab.iter() {
        put_record(&mut out, store, handle, slot);
        handles.push(handle);
    }
    for handle in handles {
        store.slab[handle].dirty = Dirty::Clean;
    }
    put_synced(&mut out, store);
    store.dirty = Some(Vec::new());
    store.removed.clear();
    store.is_overflowed = false;
    out
}

fn put_synced<D: Payload>(out: &mut Vec<u8>, store: &Store<D>) {
    if let Some(at) = store.last_full_sync {
        frame(out, |body| {
            body.push(SYNCED);
            put_time(body, at);
        });
    }
}

fn put_record<D: Payload>(out: &mut Vec<u8>, store: &Store<D>, handle: Handle, slot: &Slot<D>) {
    frame(out, |body| {
        body.push(RECORD);
        put_u64(body, slot.uid);
        put_id(body, &slot.id);
        put_time(body, slot.start);
        let flags = [slot.is_start_known, slot.has_event_parent, slot.may_be_older];
        body.push((0..).zip(flags).map(|(bit, flag)| u8::from(flag) << bit).sum());
        put_u64(body, slot.precision.nanos().unsigned_abs());
        put_end(body, slot.end);
        put_time(body, slot.last_sync);
        put_time(body, slot.last_seen);
        match (&slot.parent, store.parent_id(handle)) {
            (Parent::Known(parent), Some(id)) => {
                body.push(2);
                put_u64(body, store.slab[*parent].uid);
                put_id(body, &id);
            }
            (_, Some(id)) => {
                body.push(1);
                put_id(body, &id);
            }
            (_, None) => body.push(0),
        }
        // Newest first, so that the oldest are dropped if there is not enough room.
        for image in slot.images.iter().rev() {
            let start = body.len();
            put_time(body, image.at);
            body.push(u8::from(image.is_exact));
            let mut data = Vec::new();
            image.data.encode(&mut data);
            put_bytes(body, &data);
            if body.len() > MAX_BODY {
                body.truncate(start);
                break;
            }
        }
    });
}

fn frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::with_capacity(256);
    write(&mut body);
    if body.len() <= MAX_BODY {
        let _ = records::append(&body, out);
    }
}

fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_time(out: &mut Vec<u8>, time: Time) {
    out.extend_from_slice(&time.nanos().to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_id(out: &mut Vec<u8>, id: &Id) {
    match &id.pid {
        Pid::Number(number) => {
            out.push(0);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Pid::Text(text) => {
            out.push(1);
            put_bytes(out, text.as_bytes());
        }
    }
    let (second, serial) = match id.start {
        Start::Second(second, serial) => (second, serial),
        Start::Unseen => (-1, 0),
    };
    put_u64(out, second as u64);
    out.extend_from_slice(&serial.to_le_bytes());
}

fn put_end(out: &mut Vec<u8>, end: Option<End>) {
    let Some(end) = end else { return out.push(0) };
    out.push(1 | u8::from(end.is_exact) << 1 | u8::from(end.status().is_some()) << 2);
    put_time(out, end.at);
    put_u64(out, end.status().unwrap_or(0) as u64);
}

/// The result of reading a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// The origin of the state.
    pub origin: Origin,
    /// Processes restored.
    pub records: usize,
    /// Journal entries read.
    pub entries: u64,
    /// True if reading stopped at a damaged or incomplete entry.
    pub is_damaged: bool,
}

/// The origin of the state of a restored tracker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    /// There was no journal.
    #[default]
    NoJournal,
    /// The file does not begin like a journal.
    NotAJournal,
    /// It was written before the machine was restarted: all those processes are gone.
    OtherBoot,
    /// From this boot's journal.
    ThisBoot,
}

/// A record being read: the slot, and the uid and id of its parent.
struct Stored<D> {
    slot: Slot<D>,
    parent_uid: Option<u64>,
    parent_id: Option<Id>,
}

/// Reads a journal up to its end or the first damage.
pub(crate) fn load<D: Payload>(
    config: Config,
    input: &mut impl Read,
    boot_id: &str,
) -> io::Result<(Store<D>, RestoreReport)> {
    let mut report = RestoreReport::default();
    let mut store = Store::new(config);
    let expected = header(boot_id);
    let mut head = vec![0; expected.len()];
    let is_complete = read_full(input, &mut head)?;
    if !is_complete || head != expected {
        report.origin = if head.starts_with(MAGIC) {
            Origin::OtherBoot
        } else {
            Origin::NotAJournal
        };
        return Ok((store, report));
    }
    report.origin = Origin::ThisBoot;

    let most = store.config.max_size.saturating_mul(2).saturating_add(1024);
    let mut stored: FxHashMap<u64, Stored<D>> = FxHashMap::default();
    let mut body = Vec::new();
    let mut more = records::read_next(input, &mut body, MAX_BODY)?;
    while more == Next::Whole {
        if read_entry(&body, &mut stored, &mut store.last_full_sync, most).is_none() {
            more = Next::Damaged;
            break;
        }
        report.entries += 1;
        more = records::read_next(input, &mut body, MAX_BODY)?;
    }
    report.is_damaged = more == Next::Damaged;
    connect(&mut store, stored);
    report.records = store.slab.len();
    Ok((store, report))
}

fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn read_entry<D: Payload>(
    body: &[u8],
    stored: &mut FxHashMap<u64, Stored<D>>,
    last_full_sync: &mut Option<Time>,
    most: usize,
) -> Option<()> {
    let mut body = Reader::new(body);
    match body.u8()? {
        RECORD => {
            let record = read_record(&mut body)?;
            if stored.len() < most || stored.contains_key(&record.slot.uid) {
                stored.insert(record.slot.uid, record);
            }
        }
        ENDED => {
            let uid = body.u64_le()?;
            let end = read_end(&mut body)?;
            if let Some(record) = stored.get_mut(&uid) {
                record.slot.end = end;
            }
        }
        REMOVED => drop(stored.remove(&body.u64_le()?)),
        SYNCED => *last_full_sync = Some(read_time(&mut body)?),
        _ => return None,
    }
    Some(())
}

fn read_record<D: Payload>(body: &mut Reader<'_>) -> Option<Stored<D>> {
    let uid = body.u64_le()?;
    let id = read_id(body)?;
    let start = read_time(body)?;
    let flags = body.u8()?;
    let precision = Span::from_nanos(i64::try_from(body.u64_le()?).ok()?);
    let mut slot = Slot::new(
        uid,
        id.pid.clone(),
        start,
        flags & 1 != 0,
        precision.min(Span::from_seconds(10)),
    );
    slot.id = id;
    slot.has_event_parent = flags & 2 != 0;
    slot.may_be_older = flags & 4 != 0;
    slot.end = read_end(body)?;
    slot.last_sync = read_time(body)?;
    slot.last_seen = read_time(body)?;
    let tag = body.u8()?;
    let parent_uid = if tag == 2 { Some(body.u64_le()?) } else { None };
    let parent_id = if tag > 0 { Some(read_id(body)?) } else { None };
    let mut images = Vec::new();
    while !body.is_empty() {
        let at = read_time(body)?;
        let is_exact = body.u8()? != 0;
        // A payload of another version is lost, but its process is kept.
        if let Some(data) = D::decode(read_bytes(body)?) {
            images.push(Image { at, is_exact, data });
        }
    }
    images.reverse();
    images.sort_by_key(|image| image.at);
    slot.images = Images::from(images);
    Some(Stored {
        slot,
        parent_uid,
        parent_id,
    })
}

fn connect<D: Payload>(store: &mut Store<D>, stored: FxHashMap<u64, Stored<D>>) {
    let mut records: Vec<Stored<D>> = stored.into_values().collect();
    records.sort_by_key(|record| record.slot.uid);
    let mut handles: FxHashMap<u64, Handle> = FxHashMap::default();
    let mut links = Vec::new();
    let mut ids = FxHashSet::default();
    for record in records {
        if !ids.insert(record.slot.id.clone()) {
            continue;
        }
        let uid = record.slot.uid;
        store.next_uid = store.next_uid.max(uid.saturating_add(1));
        let handle = store.insert(record.slot);
        handles.insert(uid, handle);
        links.push((handle, record.parent_uid, record.parent_id));
    }
    for (child, parent_uid, parent_id) in links {
        let known = parent_uid.and_then(|uid| handles.get(&uid).copied());
        match (known, parent_id) {
            (Some(parent), _) if store.may_link(child, parent) => store.link(child, parent),
            (
                _,
                Some(Id {
                    pid,
                    start: Start::Unseen,
                }),
            ) => store.set_parent(child, &pid),
            (_, Some(id)) => store.miss_parent(child, Parent::Evicted(Box::new(id))),
            (_, None) => {}
        }
    }
    store.trim(Time::MIN);
}

fn read_time(body: &mut Reader<'_>) -> Option<Time> {
    body.i64_le().map(Time::from_nanos)
}

fn read_bytes<'a>(body: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = body.u32_le()? as usize;
    body.take(length)
}

fn read_id(body: &mut Reader<'_>) -> Option<Id> {
    let pid = match body.u8()? {
        0 => Pid::Number(body.u32_le()?),
        _ => Pid::Text(std::str::from_utf8(read_bytes(body)?).ok()?.into()),
    };
    let second = body.i64_le()?;
    let serial = body.u32_le()?;
    let start = if second < 0 {
        Start::Unseen
    } else {
        Start::Second(second, serial)
    };
    Some(Id { pid, start })
}

fn read_end(body: &mut Reader<'_>) -> Option<Option<End>> {
    let flags = body.u8()?;
    if flags == 0 {
        return Some(None);
    }
    let at = read_time(body)?;
    let status = body.i64_le()?;
    let status = (flags & 4 != 0).then_some(status);
    Some(Some(End::new(at, flags & 2 != 0, status)))
}

/// Fuzz body: arbitrary bytes as a journal after a valid header.
pub fn fuzz(input: &[u8]) {
    let mut journal = header("boot");
    journal.extend_from_slice(input);
    let config = Config {
        max_size: 100,
        ..Config::default()
    };
    let Ok((store, _)) = load::<String>(config, &mut journal.as_slice(), "boot") else {
        return;
    };
    crate::invariants::check(&store);
}
