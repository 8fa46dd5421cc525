//! Reads the text of a remapping strictly: a typing error must not silently leave the machine's own files
//! accessible.

use super::RemapError;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Even a mount for every hive of every account on a busy server is far below this.
const MAX_RULES: usize = 4096;
/// Maximum size of a text in bytes.
const MAX_BYTES: usize = 4 << 20;
/// The other sections of a configuration file. Their content does not matter here.
const SECTIONS: [&str; 27] = [
    "version",
    "Client",
    "API",
    "GUI",
    "CA",
    "Frontend",
    "Datastore",
    "Logging",
    "Minion",
    "Monitoring",
    "Mail",
    "ExtraFrontends",
    "autocert_cert_cache",
    "autoexec",
    "server_type",
    "obfuscation_nonce",
    "defaults",
    "security",
    "lockdown",
    "verbose",
    "debug_mode",
    "services",
    "org_id",
    "org_name",
    "api_config",
    "Writeback",
    "analysis_target",
];

/// A rule as written.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuleText {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<PlaceText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on: Option<PlaceText>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) scope: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) permissions: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) os: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) hostname: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) env: Vec<PairText>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) disabled_functions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) disabled_plugins: Vec<String>,
}

/// An accessor and a path as written.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PlaceText {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) accessor: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) prefix: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) path_type: String,
}

/// A variable as written.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PairText {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

impl RuleText {
    /// An error if it has a key that is meaningless for its type, because its author expects it to have an
    /// effect.
    pub(super) fn only_what_belongs_to_its_type(&self) -> Result<(), String> {
        let is_mount = self.kind == "mount";
        let has_places = is_mount || self.kind == "shadow";
        let is_identity = self.kind == "impersonation";
        let keys = [
            ("from", self.from.is_some(), has_places),
            ("on", self.on.is_some(), has_places),
            ("scope", !self.scope.is_empty(), is_mount),
            (
                "permissions",
                !self.permissions.is_empty(),
                self.kind == "permissions",
            ),
            ("os", !self.os.is_empty(), is_identity),
            ("hostname", !self.hostname.is_empty(), is_identity),
            ("env", !self.env.is_empty(), is_identity),
            (
                "disabled_functions",
                !self.disabled_functions.is_empty(),
                is_identity,
            ),
            ("disabled_plugins", !self.disabled_plugins.is_empty(), is_identity),
        ];
        let is_known = has_places || is_identity || self.kind == "permissions";
        let stray = keys
            .into_iter()
            .find(|(_, is_there, belongs)| *is_there && !belongs);
        match stray {
            Some((key, ..)) if is_known => {
                let kind = &self.kind;
                Err(format!(
                    "`{key}` has no meaning in a rule of type `{kind}`; take it out"
                ))
            }
            _ => Ok(()),
        }
    }
}

/// The rules of a text.
pub(super) fn read(text: &str) -> Result<Vec<RuleText>, RemapError> {
    if text.len() > MAX_BYTES {
        let length = text.len();
        return Err(RemapError::Text(format!(
            "a remapping of {length} bytes is too large; the limit is {MAX_BYTES}"
        )));
    }
    let mut options = serde_saphyr::options! { strict_booleans: true };
    options.with_snippet = false;
    match serde_saphyr::from_str_with_options::<Document>(text, options) {
        Ok(document) => Ok(document.0),
        Err(error) => {
            let message = error.to_string();
            let message = message.strip_prefix("error: ").unwrap_or(&message);
            Err(RemapError::Text(format!(
                "the remapping could not be read: {}",
                message.lines().next().unwrap_or_default()
            )))
        }
    }
}

/// A list of rules, or a configuration that contains one.
struct Document(Vec<RuleText>);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_any(DocumentVisitor).map(Document)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Vec<RuleText>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rules, or a configuration with `remappings`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut rules = Vec::new();
        while let Some(rule) = list.next_element()? {
            if rules.len() == MAX_RULES {
                return Err(de::Error::custom(format_args!("more than {MAX_RULES} rules")));
            }
            rules.push(rule);
        }
        Ok(rules)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rules = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "remappings" if rules.is_some() => return Err(de::Error::duplicate_field("remappings")),
                "remappings" => rules = Some(map.next_value::<RuleList>()?.0),
                known if SECTIONS.contains(&known) => {
                    map.next_value::<IgnoredAny>()?;
                }
                other => {
                    return Err(de::Error::custom(format_args!(
                        "unknown key `{other}`; write a list of rules, or a configuration with `remappings`"
                    )));
                }
            }
        }
        rules.ok_or_else(|| de::Error::missing_field("remappings"))
    }
}

/// Only the list.
struct RuleList(Vec<RuleText>);

impl<'de> Deserialize<'de> for RuleList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RuleList, D::Error> {
        struct Only;
        impl<'de> Visitor<'de> for Only {
            type Value = Vec<RuleText>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rules")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                DocumentVisitor.visit_seq(list)
            }
        }
        deserializer.deserialize_seq(Only).map(RuleList)
    }
}
