//! `lru()`: a store that forgets old values.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::prelude::*;

/// Makes a store of values by key that forgets values which have not been used for an hour, and the least
/// recently used ones when there are more than `size`.
///
/// Write with `set(item=store, field=key, value=value)`, read with `get(item=store, field=key)` or `store.key`. Members:
/// `@Len`, the number of values; `@Dump`, all of them as a dict, the most recently used last; `@Metrics`, a dict of
/// `Insertions`, `Hits`, `Misses` and `Evictions`. The store lives as long as the query.
#[derive(VqlArgs)]
pub struct Args {
    /// Maximum number of values.
    #[arg(default = 1000)]
    size: i64,
}

pub struct Lru;

impl Function for Lru {
    type Args = Args;
    const NAME: &'static str = "lru";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a value",
            "get(item=set(item=lru(size=2), field='a', value=1), field='a')",
            "1",
        ),
        example(
            "no value",
            "get(item=lru(), field='a', default='none')",
            r#""none""#,
        ),
        example(
            "how many",
            "set(item=set(item=lru(size=1), field='a', value=1), field='b', value=2).`@Len`",
            "1",
        ),
        example(
            "all of them",
            "set(item=set(item=lru(size=1), field='a', value=1), field='b', value=2).`@Dump`",
            r#"{"b":2}"#,
        ),
        fails("no place", "lru(size=0)", "`size` 0 keeps nothing"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let size = usize::try_from(args.size)
            .ok()
            .filter(|size| *size > 0)
            .ok_or_else(|| format!("`size` {} keeps nothing; give 1 or more", args.size))?;
        let store = Arc::new(Store {
            size: size.min(MAX_SIZE),
            entries: Mutex::default(),
        });
        // The store may contain itself: emptying it releases it.
        let kept = Arc::downgrade(&store);
        scope.at_close(Box::new(move |_| {
            if let Some(store) = kept.upgrade() {
                let all = std::mem::take(&mut *store.entries.lock());
                drop(all);
            }
        }));
        Ok(Value::Object(store))
    }
}

/// Maximum number of values, regardless of the argument.
const MAX_SIZE: usize = 10_000_000;
/// Values not used for this long are forgotten.
const IDLE_NANOS: i128 = 3600 * 1_000_000_000;

struct Store {
    size: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<Str, Entry>,
    /// Keys by the number of their last use.
    by_use: BTreeMap<u64, Str>,
    uses: u64,
    insertions: u64,
    hits: u64,
    misses: u64,
    evictions: u64,
}

struct Entry {
    value: Value,
    used: u64,
    used_at: i128,
}

impl Entries {
    /// Removes values that were idle for too long, and values beyond the limit.
    fn forget(&mut self, now: i128, size: usize) -> Vec<Entry> {
        let mut gone = Vec::new();
        while let Some(first) = self.by_use.first_entry() {
            let is_idle = self
                .by_key
                .get(first.get())
                .is_none_or(|entry| now - entry.used_at >= IDLE_NANOS);
            if !is_idle && self.by_key.len() <= size {
                break;
            }
            self.evictions += 1;
            gone.extend(self.by_key.remove(&first.remove()));
        }
        gone
    }

    fn touch(&mut self, key: &[u8], now: i128) -> Option<Value> {
        let Some(entry) = self.by_key.get_mut(key) else {
            self.misses += 1;
            return None;
        };
        self.hits += 1;
        self.uses += 1;
        if let Some(key) = self.by_use.remove(&entry.used) {
            self.by_use.insert(self.uses, key);
        }
        entry.used = self.uses;
        entry.used_at = now;
        Some(entry.value.clone())
    }

    fn insert(&mut self, key: &Str, value: Value, now: i128) -> Option<Entry> {
        self.insertions += 1;
        self.uses += 1;
        let (used, used_at) = (self.uses, now);
        let old = self.by_key.insert(key.clone(), Entry { value, used, used_at });
        if let Some(old) = &old {
            self.by_use.remove(&old.used);
        }
        self.by_use.insert(used, key.clone());
        old
    }

    fn dump(&self) -> Dict {
        let keys = self.by_use.values();
        keys.filter_map(|key| Some((key.clone(), self.by_key.get(key)?.value.clone())))
            .collect()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Object for Store {
    fn type_name(&self) -> &'static str {
        "lru"
    }

    fn member(&self, scope: &Scope, name: &str) -> Option<Value> {
        let now = scope.clock().now().unix_nanos();
        let mut entries = self.entries.lock();
        let gone = entries.forget(now, self.size);
        let found = match name {
            "@Len" => Some(Value::from(entries.by_key.len())),
            "@Dump" => Some(Value::Dict(entries.dump())),
            "@Metrics" => Some(Value::Dict(Dict::from_pairs([
                ("Insertions", entries.insertions),
                ("Hits", entries.hits),
                ("Misses", entries.misses),
                ("Evictions", entries.evictions),
            ]))),
            _ => None,
        };
        drop(entries);
        // A value may own this very store, so it is dropped after the lock is released.
        drop(gone);
        found
    }

    fn entry(&self, scope: &Scope, key: &[u8]) -> Option<Value> {
        // Not counted as misses, because these are not keys.
        if matches!(key, b"@Len" | b"@Dump" | b"@Metrics") {
            return None;
        }
        let now = scope.clock().now().unix_nanos();
        let mut entries = self.entries.lock();
        let gone = entries.forget(now, self.size);
        let found = entries.touch(key, now);
        drop(entries);
        // A value may own this very store, so it is dropped after the lock is released.
        drop(gone);
        found
    }

    fn member_names(&self) -> Vec<Str> {
        self.entries.lock().by_use.values().cloned().collect()
    }

    fn to_json(&self, _: &Scope) -> Option<Value> {
        Some(Value::Dict(self.entries.lock().dump()))
    }

    fn set(&self, scope: &Scope, name: &Str, value: &Value) -> bool {
        let now = scope.clock().now().unix_nanos();
        let mut entries = self.entries.lock();
        let old = entries.insert(name, value.clone(), now);
        let gone = entries.forget(now, self.size);
        drop(entries);
        drop((old, gone));
        true
    }

    fn truth(&self) -> bool {
        !self.entries.lock().by_key.is_empty()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
