//! Facts the agent reports about its machine without being asked.

/// The fields of `Server.Internal.ClientInfo`.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct HostFacts {
    /// Short host name.
    pub hostname: String,
    /// Full name.
    pub fqdn: String,
    /// `linux`, `windows`, `darwin`.
    pub system: String,
    /// Platform and its version.
    pub release: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// The agent's name.
    pub client_name: String,
    /// The agent's version.
    pub client_version: String,
    /// Where the agent was built.
    pub build_url: String,
    /// When the agent was built.
    pub build_time: String,
    /// Unix seconds.
    pub install_time: u64,
    /// Labels of the configuration.
    pub labels: Vec<String>,
}
