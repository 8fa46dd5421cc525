//! VQL that runs on the server.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Body of `POST queries`. The answer is a stream of [`QueryLine`]s, one JSON object per line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct QueryRequest {
    /// The statements; they share one scope.
    pub vql: String,
    /// Text variables of the query.
    #[cfg_attr(test, ts(optional, as = "Option<BTreeMap<String, String>>"))]
    pub env: BTreeMap<String, String>,
    /// Most seconds the query may take; 0 for the server's limit.
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub timeout: u64,
    /// Most rows; 0 for the server's limit.
    #[cfg_attr(test, ts(optional, as = "Option<u64>"))]
    pub max_rows: u64,
}

/// A line of the answer to a query. An empty line means that the query still runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum QueryLine {
    /// The first line.
    Started(QueryStarted),
    /// A row, with its columns in order.
    Row(#[cfg_attr(test, ts(type = "{ [column: string]: Json }"))] Value),
    /// A statement that yields rows has ended; further rows belong to the next one.
    Next(NextStatement),
    /// A message of the query.
    Log(QueryMessage),
    /// The last line. Without it, the answer is not complete.
    Ended(QueryEnded),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct QueryStarted {
    /// Names the query in the list of running ones.
    pub query_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NextStatement {
    /// The number of statements that have ended.
    pub statement: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct QueryMessage {
    /// `DEFAULT`, `ERROR`, `WARN`, `INFO`, `DEBUG` or `ALERT`.
    pub level: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct QueryEnded {
    pub reason: QueryEnd,
    /// Rows it yielded.
    pub rows: u64,
    /// Why it ended before it was complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub message: Option<String>,
}

/// Why a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum QueryEnd {
    /// It yielded everything.
    Complete,
    /// A user or the stop of the server ended it.
    Cancelled,
    /// It took longer than it may.
    TimedOut,
    /// It yielded more rows than it may.
    TooManyRows,
    /// It held more memory than it may.
    OutOfMemory,
    /// A bug in the server; its log has more.
    Failed,
}

/// Answer to `GET queries`: the queries that run on all servers, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RunningQueries {
    pub queries: Vec<RunningQuery>,
}

/// A query that runs on a server. One that runs on another server is listed a second after it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RunningQuery {
    pub query_id: String,
    /// On whose behalf it runs.
    pub principal: String,
    /// Its text, perhaps shortened.
    pub vql: String,
    pub started: String,
    /// The server that runs it.
    pub server_id: String,
    /// Rows so far, if it runs on the server that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub rows: Option<u64>,
    /// Bytes it holds, if it runs on the server that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub memory: Option<u64>,
}
