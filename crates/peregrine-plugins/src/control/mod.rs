//! Plugins that shape the rows of other queries.

mod batch;
mod clock;
mod column_filter;
mod dedup;
mod delay;
mod diff;
mod fifo;
mod r#for;
mod help;
mod sample;
mod sequence;
mod stream;

use peregrine_engine::prelude::*;

pub(crate) const PLUGINS: &[PluginDef] = plugins![
    batch::Batch,
    clock::Clock,
    column_filter::ColumnFilter,
    dedup::Dedup,
    delay::Delay,
    diff::Diff,
    fifo::Fifo,
    r#for::For,
    help::Help,
    sample::Sample,
    sequence::Sequence,
];
