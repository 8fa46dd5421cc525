//! Ids as types of their own, so that one cannot stand where another belongs. Text becomes an id at the door, and is
//! checked there; copies are cheap.

use super::{SERVER, flow_of_hunt, hunt_of_flow, is_flow_id, is_hunt_id, is_root_org, parent_flow, suffix};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Text that is not an id of the kind expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadId {
    kind: &'static str,
    form: &'static str,
    text: String,
}

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not the id of {}: {}", self.text, self.kind, self.form)
    }
}

impl std::error::Error for BadId {}

/// What every id that is text can do.
macro_rules! text_id {
    ($name:ident, $kind:literal, $form:literal, $check:expr) => {
        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<$name, BadId> {
                let check: fn(&str) -> Option<Arc<str>> = $check;
                check(text).map($name).ok_or_else(|| BadId {
                    kind: $kind,
                    form: $form,
                    text: text.chars().take(100).collect(),
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, text: &&str) -> bool {
                *self.0 == **text
            }
        }

        /// So that maps are searched by text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.as_str().to_owned()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// An organisation, to which all data of a server belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgId(Arc<str>);

/// A client: an endpoint, or the server itself where that is treated like one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

/// A collection on a client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(Arc<str>);

/// A hunt: a collection from many clients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HuntId(Arc<str>);

text_id!(
    OrgId,
    "an organisation",
    "it has at most 64 letters and digits",
    |text| {
        if is_root_org(text) {
            return Some(ROOT.into());
        }
        let is_plain = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_plain.then(|| text.into())
    }
);
text_id!(
    ClientId,
    "a client",
    "it is `C.` and at most 64 lower-case letters and digits, and `-` and its organisation unless that is the root; or `server`",
    |text| {
        let (client, org) = text.split_once('-').unwrap_or((text, "-"));
        let is_org = org == "-" || !is_root_org(org) && OrgId::from_str(org).is_ok();
        (text == SERVER || super::is_client_id(client) && is_org).then(|| text.into())
    }
);
text_id!(
    FlowId,
    "a collection",
    "it is `F.` and at most 64 capital letters and digits, and `.H` if a hunt started it",
    |text| (is_flow_id(text) && !text.contains('/')).then(|| text.into())
);
text_id!(
    HuntId,
    "a hunt",
    "it is `H.` and at most 64 capital letters and digits",
    |text| is_hunt_id(text).then(|| text.into())
);

/// Name of the organisation that always exists.
const ROOT: &str = "root";

impl OrgId {
    /// The organisation that always exists.
    pub fn root() -> OrgId {
        OrgId(ROOT.into())
    }
}

impl ClientId {
    /// The server itself, where it is treated like a client.
    pub fn server() -> ClientId {
        ClientId(SERVER.into())
    }

    /// Whether it is the server itself.
    pub fn is_server(&self) -> bool {
        &*self.0 == SERVER
    }
}

impl FlowId {
    /// A new one, which sorts by the time (Unix seconds) it is made at.
    pub fn new(seconds: u64, random: [u8; 4]) -> FlowId {
        FlowId(format!("F.{}", suffix(seconds, random)).into())
    }

    /// The collection to which a session on an agent belongs; none if it is a reserved session.
    pub fn of_session(session_id: &str) -> Option<FlowId> {
        is_flow_id(session_id).then(|| FlowId(parent_flow(session_id).into()))
    }

    /// The hunt whose id this one is made from; a hunt may also have collections with other ids.
    pub fn hunt_id(&self) -> Option<HuntId> {
        hunt_of_flow(&self.0).map(|hunt| HuntId(hunt.into()))
    }
}

impl HuntId {
    /// A new one, which sorts by the time (Unix seconds) it is made at.
    pub fn new(seconds: u64, random: [u8; 4]) -> HuntId {
        HuntId(format!("H.{}", suffix(seconds, random)).into())
    }

    /// The collection it starts, which has the same id on every client.
    pub fn flow_id(&self) -> FlowId {
        // A hunt id always yields one.
        FlowId(flow_of_hunt(&self.0).unwrap_or_default().into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MONITORING, STATUS};
    use super::*;

    #[test]
    fn an_organisation_is_plain_and_the_root_has_two_spellings() {
        assert_eq!("".parse(), Ok(OrgId::root()));
        assert_eq!("root".parse(), Ok(OrgId::root()));
        assert_eq!("O4B2".parse::<OrgId>().unwrap(), "O4B2");
        for bad in ["a b", "../x", "ä", "O'", &"x".repeat(65)] {
            assert!(bad.parse::<OrgId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_client_may_belong_to_an_organisation() {
        for good in ["C.1", "C.76968b7e6dd56f5a-OABCD", "server"] {
            assert_eq!(good.parse::<ClientId>().unwrap(), good);
        }
        for bad in [
            "", "C.", "C.A", "C.1-", "C.1-root", "C.1-a/b", "C.1-A-B", "F.A", "server-A",
        ] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad}");
        }
        let error = "C.\u{1}".parse::<ClientId>().unwrap_err().to_string();
        assert!(error.contains("is not the id of a client"), "{error}");
    }

    #[test]
    fn a_collection_is_neither_its_child_nor_a_reserved_session() {
        for good in ["F.CL9V2001081G8", "F.A.H"] {
            assert_eq!(good.parse::<FlowId>().unwrap(), good);
        }
        for bad in ["", "F.", "F.A/1", "C.1", MONITORING, STATUS] {
            assert!(bad.parse::<FlowId>().is_err(), "{bad}");
        }
        assert_eq!(FlowId::new(1_700_000_000, [1, 2, 3, 4]), "F.CL9V2001081G8");
        assert_eq!(FlowId::of_session("F.A/1"), "F.A".parse().ok());
        assert_eq!(FlowId::of_session(MONITORING), None);
        assert_eq!(FlowId::of_session("F.A/../x"), None);
    }

    #[test]
    fn a_hunt_and_its_collections_know_each_other() {
        let hunt: HuntId = "H.CL9V2001081G8".parse().unwrap();
        assert_eq!(hunt, HuntId::new(1_700_000_000, [1, 2, 3, 4]));
        assert_eq!(hunt.flow_id(), "F.CL9V2001081G8.H");
        assert_eq!(
            hunt.flow_id().as_str().parse::<FlowId>().unwrap().hunt_id(),
            Some(hunt)
        );
        assert_eq!("F.CL9V2001081G8".parse::<FlowId>().unwrap().hunt_id(), None);
        for bad in ["", "H.", "H.a", "H.A.B", "F.A"] {
            assert!(bad.parse::<HuntId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_are_text_in_json_and_are_checked_when_read() {
        let ids: (ClientId, FlowId) = serde_json::from_str(r#"["C.1", "F.A"]"#).unwrap();
        assert_eq!(serde_json::to_string(&ids).unwrap(), r#"["C.1","F.A"]"#);
        let swapped = serde_json::from_str::<(ClientId, FlowId)>(r#"["F.A", "C.1"]"#);
        assert!(
            swapped
                .unwrap_err()
                .to_string()
                .contains("`F.A` is not the id of a client")
        );
    }
}
