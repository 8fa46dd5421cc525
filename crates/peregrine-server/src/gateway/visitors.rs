//! Connections of those who have not yet proved who they are: so many, for so long. Agents that did, and signed-in
//! users, do not count, however many come from one address.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Who is connected.
#[derive(Debug)]
pub(crate) struct Visitors {
    strangers: Mutex<HashMap<IpAddr, usize>>,
    stranger_count: AtomicUsize,
    total: AtomicUsize,
    max_strangers: usize,
    max_per_address: usize,
    max_total: usize,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Visitor {
    visitors: Arc<Visitors>,
    address: IpAddr,
    is_proven: AtomicBool,
}

impl Visitors {
    pub(crate) fn new(max_strangers: u64, max_per_address: u64, max_total: usize) -> Visitors {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Visitors {
            strangers: Mutex::default(),
            stranger_count: AtomicUsize::new(0),
            total: AtomicUsize::new(0),
            max_strangers: number(max_strangers),
            max_per_address: number(max_per_address),
            max_total,
        }
    }

    /// Lets a connection in, unless there are too many.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Arc<Visitor>> {
        let mut strangers = self.strangers.lock();
        let here = strangers.get(&address).copied().unwrap_or(0);
        if here >= self.max_per_address
            || self.stranger_count.load(Ordering::Relaxed) >= self.max_strangers
            || self.total.load(Ordering::Relaxed) >= self.max_total
        {
            return None;
        }
        strangers.insert(address, here + 1);
        self.stranger_count.fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(1, Ordering::Relaxed);
        Some(Arc::new(Visitor {
            visitors: self.clone(),
            address,
            is_proven: AtomicBool::new(false),
        }))
    }
}

impl Visitor {
    /// Notes that whoever is at the other end proved who it is.
    pub(crate) fn prove(&self) {
        if !self.is_proven.swap(true, Ordering::Relaxed) {
            self.leave();
        }
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Relaxed)
    }

    fn leave(&self) {
        self.visitors.stranger_count.fetch_sub(1, Ordering::Relaxed);
        let mut strangers = self.visitors.strangers.lock();
        if let Some(count) = strangers.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                strangers.remove(&self.address);
            }
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.visitors.total.fetch_sub(1, Ordering::Relaxed);
        if !self.is_proven() {
            self.leave();
        }
    }
}
