//! A line of the audit log.

use crate::model::Micros;

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Number, in order of writing; ignored when written.
    pub id: i64,
    /// When.
    pub time: Micros,
    /// Who.
    pub principal: String,
    /// What.
    pub operation: String,
    /// Details (JSON).
    pub detail: String,
    /// From where.
    pub ip: String,
}
