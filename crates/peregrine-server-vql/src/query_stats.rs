//! What a client reported of the queries of a collection.

use peregrine_engine::prelude::*;
use peregrine_proto::VeloStatus;
use peregrine_proto::velo_status::ReturnedStatus;

use crate::records::texts;

pub(crate) struct QueryStats(Vec<VeloStatus>);

impl QueryStats {
    /// Reads the stored JSON.
    pub(crate) fn parse(stored: &str) -> QueryStats {
        QueryStats(serde_json::from_str(stored).unwrap_or_default())
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Number of queries that have not ended.
    pub(crate) fn running(&self) -> u64 {
        let is_running = |query: &&VeloStatus| query.status() == ReturnedStatus::Progress;
        self.0.iter().filter(is_running).count() as u64
    }

    /// Of the first query that has one.
    pub(crate) fn backtrace(&self) -> &str {
        let mut backtraces = self.0.iter().map(|query| query.backtrace.as_str());
        backtraces.find(|text| !text.is_empty()).unwrap_or_default()
    }

    pub(crate) fn expected_uploaded_bytes(&self) -> i64 {
        let bytes = self.0.iter().map(|query| query.expected_uploaded_bytes);
        bytes.fold(0, i64::saturating_add)
    }

    pub(crate) fn outstanding_transactions(&self) -> u64 {
        let outstanding = self.0.iter().map(|query| query.transactions_outstanding);
        outstanding.fold(0, u64::saturating_add)
    }

    /// With all members, which the stored form leaves out if they are zero.
    pub(crate) fn to_value(&self) -> Value {
        self.0.iter().map(|query| Value::Dict(record(query))).collect()
    }
}

fn record(query: &VeloStatus) -> Dict {
    Dict::from_pairs([
        ("status", Value::from(query.status().as_str_name())),
        ("error_message", Value::from(query.error_message.as_str())),
        ("backtrace", Value::from(query.backtrace.as_str())),
        ("duration", Value::Int(query.duration)),
        ("last_active", Value::from(query.last_active)),
        ("first_active", Value::from(query.first_active)),
        ("names_with_response", texts(&query.names_with_response)),
        ("Artifact", Value::from(query.artifact.as_str())),
        ("log_rows", Value::Int(query.log_rows)),
        ("uploaded_files", Value::Int(query.uploaded_files)),
        ("uploaded_bytes", Value::Int(query.uploaded_bytes)),
        (
            "expected_uploaded_bytes",
            Value::Int(query.expected_uploaded_bytes),
        ),
        ("result_rows", Value::Int(query.result_rows)),
        ("query_id", Value::Int(query.query_id)),
        ("total_queries", Value::Int(query.total_queries)),
        (
            "transactions_outstanding",
            Value::from(query.transactions_outstanding),
        ),
    ])
}
