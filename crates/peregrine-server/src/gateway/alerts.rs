//! Alerts among the log lines that agents send.

use super::accounts::{Accounts, Stop};
use peregrine_proto::LogMessage;
use peregrine_services::events::{Origin, alert_line};
use peregrine_store::Micros;
use peregrine_wire::Obfuscator;
use serde::Deserialize;

/// The level, as it stands in a line.
const ALERT: &str = "\"ALERT\"";
/// Cost of an alert beside its text: its row has more members than its line.
const COST: u64 = 512;

/// What matters of a line.
#[derive(Deserialize)]
struct Line {
    level: String,
    message: String,
}

/// Whether to look closer. Nearly no log has any, and each is searched for this word only.
pub(super) fn may_be_in(log: &LogMessage) -> bool {
    log.level == "ALERT" || log.jsonl.contains(ALERT)
}

/// The rows of the alerts in a log.
pub(super) fn lines(
    names: Option<&Obfuscator>,
    log: &LogMessage,
    origin: &Origin<'_>,
    now: Micros,
    accounts: &mut Accounts,
) -> Result<String, Stop> {
    let mut found = String::new();
    let mut add = |message: &str| {
        accounts.charge_row(COST + message.len() as u64)?;
        let revealed = names.map(|names| names.reveal_within(message));
        found += &alert_line(origin, revealed.as_deref().unwrap_or(message), now);
        Ok(())
    };
    if log.jsonl.is_empty() {
        add(&log.message)?;
    }
    for line in log.jsonl.lines().filter(|line| line.contains(ALERT)) {
        match serde_json::from_str::<Line>(line) {
            Ok(line) if line.level == "ALERT" => add(&line.message)?,
            _ => {}
        }
    }
    Ok(found)
}
