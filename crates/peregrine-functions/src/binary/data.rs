//! The bytes of a file, in pages.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::sync::Arc;

use parking_lot::Mutex;
use peregrine_accessors::FileReader;

const PAGE: usize = 16 << 10;
/// Number of pages kept, unless the query says otherwise: one MiB.
pub(crate) const PAGES: usize = 64;

/// A file with random access from several threads.
pub(crate) struct Data(Mutex<Pages>);

struct Pages {
    reader: Box<dyn FileReader>,
    known: HashMap<u64, (Arc<[u8]>, u64)>,
    /// The page of the last read, which usually serves the next one too.
    last: (u64, Arc<[u8]>),
    ticks: u64,
    limit: usize,
}

impl Data {
    pub(crate) fn new(reader: Box<dyn FileReader>, pages: usize) -> Data {
        let pages = Pages {
            reader,
            known: HashMap::new(),
            last: (u64::MAX, Arc::from(&[][..])),
            ticks: 0,
            limit: pages.clamp(2, 4096),
        };
        Data(Mutex::new(pages))
    }

    /// Fills the buffer from `offset`; returns how many bytes there were. Missing bytes stay zero.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let mut pages = self.0.lock();
        let mut done = 0;
        while done < buffer.len() {
            let Some(at) = offset.checked_add(done as u64) else {
                break;
            };
            let page = pages.page(at / PAGE as u64);
            let within = (at % PAGE as u64) as usize;
            let part = page.get(within..).unwrap_or_default();
            let length = part.len().min(buffer.len() - done);
            buffer[done..done + length].copy_from_slice(&part[..length]);
            done += length;
            if length == 0 || page.len() < PAGE {
                break;
            }
        }
        done
    }

    /// Up to `length` bytes.
    pub(super) fn bytes(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Grows with the data present, so that a length read from the data cannot ask for too much memory.
        while bytes.len() < length {
            let start = bytes.len();
            bytes.resize(length.min(start + PAGE), 0);
            let Some(at) = offset.checked_add(start as u64) else {
                break;
            };
            let read = self.read_at(at, &mut bytes[start..]);
            if start + read < bytes.len() {
                bytes.truncate(start + read);
                break;
            }
        }
        bytes
    }
}

impl Pages {
    fn page(&mut self, number: u64) -> Arc<[u8]> {
        if self.last.0 == number {
            return Arc::clone(&self.last.1);
        }
        self.ticks += 1;
        let page = match self.known.get_mut(&number) {
            Some((page, used)) => {
                *used = self.ticks;
                Arc::clone(page)
            }
            None => self.load(number),
        };
        self.last = (number, Arc::clone(&page));
        page
    }

    fn load(&mut self, number: u64) -> Arc<[u8]> {
        if self.known.len() >= self.limit
            && let Some(oldest) = self
                .known
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(number, _)| *number)
        {
            self.known.remove(&oldest);
        }
        let page: Arc<[u8]> = self.read_page(number).into();
        self.known.insert(number, (Arc::clone(&page), self.ticks));
        page
    }

    /// What cannot be read counts as beyond the end.
    fn read_page(&mut self, number: u64) -> Vec<u8> {
        let Some(offset) = number.checked_mul(PAGE as u64) else {
            return Vec::new();
        };
        if i64::try_from(offset).is_err() || self.reader.seek(SeekFrom::Start(offset)).is_err() {
            return Vec::new();
        }
        let mut page = vec![0; PAGE];
        let mut filled = 0;
        while filled < PAGE {
            match self.reader.read(&mut page[filled..]) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        page.truncate(filled);
        page
    }
}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data").finish_non_exhaustive()
    }
}
