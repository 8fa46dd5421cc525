//! Ids of clients, flows, hunts and organisations: their format, and the reserved ones.

mod typed;

use data_encoding::BASE32HEX;
pub use typed::{BadId, ClientId, FlowId, HuntId, OrgId};

/// The pseudo client that represents the server.
pub const SERVER: &str = "server";
/// Session of enrolment requests.
pub const ENROLMENT: &str = "E:Enrol";
/// Session of foreman check-ins.
pub const FOREMAN: &str = "E.Foreman";
/// Session of all event monitoring traffic.
pub const MONITORING: &str = "F.Monitoring";
/// Session of questions about flows in flight.
pub const STATUS: &str = "F.Status";

/// `request_id` values: informational, but always sent.
pub mod request {
    /// A request to run VQL.
    pub const QUERY: u64 = 1;
    /// Upload traffic.
    pub const UPLOAD: u64 = 5;
    /// An answer that nobody waits for.
    pub const IGNORED: u64 = 101;
    /// Log batches.
    pub const LOG: u64 = 980;
    /// Progress reports.
    pub const STATS: u64 = 981;
}

/// Whether this is a client's bare id, without an organisation: `C.` followed by lower-case letters and
/// digits.
pub fn is_client_id(text: &str) -> bool {
    text.strip_prefix("C.").is_some_and(|rest| {
        (1..=64).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// Whether this is the root organisation, which has two spellings.
pub fn is_root_org(org: &str) -> bool {
    org.is_empty() || org == "root"
}

/// How a server refers to a client of an organisation.
pub fn in_org(client_id: &str, org: &str) -> String {
    if is_root_org(org) {
        client_id.to_owned()
    } else {
        format!("{client_id}-{org}")
    }
}

/// The suffix for a time (Unix seconds) and four random bytes.
pub fn suffix(seconds: u64, random: [u8; 4]) -> String {
    let [.., a, b, c, d] = seconds.to_be_bytes();
    let [e, f, g, h] = random;
    let mut text = BASE32HEX.encode(&[a, b, c, d, e, f, g, h]);
    text.truncate(13);
    text
}

/// The flow a hunt starts on every client it reaches; `None` if this is not a hunt id.
fn flow_of_hunt(hunt_id: &str) -> Option<String> {
    is_hunt_id(hunt_id).then(|| format!("F.{}.H", &hunt_id[2..]))
}

/// The hunt that started a flow, if one did.
fn hunt_of_flow(flow_id: &str) -> Option<String> {
    let suffix = parent_flow(flow_id).strip_prefix("F.")?.strip_suffix(".H")?;
    is_suffix(suffix).then(|| format!("H.{suffix}"))
}

/// The flow whose results contain those of this session: the part before `/`.
pub fn parent_flow(session_id: &str) -> &str {
    session_id.split('/').next().unwrap_or(session_id)
}

/// Whether this is a flow id (not a reserved session): `F.` and a suffix, optionally `.H`, optionally
/// `/child`.
///
/// Suffixes we did not make may have any length up to 64, so that flows of other servers can be imported.
pub fn is_flow_id(text: &str) -> bool {
    let (flow, child) = text.split_once('/').unwrap_or((text, "0"));
    let Some(body) = flow.strip_prefix("F.") else {
        return false;
    };
    is_suffix(body.strip_suffix(".H").unwrap_or(body))
        && !child.is_empty()
        && child.len() <= 64
        && child.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/')
}

/// Whether this is a hunt id: `H.` and a suffix.
pub fn is_hunt_id(text: &str) -> bool {
    text.strip_prefix("H.").is_some_and(is_suffix)
}

fn is_suffix(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_specification() {
        assert_eq!(suffix(1_700_000_000, [1, 2, 3, 4]), "CL9V2001081G8");
    }

    #[test]
    fn ids_are_recognised() {
        assert!(is_client_id("C.76968b7e6dd56f5a"));
        for bad in [
            "",
            "C.",
            "C.76968b7e6dd56f5a-OABCD",
            "C.ABC",
            "server",
            "C.a/b",
            "C.\u{e9}",
        ] {
            assert!(!is_client_id(bad), "{bad}");
        }
        let flow = format!("F.{}", suffix(1_700_000_000, [1, 2, 3, 4]));
        assert!(is_flow_id(&flow) && is_flow_id(&format!("{flow}/2")) && is_flow_id("F.CL9V2001081G8.H"));
        for bad in [
            "F.",
            MONITORING,
            STATUS,
            "H.CL9V2001081G8",
            "F.A/",
            "F.A/..",
            "F.A.B.H",
        ] {
            assert!(!is_flow_id(bad), "{bad}");
        }
        let hunt = "H.CL9V2001081G8";
        assert!(is_hunt_id(hunt));
        assert_eq!(hunt_of_flow(&flow_of_hunt(hunt).unwrap()).as_deref(), Some(hunt));
        assert_eq!(hunt_of_flow(&flow), None);
        assert_eq!(parent_flow("F.A/3"), "F.A");
        assert_eq!(in_org("C.1", "root"), "C.1");
        assert_eq!(in_org("C.1", "OABC0"), "C.1-OABC0");
    }
}
