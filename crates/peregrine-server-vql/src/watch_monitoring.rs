//! `watch_monitoring()`: events of all clients as they come.

use peregrine_engine::json;
use peregrine_engine::prelude::*;
use peregrine_services::events::{self, News};
use peregrine_store::chunk;

use crate::Live;

/// Emits the events of an artifact or queue as they come, of every client and of the server.
#[derive(VqlArgs)]
pub struct Args {
    /// An artifact of type CLIENT_EVENT or SERVER_EVENT, or a queue of the server. `Artifact/Source` selects one source, the
    /// name alone all of them.
    artifact: String,
}

/// The plugin.
pub struct WatchMonitoring;

impl Plugin for WatchMonitoring {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "watch_monitoring";
    const CATEGORY: Category = Category::Server;
    const IS_EVENT: bool = true;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[not_run(
        "collections that fail, as they end",
        "SELECT ClientId, FlowId, Flow.status AS Why FROM watch_monitoring(artifact='System.Flow.Completion') WHERE Flow.state = 'ERROR'",
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let live = Live::of(scope)?;
        if !is_known(&live, &args.artifact) {
            scope.log(
                Level::Warn,
                &format!(
                    "watch_monitoring: no artifact `{}` is defined, so its events may never come",
                    args.artifact
                ),
            );
        }
        let watch = live.wait(async { events::watch(&live.core, &live.principal, &args.artifact) })?;
        loop {
            let cancellation = scope.cancellation();
            let news = live.wait(async {
                loop {
                    tokio::select! {
                        news = watch.next(&live.core) => return news.map(Some),
                        () = tokio::time::sleep(LOOK) => {
                            if cancellation.is_cancelled() {
                                return Ok(None);
                            }
                        }
                    }
                }
            });
            let (source, lines) = match news {
                Ok(None) => return Err(VqlError::Stopped),
                Ok(Some(News::Rows { source, lines })) => (source, lines),
                Ok(Some(News::Lost(count))) => {
                    let artifact = &args.artifact;
                    let message = format!(
                        "watch_monitoring: {count} rows of `{artifact}` came faster than they were read, and are lost"
                    );
                    scope.log(Level::Warn, &message);
                    continue;
                }
                // The database is away; the rows stay there.
                Err(error) => {
                    scope.log(
                        Level::Warn,
                        &format!("watch_monitoring: tried again soon: {error}"),
                    );
                    if scope.cancellation().wait(PAUSE) {
                        return Err(VqlError::Stopped);
                    }
                    continue;
                }
            };
            for line in chunk::lines(&lines) {
                scope.checkpoint()?;
                let row = json::decode_row(line).map_err(|error| format!("stored row: {error}"))?;
                rows.push(with_source(row, &source))?;
            }
        }
    }
}

/// How often to look whether the query must end, and how long to wait while the database is away.
const LOOK: std::time::Duration = std::time::Duration::from_millis(250);
const PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

fn is_known(live: &Live, artifact: &str) -> bool {
    let name = artifact.split('/').next().unwrap_or_default();
    peregrine_artifacts::queues::expected_kind(name).is_some() || live.core.artifacts.get(name).is_some()
}

/// The row, and its source if that has a name.
fn with_source(row: Row, source: &str) -> Row {
    if !source.contains('/') {
        return row;
    }
    let mut entries = row.entries();
    entries.retain(|(name, _)| name.as_ref() as &[u8] != b"_Source");
    entries.push(("_Source".into(), Value::from(source)));
    Row::from_pairs(entries)
}
