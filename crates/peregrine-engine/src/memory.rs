//! The memory that queries hold, and the end of a query that holds too much.
//!
//! The host provides an allocator that counts what each thread holds ([`Gauge`]). At checkpoints, and in
//! loops that build values, a thread compares the count with its previous look; once the change is large
//! enough, it is added to the [`Account`] of the query the thread works for. Threads of one query share its
//! account, so values may pass between them.
//!
//! An account can drift: memory freed by another part of the program stays on it, and memory that came from
//! elsewhere is taken off it when the query drops it. So rows and messages are handed over [`outside`] of it,
//! and a query is ended only when the whole process really holds as much as the account says.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::cancel::Cancellation;
use crate::log::{Level, LogSink};
use crate::pace;

/// Bytes by which a thread's memory may change before its account is updated.
const GRAIN: i64 = 256 << 10;
/// Number of cheap looks between two full ones in loops over small items.
const ITEMS_PER_LOOK: usize = 64;
/// How long a query that wants more waits for an ended query to return its memory.
const UNWINDING: Duration = Duration::from_millis(100);
/// After this time nobody waits for it: it may be stuck in a system call.
const LONGEST_END: Duration = Duration::from_secs(5);
/// Ending a query that holds less would not help the process.
const WORTH_ENDING: i64 = 8 << 20;

/// How the host measures memory.
#[derive(Debug, Clone, Copy)]
pub struct Gauge {
    /// Bytes this thread has allocated, less those it has freed.
    pub thread: fn() -> i64,
    /// Bytes of memory the whole process takes from the machine; may lag behind.
    pub process: fn() -> u64,
}

/// What queries of a program may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes one query may hold.
    pub query: u64,
    /// Bytes all of them may hold together.
    pub all: Option<u64>,
    /// Bytes the process may take. Near this limit, the query that holds the most is ended.
    pub process: Option<u64>,
    /// How to raise the limit of a query, for its last message.
    pub advice: &'static str,
}

/// The accounts of the queries of a program.
#[derive(Debug)]
pub struct Pool {
    gauge: Gauge,
    limits: Limits,
    accounts: Mutex<Vec<Weak<Account>>>,
}

impl Pool {
    /// A pool of queries with these limits, measured by this gauge.
    #[must_use]
    pub fn new(gauge: Gauge, limits: Limits) -> Arc<Pool> {
        Arc::new(Pool {
            gauge,
            limits,
            accounts: Mutex::default(),
        })
    }

    /// What the queries may hold.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// An account for a query. When it holds too much, the reason is logged and the token cancelled.
    #[must_use]
    pub fn account(self: &Arc<Pool>, cancellation: &Cancellation, log: &Arc<dyn LogSink>) -> Arc<Account> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let account = Arc::new(Account {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            held: AtomicI64::new(0),
            has_ended: AtomicBool::new(false),
            state: Mutex::new(Balance {
                cancellation: cancellation.clone(),
                reason: None,
                ended: None,
            }),
            log: Arc::clone(log),
            pool: Arc::clone(self),
        });
        let mut accounts = self.accounts.lock();
        accounts.retain(|account| account.strong_count() > 0);
        accounts.push(Arc::downgrade(&account));
        account
    }

    /// Ends the query that holds the most if all of them together hold too much, or the process takes too
    /// much. True as long as there is too much.
    pub fn relieve(&self) -> bool {
        self.shrink(0).is_some()
    }

    /// The same before somebody takes `more`. Returns the query that was ended, now or before.
    fn shrink(&self, more: i64) -> Option<Arc<Account>> {
        if self.limits.all.is_none() && self.limits.process.is_none() {
            return None;
        }
        let accounts: Vec<Arc<Account>> = self.accounts.lock().iter().filter_map(Weak::upgrade).collect();
        let held = accounts.iter().map(|account| account.held()).sum::<i64>() + more;
        let all = self.limits.all.map(bytes).filter(|all| held > *all);
        if all.is_none() && self.limits.process.is_none() {
            return None;
        }
        let taken = bytes((self.gauge.process)()).saturating_add(more);
        // A tenth below the limit, which leaves room to end a query in.
        let process = self
            .limits
            .process
            .map(bytes)
            .filter(|most| taken > most / 10 * 9);
        let reason = match (all.filter(|all| taken > *all), process) {
            (Some(all), _) => format!(
                "all queries together held {} of memory, more than the {} they may hold",
                mebibytes(held),
                mebibytes(all)
            ),
            (None, Some(most)) => format!(
                "the program took {} of memory, near the {} it may take (max_memory_hard_limit)",
                mebibytes(taken),
                mebibytes(most)
            ),
            (None, None) => return None,
        };
        if let Some(ending) = accounts.iter().find(|account| account.is_ending()) {
            return Some(Arc::clone(ending));
        }
        let largest = accounts
            .iter()
            .filter(|account| !account.has_ended())
            .max_by_key(|account| account.held())?;
        if largest.held() + more < WORTH_ENDING {
            return None;
        }
        let held = mebibytes(largest.held());
        largest.end(&format!("{reason}, and this one held the most of it ({held})"));
        Some(Arc::clone(largest))
    }
}

/// What one query holds.
pub struct Account {
    id: u64,
    held: AtomicI64,
    has_ended: AtomicBool,
    state: Mutex<Balance>,
    log: Arc<dyn LogSink>,
    pool: Arc<Pool>,
}

struct Balance {
    cancellation: Cancellation,
    /// The reason why it was first ended.
    reason: Option<String>,
    ended: Option<Instant>,
}

impl Account {
    /// Why the query was ended, if it was.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.state.lock().reason.clone()
    }

    /// Reuses the account for the thread's next query, which may hold as much and ends with this token.
    pub fn renew(self: &Arc<Account>, cancellation: &Cancellation) {
        *self.state.lock() = Balance {
            cancellation: cancellation.clone(),
            reason: None,
            ended: None,
        };
        self.has_ended.store(false, Ordering::Relaxed);
        self.bind();
    }

    /// The bytes it holds, as far as its threads have reported; never negative.
    #[must_use]
    pub fn held(&self) -> i64 {
        self.held.load(Ordering::Relaxed).max(0)
    }

    /// Prepares for the cleanup after the query was ended: closing what it opened. It may hold as much again,
    /// and can be ended again.
    pub(crate) fn close(&self, query: &Cancellation) {
        leave();
        // A query within the query has the same account.
        if self.state.lock().cancellation.is_same(query) {
            self.has_ended.store(false, Ordering::Relaxed);
        }
    }

    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// True when it was ended a short while ago and will return its memory.
    fn is_ending(&self) -> bool {
        let is_recent = |ended: Instant| ended.elapsed() < LONGEST_END;
        self.has_ended() && self.held() > WORTH_ENDING && self.state.lock().ended.is_some_and(is_recent)
    }

    pub(crate) fn limit(&self) -> i64 {
        bytes(self.pool.limits.query)
    }

    fn add(&self, change: i64) {
        let held = self.held.fetch_add(change, Ordering::Relaxed) + change;
        // Memory that came from elsewhere must not become an unbounded credit.
        let lowest = -(self.limit() / 8);
        if held < lowest {
            self.held.store(lowest, Ordering::Relaxed);
        }
    }

    /// True when the query has ended, perhaps just now because it holds too much or wants `more` than it may.
    fn judge(&self, more: i64) -> bool {
        if self.has_ended() {
            return true;
        }
        let (held, limit) = (self.held(), self.limit());
        if held.saturating_add(more) > limit
            && bytes((self.pool.gauge.process)()).saturating_add(more) > limit
        {
            let wanted = match more {
                0 => String::new(),
                more => format!(" and was about to take {} more", mebibytes(more)),
            };
            let (held, limit) = (mebibytes(held), mebibytes(limit));
            self.end(&format!(
                "it held {held} of memory{wanted}, and a query may hold {limit}"
            ));
            return true;
        }
        if let Some(ending) = self.pool.shrink(more)
            && ending.id != self.id
        {
            let cancellation = self.state.lock().cancellation.clone();
            cancellation.wait(UNWINDING);
        }
        self.has_ended()
    }

    fn end(&self, why: &str) {
        let advice = self.pool.limits.advice;
        let reason = format!(
            "the query was ended: {why}; select fewer rows or columns, or let rows pass by instead of collecting them \
             in arrays, groups and caches{advice}"
        );
        if !self.has_ended.swap(true, Ordering::Relaxed) {
            let cancellation = {
                // Before the token, because whoever sees the token asks for the reason.
                let mut state = self.state.lock();
                state.reason.get_or_insert_with(|| reason.clone());
                state.ended = Some(Instant::now());
                state.cancellation.clone()
            };
            cancellation.cancel();
            self.log.log(Level::Error, &reason);
        }
    }

    /// Called by a thread that works for this query: true when the query has ended.
    #[inline]
    pub(crate) fn look(self: &Arc<Account>) -> bool {
        WATCH.with(|watch| {
            if watch.account.get() != self.id {
                self.bind();
            }
            watch.look()
        })
    }

    /// Makes this thread work for this query.
    #[cold]
    pub(crate) fn bind(self: &Arc<Account>) {
        leave();
        WATCH.with(|watch| {
            watch.thread.set(self.pool.gauge.thread);
            watch.seen.set((self.pool.gauge.thread)());
            watch.account.set(self.id);
            watch.has_ended.set(self.has_ended());
        });
        // Fails only while the thread is ending.
        let _ = EMPLOYER.try_with(|employer| employer.0.replace(Arc::downgrade(self)));
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("held", &self.held())
            .finish_non_exhaustive()
    }
}

/// A thread's last look at its own memory.
struct Watch {
    thread: Cell<fn() -> i64>,
    /// The account it works for; 0 for none.
    account: Cell<u64>,
    seen: Cell<i64>,
    has_ended: Cell<bool>,
}

/// The account this thread works for. Changes not yet reported are reported when the thread ends.
struct Employer(RefCell<Weak<Account>>);

impl Drop for Employer {
    fn drop(&mut self) {
        if let Some(account) = self.0.get_mut().upgrade() {
            WATCH.with(|watch| account.add(watch.change()));
        }
    }
}

thread_local! {
    static WATCH: Watch = const {
        Watch {
            thread: Cell::new(nothing),
            account: Cell::new(0),
            seen: Cell::new(0),
            has_ended: Cell::new(false),
        }
    };
    static EMPLOYER: Employer = const { Employer(RefCell::new(Weak::new())) };
}

fn nothing() -> i64 {
    0
}

impl Watch {
    #[inline]
    fn look(&self) -> bool {
        let change = (self.thread.get())().wrapping_sub(self.seen.get());
        if change.unsigned_abs() < GRAIN.unsigned_abs() {
            return self.has_ended.get();
        }
        self.settle(0)
    }

    /// The change since the last look.
    fn change(&self) -> i64 {
        let now = (self.thread.get())();
        now.wrapping_sub(self.seen.replace(now))
    }

    /// Updates the account: true when the query has ended, or is ended now because it wants `more` than it
    /// may.
    #[cold]
    fn settle(&self, more: i64) -> bool {
        let account = EMPLOYER.try_with(|employer| employer.0.borrow().upgrade());
        let change = self.change();
        let has_ended = match account {
            Ok(Some(account)) => {
                account.add(change);
                account.judge(more)
            }
            _ => false,
        };
        self.has_ended.set(has_ended);
        has_ended
    }
}

/// Ends this thread's work for its query.
pub(crate) fn leave() {
    let account = EMPLOYER.try_with(|employer| employer.0.take().upgrade());
    WATCH.with(|watch| {
        let change = watch.change();
        if let Ok(Some(account)) = account {
            account.add(change);
        }
        watch.thread.set(nothing);
        watch.seen.set(0);
        watch.account.set(0);
        watch.has_ended.set(false);
    });
    // A thread that goes on working gets an account again at once.
    pace::hurry();
}

/// True when the query this thread works for was ended, as far as the thread knows. Very cheap.
#[inline]
#[must_use]
pub fn has_ended() -> bool {
    WATCH.with(|watch| watch.has_ended.get())
}

/// True when the query this thread works for has ended because it holds too much; checks the thread's memory.
/// For loops that build values and have no scope: the values they then leave out are never seen.
#[inline]
#[must_use]
pub fn is_exhausted() -> bool {
    WATCH.with(Watch::look)
}

/// True when the query this thread works for should end, for any reason. For loops without a scope whose
/// steps take long.
#[must_use]
pub fn should_end() -> bool {
    let account = EMPLOYER.try_with(|employer| employer.0.borrow().upgrade());
    account
        .ok()
        .flatten()
        .is_some_and(|account| account.has_ended() || account.state.lock().cancellation.is_cancelled())
}

/// True when the query this thread works for may allocate `more` bytes; otherwise it is ended. For large
/// single allocations.
#[inline]
#[must_use]
pub fn has_room(more: usize) -> bool {
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    if more < GRAIN {
        return !is_exhausted();
    }
    WATCH.with(|watch| watch.account.get() == 0 || !watch.settle(more))
}

/// True when the list may take one more item: checks before the list doubles its size, and from time to time.
#[inline]
#[must_use]
pub fn has_room_in<T>(items: &Vec<T>) -> bool {
    if items.len() == items.capacity() {
        return has_room(items.len().saturating_mul(size_of::<T>()));
    }
    !items.len().is_multiple_of(ITEMS_PER_LOOK) || !is_exhausted()
}

/// Collects the items into a list, which is cut short if the query ends because it holds too much.
pub fn collect<T>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let items = items.into_iter();
    let (least, _) = items.size_hint();
    if !has_room(least.saturating_mul(size_of::<T>())) {
        return Vec::new();
    }
    let mut list = Vec::with_capacity(least);
    for item in items {
        if !has_room_in(&list) {
            break;
        }
        list.push(item);
    }
    list
}

/// Runs code that hands memory over to other parts of the program: its allocations are not counted.
pub fn outside<T>(work: impl FnOnce() -> T) -> T {
    WATCH.with(|watch| {
        let waiting = (watch.thread.get())().wrapping_sub(watch.seen.get());
        let result = work();
        watch.seen.set((watch.thread.get())().wrapping_sub(waiting));
        result
    })
}

fn bytes(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn mebibytes(number: i64) -> String {
    format!("{} MiB", number / (1 << 20))
}
