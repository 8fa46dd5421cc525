//! Alerts: log lines of level ALERT, whoever writes them, are also rows of a queue, stored under the client `server`.

use super::{digest, timestamp};
use crate::{Core, Result, clock, flows};
use peregrine_artifacts::Kind;
use peregrine_store::chunk::Chunk;
use peregrine_store::{ClientId, Effect, FlowId, Micros};
use serde_json::{Map, Value, json};

/// The queue of alerts.
pub const ALERTS: &str = "Server.Internal.Alerts";
/// Bytes of a message that is taken apart; a longer one only gives its name.
const MAX_MESSAGE: usize = 1 << 20;
/// Bytes of a name made of a text.
const MAX_NAME: usize = 1000;

/// Where an alert was raised.
#[derive(Debug, Clone, Default)]
pub struct Origin<'a> {
    /// The client; `server` if empty.
    pub client_id: Option<&'a ClientId>,
    pub flow_id: Option<&'a FlowId>,
    /// `Artifact/Source`, if known.
    pub artifact: &'a str,
    pub kind: Option<Kind>,
    /// The user whose query it was.
    pub principal: Option<&'a str>,
}

/// The row of an alert as a line: `message` is what `alert()` logs, a JSON object, or any other text, which becomes the name.
#[must_use]
pub fn alert_line(origin: &Origin<'_>, message: &str, at: Micros) -> String {
    let (name, time, data) = take_apart(message);
    let server = ClientId::server();
    let kind = origin.kind.map(|kind| kind.as_str().to_uppercase());
    let mut row = json!({
        "client_id": origin.client_id.unwrap_or(&server),
        "name": name,
        "timestamp": time.unwrap_or_else(|| json!(at / 1_000_000)),
        "event_data": data,
        "artifact": origin.artifact,
        "artifact_type": kind.unwrap_or_default(),
        "flow_id": origin.flow_id.map_or("", FlowId::as_str),
        "assigned_user": "",
        "actioned": false,
    });
    if let Some(principal) = origin.principal {
        row["_Sender"] = json!(principal);
    }
    let mut line = row.to_string();
    line.pop();
    line + &format!(",\"_ts\":{}}}\n", timestamp(at))
}

/// Name, time and data of a message.
fn take_apart(message: &str) -> (String, Option<Value>, Value) {
    let parsed = Some(message).filter(|message| message.len() <= MAX_MESSAGE);
    let parsed = parsed.and_then(|message| serde_json::from_str::<Map<String, Value>>(message).ok());
    if let Some(mut alert) = parsed
        && let Some(Value::String(name)) = alert.remove("name")
    {
        let data = alert.remove("event_data").unwrap_or_else(|| json!({}));
        return (name, alert.remove("timestamp"), data);
    }
    let name = message.trim();
    let name = name.get(..name.floor_char_boundary(MAX_NAME)).unwrap_or_default();
    (name.to_owned(), None, json!({}))
}

/// Stores alerts of a client, together with what else comes with them. `digest` identifies them.
pub fn alerts(lines: &str, digest: [u8; 16], at: Micros) -> Result<Effect> {
    Ok(Effect::ServerEvents {
        source: ALERTS.to_owned(),
        digest,
        at,
        chunk: Chunk::pack(lines.as_bytes())?,
    })
}

/// Stores an alert of a query on this server.
pub async fn raise(core: &Core, origin: &Origin<'_>, message: &str) -> Result<()> {
    let now = clock::now();
    let alert = alerts(&alert_line(origin, message, now), digest()?, now)?;
    flows::store(core, &ClientId::server(), vec![alert]).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row(message: &str) -> Value {
        serde_json::from_str(&alert_line(&Origin::default(), message, 1_500_000)).unwrap()
    }

    #[test]
    fn what_alert_logs_is_taken_apart() {
        let client_id = "C.0000000000000001".parse().unwrap();
        let origin = Origin {
            client_id: Some(&client_id),
            artifact: "A/S",
            kind: Some(Kind::ClientEvent),
            ..Origin::default()
        };
        let message = r#"{"name":"N","timestamp":"2020","event_data":{"b":1,"a":[]},"client_id":"C.2"}"#;
        let line = alert_line(&origin, message, 1_500_000);
        let expected = concat!(
            r#"{"client_id":"C.0000000000000001","name":"N","timestamp":"2020","event_data":{"b":1,"a":[]},"artifact":"A/S","#,
            r#""artifact_type":"CLIENT_EVENT","flow_id":"","assigned_user":"","actioned":false,"_ts":1.500000}"#,
            "\n"
        );
        assert_eq!(line, expected);
    }

    #[test]
    fn any_other_text_is_a_name() {
        let cut = format!(r#"{{"name":"N","event_data":"{}"#, "x".repeat(3000));
        for text in ["disk full\n", r#"{"name":1}"#, "[1]", "", &cut] {
            let row = row(text);
            let name = row["name"].as_str().unwrap();
            assert!(text.starts_with(name) && name.len() <= MAX_NAME, "{row}");
            assert_eq!((&row["event_data"], &row["timestamp"]), (&json!({}), &json!(1)));
            assert_eq!(row["client_id"], "server");
        }
        let deep = format!(r#"{{"name":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
        assert_eq!(row(&deep)["name"].as_str().unwrap().len(), MAX_NAME);
    }
}
