//! Scopes: stacks of layers in which names are looked up, newest first.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;

use crate::aggregate::AggregateContext;
use crate::call::{Permission, VqlError, VqlResult};
use crate::cancel::Cancellation;
use crate::context::{Clock, Context};
use crate::layer::Layer;
use crate::log::Level;
use crate::memory;
use crate::pace;
use crate::query::Stop;
use crate::value::{Dict, PositionCache, Row, Str, Value};

/// Scopes nested deeper than this stop evaluation.
pub(crate) const MAX_DEPTH: u32 = 1000;

/// Number of places with a message count of their own. A query that compiles more places (`query()` for each
/// row) repeats itself.
const MAX_PLACES: usize = 1000;

/// A stack of layers. A clone is the same scope; a child starts with the layers its parent has now.
#[derive(Clone)]
pub struct Scope(pub(crate) Arc<Inner>);

/// One node of the stack: the layer it added, over what its parent had.
pub(crate) struct Inner {
    pub(crate) root: Arc<Root>,
    pub(crate) parent: Option<Scope>,
    pub(crate) layer: Layer,
    /// Layers the parent had pushed in place when this node was created.
    inherited: Option<Arc<Vec<Layer>>>,
    /// Layers pushed in place onto this node (LET).
    pushed: RwLock<Arc<Vec<Layer>>>,
    has_pushed: AtomicBool,
    pub(crate) depth: u32,
    pub(crate) aggregates: Arc<AggregateContext>,
    pub(crate) cancellation: Cancellation,
    pub(crate) explain: bool,
}

impl Inner {
    /// True if layers were pushed onto this very node.
    pub(crate) fn is_touched(&self) -> bool {
        self.has_pushed.load(Ordering::Relaxed)
    }
}

/// State shared by all scopes of a query.
pub(crate) struct Root {
    pub(crate) context: Arc<Context>,
    pub(crate) stats: Stats,
    caches: Mutex<FxHashMap<(TypeId, String), Arc<dyn Any + Send + Sync>>>,
    destructors: Mutex<Vec<Destructor>>,
    /// Places whose message was logged; true when it will not be logged again.
    told: Mutex<FxHashMap<u64, bool>>,
    closed: AtomicBool,
}

type Destructor = Box<dyn FnOnce(&Scope) + Send>;

/// Counters of a query.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) rows: AtomicU64,
    pub(crate) plugins: AtomicU64,
    pub(crate) functions: AtomicU64,
    pub(crate) scopes: AtomicU64,
}

impl Scope {
    /// The scope of a new query: `env` over the NULL layer. Until it is closed, this thread's allocations
    /// count as the query's.
    #[must_use]
    pub fn root(context: &Arc<Context>, env: Dict) -> Scope {
        if let Some(account) = &context.memory {
            account.bind();
        }
        let root = Arc::new(Root {
            context: Arc::clone(context),
            stats: Stats::default(),
            caches: Mutex::default(),
            destructors: Mutex::default(),
            told: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let null = Scope(Arc::new(Inner {
            root,
            parent: None,
            layer: Layer::Null,
            inherited: None,
            pushed: RwLock::default(),
            has_pushed: AtomicBool::new(false),
            depth: 0,
            aggregates: Arc::default(),
            cancellation: context.cancellation().clone(),
            explain: false,
        }));
        null.nest(Layer::Dict(env), 0)
    }

    /// A scope with only the layer of the host's environment; nested as deeply as this one.
    #[must_use]
    pub fn fresh(&self) -> Scope {
        let mut oldest = self;
        let mut second = self;
        while let Some(parent) = &oldest.0.parent {
            second = oldest;
            oldest = parent;
        }
        let mut node = self.node(second.0.layer.clone(), 1);
        node.parent = Some(oldest.clone());
        node.inherited = None;
        node.aggregates = Arc::default();
        Scope(Arc::new(node))
    }

    /// A child without its own layer.
    #[must_use]
    pub fn child(&self) -> Scope {
        self.nest(Layer::None, 1)
    }

    /// A child with one more layer: a row, a dict or another value.
    #[must_use]
    pub fn child_with(&self, layer: impl Into<Row>) -> Scope {
        self.nest(Layer::Row(layer.into()), 1)
    }

    /// A child that stops with this token.
    #[must_use]
    pub fn child_cancelled_by(&self, cancellation: Cancellation) -> Scope {
        let mut child = self.node(Layer::None, 0);
        child.cancellation = cancellation;
        Scope(Arc::new(child))
    }

    /// Adds a layer to this very scope: later lookups and later children see it.
    pub fn set_layer(&self, layer: Dict) {
        self.push(Layer::Dict(layer));
    }

    /// The value a name has here. Lazy expressions come back lazy.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        self.lookup(name.as_bytes(), &PositionCache::default())
    }

    /// The reduced value of a name, as text; for tunables such as `TZ`.
    #[must_use]
    pub fn get_text(&self, name: &str) -> Option<String> {
        match self.get(name)?.reduce(self) {
            Value::Str(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// Logs a message.
    pub fn log(&self, level: Level, text: &str) {
        memory::outside(|| self.0.root.context.log.log(level, text));
    }

    /// The end of a message that would repeat for every row; `None` once this place has logged it often
    /// enough.
    pub(crate) fn end_of_message(&self, place: u64) -> Option<&'static str> {
        let mut told = self.0.root.told.lock();
        let is_full = told.len() >= MAX_PLACES;
        match told.get_mut(&place) {
            None if is_full => None,
            None => {
                told.insert(place, false);
                Some("")
            }
            Some(true) => None,
            Some(is_last) => {
                *is_last = true;
                Some(" (said for two rows, and not for those after them)")
            }
        }
    }

    /// Logs `LEVEL:text`.
    pub fn log_line(&self, line: &str) {
        let (level, text) = Level::split(line);
        self.log(level, text);
    }

    /// The context of the query, from its host.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.0.root.context
    }

    /// A value that the host registered by its type.
    #[must_use]
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.context().extension()
    }

    /// State of this type that is kept for the host of the query and outlives the query.
    #[must_use]
    pub fn host_state<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        self.context().host_state().get()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.context().clock()
    }

    /// The token that stops this scope.
    #[must_use]
    pub fn cancellation(&self) -> &Cancellation {
        &self.0.cancellation
    }

    /// A value of this type and key shared by all scopes of the query; created at first use. Two threads may
    /// both create it; one of the two is kept.
    pub fn cache<T: Any + Send + Sync>(&self, key: &str, make: impl FnOnce() -> T) -> Arc<T> {
        let id = (TypeId::of::<T>(), key.to_owned());
        let known = self.0.root.caches.lock().get(&id).cloned();
        if let Some(known) = known.and_then(|known| known.downcast().ok()) {
            return known;
        }
        let made = Arc::new(make());
        let mut caches = self.0.root.caches.lock();
        let kept = caches.entry(id).or_insert_with(|| made.clone());
        Arc::clone(kept).downcast().unwrap_or(made)
    }

    /// To be called in long loops: `Err` when the query should end. Charges one operation to the throttle.
    #[inline]
    pub fn checkpoint(&self) -> Result<(), Stop> {
        if self.is_stopping() {
            return Err(Stop);
        }
        match &self.0.root.context.throttle {
            Some(throttle) => throttle.charge(1, &self.0.cancellation),
            None => Ok(()),
        }
    }

    /// To be called in loops that build values: `Err` when the query should end, because it holds too much or
    /// for any other reason.
    #[inline]
    pub fn check_memory(&self) -> Result<(), Stop> {
        self.reserve(0)
    }

    /// To be called before a large allocation: `Err` when the query may not hold `bytes` more, or should end
    /// anyway.
    #[inline]
    pub fn reserve(&self, bytes: usize) -> Result<(), Stop> {
        if self.0.cancellation.is_flagged() || !memory::has_room(bytes) {
            return Err(Stop);
        }
        Ok(())
    }

    /// Counts this thread's allocations as the query's from now on.
    pub(crate) fn enter_thread(&self) {
        if let Some(account) = &self.0.root.context.memory {
            account.look();
        }
    }

    /// True when the query should end: for loops that walk through values. A small value may still have more
    /// leaves than can be visited, because parts are shared (`x = (x, x)`, forty times). What such a walk
    /// then leaves out is never seen.
    #[inline]
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_stopping()
    }

    /// True when the query should end. Memory and clock are checked from time to time.
    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        if self.0.cancellation.is_flagged() {
            return true;
        }
        !pace::pass() && self.look()
    }

    #[inline(never)]
    fn look(&self) -> bool {
        let pace::Look { is_clock_due } = pace::begin();
        if let Some(account) = &self.0.root.context.memory
            && account.look()
        {
            return true;
        }
        is_clock_due && self.0.cancellation.check_deadline()
    }

    /// An error message if the query lacks this permission.
    pub fn check_access(&self, permission: Permission) -> VqlResult<()> {
        self.context().access.check(permission).map_err(VqlError::Message)
    }

    /// Registers a destructor that runs when the query ends; the last one registered runs first.
    pub fn at_close(&self, destructor: Box<dyn FnOnce(&Scope) + Send>) {
        self.0.root.destructors.lock().push(destructor);
    }

    /// Ends the query: runs the destructors of [`Scope::at_close`] and logs the counters. Later calls do
    /// nothing.
    pub fn close(&self) {
        let root = &self.0.root;
        if root.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(account) = &root.context.memory {
            account.close(root.context.cancellation());
        }
        loop {
            let Some(destructor) = root.destructors.lock().pop() else {
                break;
            };
            destructor(self);
        }
        let caches = std::mem::take(&mut *root.caches.lock());
        drop(caches);
        let stats = &root.stats;
        let [rows, plugins, functions, scopes] =
            [&stats.rows, &stats.plugins, &stats.functions, &stats.scopes].map(|n| n.load(Ordering::Relaxed));
        self.log(
            Level::Debug,
            &format!(
                "Query Stats: {{\"RowsScanned\":{rows},\"PluginsCalled\":{plugins},\"FunctionsCalled\":{functions},\
                 \"ProtocolSearch\":0,\"ScopeCopy\":{scopes}}}"
            ),
        );
        memory::leave();
    }

    /// The names of every layer, oldest first: `[NULL], [a, b], [x]`.
    #[must_use]
    pub fn describe_layers(&self) -> String {
        let mut layers = Vec::new();
        self.for_each_layer(&mut |layer| layers.push(layer.describe()));
        layers.reverse();
        let shown: Vec<String> = layers.into_iter().flatten().collect();
        shown.join(", ")
    }

    /// True when a visible row gives NULL without a message for names it does not have.
    pub(crate) fn has_silent_row(&self) -> bool {
        let mut found = false;
        self.for_each_layer(&mut |layer| found |= layer.is_silent());
        found
    }

    /// The names visible here, newest first, each once.
    #[must_use]
    pub fn names(&self) -> Vec<Str> {
        let mut names: Vec<Str> = Vec::new();
        self.for_each_layer(&mut |layer| {
            for name in layer.names() {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        });
        names
    }

    /// True when everything visible here is also visible in `above`, because `above` grew out of this scope.
    pub(crate) fn is_below(&self, above: &Scope) -> bool {
        let mut own = self;
        while let (Layer::None, false, Some(parent)) = (&own.0.layer, own.0.is_touched(), &own.0.parent) {
            own = parent;
        }
        let mut above = Some(above);
        while let Some(scope) = above {
            if Arc::ptr_eq(&scope.0, &own.0) {
                return true;
            }
            above = scope.0.parent.as_ref();
        }
        false
    }

    /// A child with a layer, counted as this many levels of nesting.
    pub(crate) fn nest(&self, layer: Layer, levels: u32) -> Scope {
        Scope(Arc::new(self.node(layer, levels)))
    }

    pub(crate) fn node(&self, layer: Layer, levels: u32) -> Inner {
        let has_pushed = self.0.has_pushed.load(Ordering::Acquire);
        Inner {
            root: Arc::clone(&self.0.root),
            parent: Some(self.clone()),
            layer,
            inherited: has_pushed.then(|| Arc::clone(&self.0.pushed.read())),
            pushed: RwLock::default(),
            has_pushed: AtomicBool::new(false),
            depth: self.0.depth + levels,
            aggregates: Arc::clone(&self.0.aggregates),
            cancellation: self.0.cancellation.clone(),
            explain: self.0.explain,
        }
    }

    /// Adds a layer in place.
    pub(crate) fn push(&self, layer: Layer) {
        let mut pushed = self.0.pushed.write();
        Arc::make_mut(&mut pushed).push(layer);
        self.0.has_pushed.store(true, Ordering::Release);
    }

    /// The value of a name, newest layer first.
    pub(crate) fn lookup(&self, name: &[u8], cache: &PositionCache) -> Option<Value> {
        let mut scope = self;
        if self.0.has_pushed.load(Ordering::Acquire) {
            let pushed = Arc::clone(&self.0.pushed.read());
            if let Some(found) = pushed
                .iter()
                .rev()
                .find_map(|layer| layer.lookup(self, name, cache))
            {
                return Some(found);
            }
        }
        loop {
            let inner = &*scope.0;
            if let Some(found) = inner.layer.lookup(scope, name, cache) {
                return Some(found);
            }
            if let Some(inherited) = &inner.inherited
                && let Some(found) = inherited
                    .iter()
                    .rev()
                    .find_map(|layer| layer.lookup(scope, name, cache))
            {
                return Some(found);
            }
            scope = inner.parent.as_ref()?;
        }
    }

    fn for_each_layer(&self, visit: &mut dyn FnMut(&Layer)) {
        let pushed = Arc::clone(&self.0.pushed.read());
        pushed.iter().rev().for_each(&mut *visit);
        let mut scope = Some(self);
        while let Some(current) = scope {
            visit(&current.0.layer);
            if let Some(inherited) = &current.0.inherited {
                inherited.iter().rev().for_each(&mut *visit);
            }
            scope = current.0.parent.as_ref();
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.describe_layers()).finish()
    }
}
