//! `cache()`: results kept by key.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::prelude::*;

/// Computes a value once per key. The first call with a name creates the cache; later calls may give only
/// name and key.
///
/// NULL is not cached. The cache lives in memory as long as the query; the least used values are dropped
/// first.
#[derive(VqlArgs)]
pub struct Args {
    /// An expression that computes the value.
    func: Option<Lazy>,
    /// Called with the key, `x=>expr`.
    lambda: Option<Lambda>,
    /// The name of the cache.
    name: Option<Str>,
    /// The key.
    key: Option<Value>,
    /// Seconds for which a value is kept after its last use.
    #[arg(default = 60)]
    period: i64,
    /// A file to keep values in; not supported.
    filename: Option<String>,
    /// Maximum number of values.
    #[arg(default = 10_000u64)]
    max_size: u64,
}

pub struct Cache;

struct Store {
    lambda: Option<Lambda>,
    period: Duration,
    max_size: usize,
    entries: Mutex<HashMap<Str, (Instant, Value)>>,
}

/// The caches of a query by name.
#[derive(Default)]
struct Stores(Mutex<HashMap<Str, std::sync::Arc<Store>>>);

impl Function for Cache {
    type Args = Args;
    const NAME: &'static str = "cache";
    const CATEGORY: Category = Category::Utils;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite];
    const EXAMPLES: &'static [Example] = &[
        example("a lambda", "cache(name='sq', lambda='x=>x * x', key=7)", "49"),
        example(
            "names that differ in a byte that is not UTF-8",
            r"(cache(name='\xff', func=1, key=7), cache(name='\xfe', func=2, key=7), cache(name='\xff', func=3, key=7))",
            "[1,2,1]",
        ),
        example(
            "no key only makes it",
            "cache(name='sq', lambda='x=>x * x')",
            "null",
        ),
        fails(
            "nothing to compute",
            "cache(name='none', key=1)",
            "give `lambda` or `func`",
        ),
        fails(
            "no files",
            "cache(name='f', lambda='x=>x', filename='/no/such/file')",
            "`filename` is not supported",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        if args.filename.is_some_and(|name| !name.is_empty()) {
            return Err(
                "`filename` is not supported by this version; leave it out to keep values in memory".into(),
            );
        }
        let stores = scope.cache("cache", Stores::default);
        let store = {
            let mut stores = stores.0.lock();
            let name = args.name.unwrap_or_default();
            match stores.get(&name) {
                Some(store) => store.clone(),
                None if args.lambda.is_none() && args.func.is_none() => {
                    return Err("the first call of a name makes the cache; give `lambda` or `func`".into());
                }
                None => {
                    let store = std::sync::Arc::new(Store {
                        lambda: args.lambda,
                        period: Duration::from_secs(u64::try_from(args.period).unwrap_or(0)),
                        max_size: usize::try_from(args.max_size)
                            .unwrap_or(usize::MAX)
                            .clamp(1, 1_000_000),
                        entries: Mutex::default(),
                    });
                    stores.insert(name, store.clone());
                    store
                }
            }
        };
        let Some(key) = args.key else {
            return Ok(Value::Null);
        };
        let text = key.to_text(scope);
        if let Some((used, value)) = store.entries.lock().get_mut(&text)
            && used.elapsed() < store.period
        {
            *used = Instant::now();
            return Ok(value.clone());
        }
        // Not under the lock: the computation may use the cache.
        let value = match (&store.lambda, args.func) {
            (Some(lambda), _) => lambda.call(scope, &[key]).reduce(scope),
            (None, Some(func)) => func.force(scope),
            (None, None) => return Ok(Value::Null),
        };
        if !value.is_null() {
            store.keep(text, value.clone());
        }
        Ok(value)
    }
}

impl Store {
    fn keep(&self, key: Str, value: Value) {
        let mut entries = self.entries.lock();
        if entries.len() >= self.max_size && !entries.contains_key(&key) {
            entries.retain(|_, (used, _)| used.elapsed() < self.period);
            // A tenth is dropped at once, so that a full cache is not sorted at every call.
            if entries.len() >= self.max_size {
                let mut ages: Vec<(Instant, Str)> = entries
                    .iter()
                    .map(|(key, (used, _))| (*used, key.clone()))
                    .collect();
                ages.sort();
                for (_, key) in ages.iter().take(self.max_size / 10 + 1) {
                    entries.remove(key);
                }
            }
        }
        entries.insert(key, (Instant::now(), value));
    }
}
