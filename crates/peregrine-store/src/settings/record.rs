//! A line of the audit log.

use crate::model::Micros;

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Number, in order of writing; ignored when an entry is appended.
    pub id: i64,
    /// When it was done.
    pub time: Micros,
    /// The user or program that did it.
    pub principal: String,
    /// Name of the operation.
    pub operation: String,
    /// Details of the operation (JSON).
    pub detail: String,
    /// Address it was done from.
    pub ip: String,
}
