//! What a query gets from its host.

use std::any::{Any, TypeId};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::call::{Permission, Registry};
use crate::cancel::Cancellation;
use crate::disabled::Disabled;
use crate::host_state::HostState;
use crate::log::{LogSink, NoLog};
use crate::memory::Account;
use crate::query::Stop;
use crate::value::{Time, Value};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Time;

    /// The time `now()` returns. Only tests make it differ from `now`, which they move to see things expire.
    fn told(&self) -> Time {
        self.now()
    }
}

/// Gives random bytes.
pub trait Random: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// Decides what a query may do.
pub trait Access: Send + Sync {
    /// `Err` names the reason.
    fn check(&self, permission: Permission) -> Result<(), String>;

    /// False when the configuration blocks this function.
    fn function_allowed(&self, _name: &str) -> bool {
        true
    }

    /// False when the configuration blocks this plugin.
    fn plugin_allowed(&self, _name: &str) -> bool {
        true
    }
}

/// Slows a query down to its share of the machine.
pub trait Throttle: Send + Sync {
    /// Charges operations; may block. `Err` when the query should end.
    fn charge(&self, operations: u32, cancellation: &Cancellation) -> Result<(), Stop>;
}

/// How much of the machine a query within a query may use (`query(cpu_limit=…)`).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct QueryLimits {
    /// Percent of all processors; 0 is no limit.
    pub cpu: f64,
    /// Operations a second; 0 is no limit.
    pub iops: f64,
    /// Seconds without progress after which the query's token is cancelled. 0 is no limit.
    pub progress: f64,
}

/// Makes throttles for queries within queries. A host that can limit them registers a [`LimiterHandle`] as an extension.
pub trait QueryLimiter: Send + Sync {
    /// A throttle; `None` when nothing is limited.
    fn throttle(
        &self,
        limits: &QueryLimits,
        cancellation: &Cancellation,
        log: &Arc<dyn LogSink>,
    ) -> Option<Arc<dyn Throttle>>;
}

/// The limiter of the host, as an extension.
#[derive(Clone)]
pub struct LimiterHandle(pub Arc<dyn QueryLimiter>);

/// The identity under which the program that runs queries is known to its server. An agent registers an
/// [`IdentityHandle`] as an extension.
pub trait Identity: Send + Sync {
    /// Makes a new identity, which the program takes on after `wait`, and returns its name.
    fn renew(&self, wait: Duration) -> Result<String, String>;
}

/// The identity of the host, as an extension.
#[derive(Clone)]
pub struct IdentityHandle(pub Arc<dyn Identity>);

/// Replaces functions and plugins, for tests of queries.
pub trait StandIns: Send + Sync {
    /// What is called instead of the function of this name.
    fn function(&self, name: &str) -> Option<Value>;

    /// What is run instead of the plugin of this dotted name (`pslist`, `Artifact.Linux.Sys.Pslist`).
    fn plugin(&self, name: &str) -> Option<Value>;
}

/// Everything a query gets from its host. Built once, shared by the scopes of a query.
pub struct Context {
    pub(crate) registry: Arc<Registry>,
    pub(crate) log: Arc<dyn LogSink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) access: Arc<dyn Access>,
    pub(crate) throttle: Option<Arc<dyn Throttle>>,
    pub(crate) memory: Option<Arc<Account>>,
    pub(crate) stand_ins: Option<Arc<dyn StandIns>>,
    pub(crate) disabled: Arc<Disabled>,
    pub(crate) host_state: Arc<HostState>,
    pub(crate) cancellation: Cancellation,
    pub(crate) spill_dir: Option<PathBuf>,
    pub(crate) materialize_limit: usize,
    pub(crate) sort_memory: usize,
    pub(crate) bind_after: u32,
    extensions: FxHashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Context {
    /// Starts with an empty registry, no log, the system's clock and randomness, everything allowed, no
    /// throttle, no memory limit, the system's directory for temporary files, 1,000 rows materialised in
    /// memory, and 128 MiB to sort in.
    #[must_use]
    pub fn builder() -> ContextBuilder {
        ContextBuilder(Context {
            registry: Arc::new(Registry::new()),
            log: Arc::new(NoLog),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            access: Arc::new(AllowAll),
            throttle: None,
            memory: None,
            stand_ins: None,
            disabled: Arc::default(),
            host_state: Arc::default(),
            cancellation: Cancellation::new(),
            spill_dir: None,
            materialize_limit: 1000,
            sort_memory: 128 << 20,
            bind_after: 8,
            extensions: FxHashMap::default(),
        })
    }

    /// The functions and plugins.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The source of randomness.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// What the query may do.
    #[must_use]
    pub fn access(&self) -> &dyn Access {
        &*self.access
    }

    /// The functions and plugins that can be called but have no effect.
    #[must_use]
    pub fn disabled(&self) -> &Disabled {
        &self.disabled
    }

    /// The account of the query's memory, if memory is counted.
    #[must_use]
    pub fn memory(&self) -> Option<&Arc<Account>> {
        self.memory.as_ref()
    }

    /// The token of the whole query.
    #[must_use]
    pub fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    /// Where messages go.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn LogSink> {
        &self.log
    }

    /// The directory for temporary files; `None`: the system's.
    #[must_use]
    pub fn spill_dir(&self) -> Option<&PathBuf> {
        self.spill_dir.as_ref()
    }

    /// The approximate number of bytes of rows that ORDER BY and an overflowing GROUP BY hold before they
    /// move to files.
    #[must_use]
    pub fn sort_memory(&self) -> usize {
        self.sort_memory
    }

    /// A value that the host registered by its type.
    #[must_use]
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let any = Arc::clone(self.extensions.get(&TypeId::of::<T>())?);
        any.downcast().ok()
    }

    /// State of functions and plugins that outlives a query.
    #[must_use]
    pub fn host_state(&self) -> &HostState {
        &self.host_state
    }

    /// A builder that starts from this context.
    #[must_use]
    pub fn derive(&self) -> ContextBuilder {
        ContextBuilder(Context {
            registry: Arc::clone(&self.registry),
            log: Arc::clone(&self.log),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            access: Arc::clone(&self.access),
            throttle: self.throttle.clone(),
            memory: self.memory.clone(),
            stand_ins: self.stand_ins.clone(),
            disabled: Arc::clone(&self.disabled),
            host_state: Arc::clone(&self.host_state),
            cancellation: self.cancellation.clone(),
            spill_dir: self.spill_dir.clone(),
            materialize_limit: self.materialize_limit,
            sort_memory: self.sort_memory,
            bind_after: self.bind_after,
            extensions: self.extensions.clone(),
        })
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// Builds a [`Context`].
#[derive(Debug)]
pub struct ContextBuilder(Context);

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty),* $(,)?) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> ContextBuilder {
            self.0.$name = $name.into();
            self
        }
    )*};
}

impl ContextBuilder {
    setters! {
        /// The functions and plugins.
        registry: Arc<Registry>,
        /// Where messages go.
        log: Arc<dyn LogSink>,
        /// The clock.
        clock: Arc<dyn Clock>,
        /// The source of randomness.
        random: Arc<dyn Random>,
        /// What the query may do.
        access: Arc<dyn Access>,
        /// Slows the query down.
        throttle: Arc<dyn Throttle>,
        /// Counts the memory the query holds, and ends the query when it holds too much; shared by the
        /// queries within it.
        memory: Arc<Account>,
        /// Replaces functions and plugins.
        stand_ins: Arc<dyn StandIns>,
        /// Functions and plugins that have no effect; a derived context shares them with its origin unless
        /// given others.
        disabled: Arc<Disabled>,
        /// State of functions and plugins that outlives the query; a derived context shares it with its
        /// origin.
        host_state: Arc<HostState>,
        /// Stops the query.
        cancellation: Cancellation,
        /// Where temporary files go.
        spill_dir: PathBuf,
        /// Rows a materialised query holds in memory before it moves to a file.
        materialize_limit: usize,
        /// The approximate number of bytes of rows that ORDER BY and an overflowing GROUP BY hold before they
        /// move to files.
        sort_memory: usize,
        /// The number of rows that pass before a query is bound to their columns: with fewer, binding does
        /// not pay. Tests set 0.
        bind_after: u32,
    }

    /// Replaces the access check by one that may refer to the previous one.
    #[must_use]
    pub fn map_access(mut self, change: impl FnOnce(Arc<dyn Access>) -> Arc<dyn Access>) -> ContextBuilder {
        self.0.access = change(self.0.access);
        self
    }

    /// Registers a value that functions and plugins find by its type.
    #[must_use]
    pub fn extension<T: Any + Send + Sync>(mut self, extension: Arc<T>) -> ContextBuilder {
        self.0.extensions.insert(TypeId::of::<T>(), extension);
        self
    }

    /// Builds the context.
    #[must_use]
    pub fn build(self) -> Arc<Context> {
        Arc::new(self.0)
    }
}

/// The system's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock that a `Context` has unless told otherwise"
    )]
    fn now(&self) -> Time {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Time::from_unix_nanos(since.as_nanos() as i128),
            Err(before) => Time::from_unix_nanos(-(before.duration().as_nanos() as i128)),
        }
    }
}

/// The system's randomness.
#[derive(Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        // Supported systems do not fail here once they are up; zeroes would only repeat ids.
        let _ = getrandom::fill(buffer);
    }
}

/// Allows everything.
#[derive(Debug, Default)]
pub struct AllowAll;

impl Access for AllowAll {
    fn check(&self, _: Permission) -> Result<(), String> {
        Ok(())
    }
}
