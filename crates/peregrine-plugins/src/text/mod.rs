//! Text files: lines, CSV, JSON, records; reading, watching and writing.

mod csv_files;
mod csv_record;
mod json_rows;
mod lines;
mod parse_csv;
mod parse_json_array;
mod parse_jsonl;
mod parse_lines;
mod parse_records_with_regex;
mod plist;
mod split_records;
mod tail;
mod watch_csv;
mod watch_jsonl;
mod watch_syslog;
mod write_csv;
mod write_jsonl;
mod writer;

use peregrine_engine::prelude::*;

pub(crate) const PLUGINS: &[PluginDef] = plugins![
    parse_csv::ParseCsv,
    parse_json_array::ParseJsonArray,
    parse_jsonl::ParseJsonl,
    parse_lines::ParseLines,
    parse_records_with_regex::ParseRecordsWithRegex,
    plist::Plist,
    split_records::SplitRecords,
    watch_csv::WatchCsv,
    watch_jsonl::WatchJsonl,
    watch_syslog::WatchSyslog,
    write_csv::WriteCsv,
    write_jsonl::WriteJsonl,
];
