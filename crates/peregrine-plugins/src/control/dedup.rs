//! `dedup()`: rows whose key is new.

use std::collections::HashMap;

use peregrine_engine::prelude::*;

/// Drops rows whose key was seen recently, and rows without the key. Seeing a key again restarts its timeout.
#[derive(VqlArgs)]
pub struct Args {
    /// The column to use as key.
    key: Str,
    /// The query.
    query: Query,
    /// Seconds a key is remembered.
    #[arg(default = 60u64)]
    timeout: u64,
    /// Maximum number of keys remembered.
    #[arg(default = 1000)]
    size: i64,
}

pub struct Dedup;

impl Plugin for Dedup {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "dedup";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[
        example(
            "once each",
            "dedup(query={SELECT _value > 1 AS Large FROM range(end=4)}, key='Large')",
            r#"[{"Large":false},{"Large":true}]"#,
        ),
        example(
            "no such column",
            "dedup(query={SELECT * FROM range(end=4)}, key='X')",
            "[]",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let window = i128::from(args.timeout) * 1_000_000_000;
        let size = usize::try_from(args.size).unwrap_or(0).clamp(1, 1_000_000);
        let mut seen: HashMap<Str, i128> = HashMap::new();
        args.query.run(
            scope,
            &mut FnSink(|row: Row| {
                let Some(key) = row.get(&args.key) else {
                    return scope.checkpoint();
                };
                let key = key.reduce(scope).to_text(scope);
                let now = scope.clock().now().unix_nanos();
                if let Some(last) = seen.get_mut(&key) {
                    let is_repeat = now - *last < window;
                    *last = now;
                    return if is_repeat {
                        scope.checkpoint()
                    } else {
                        rows.push(row)
                    };
                }
                if seen.len() >= size {
                    forget(&mut seen, now - window, size);
                }
                seen.insert(key, now);
                rows.push(row)
            }),
        )?;
        Ok(())
    }
}

/// Forgets expired keys and, if that is not enough, the least recently seen tenth.
fn forget(seen: &mut HashMap<Str, i128>, oldest: i128, size: usize) {
    seen.retain(|_, last| *last > oldest);
    if seen.len() >= size {
        let mut times: Vec<(i128, Str)> = seen.iter().map(|(key, last)| (*last, key.clone())).collect();
        times.sort();
        for (_, key) in times.iter().take(size / 10 + 1) {
            seen.remove(key);
        }
    }
}
