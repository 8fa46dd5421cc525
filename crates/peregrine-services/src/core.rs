//! What all services work with.

use crate::monitoring::TableCache;
use crate::servers::Membership;
use crate::storage::Storage;
use crate::table::ViewCache;
use crate::users::{Failures, Hasher, SpareSessions, Throttle};
use crate::{Result, audit};
use peregrine_artifacts::Repository;
use peregrine_artifacts::resources::Defaults;
use peregrine_wire::{Obfuscator, Vault};

/// The stores, the artifacts, and what is kept in memory about them; all of the latter can be lost.
pub struct Core {
    pub storage: Storage,
    pub artifacts: Repository,
    /// Hides names of artifacts from agents, where that is on.
    pub names: Option<Obfuscator>,
    pub settings: Settings,
    pub(crate) monitoring: TableCache,
    pub(crate) views: ViewCache,
    pub(crate) membership: Membership,
    /// Closes secrets that must be stored.
    pub(crate) vault: Vault,
    pub(crate) hasher: Hasher,
    pub(crate) throttle: Throttle,
    pub(crate) failures: Failures,
    pub(crate) spare_sessions: SpareSessions,
    pub(crate) kept_audit: audit::Kept,
}

/// What whoever runs the services decides.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Limits of a collection, when neither request nor artifact says anything.
    pub collection: Defaults,
    /// Agents count log lines that match it as errors.
    pub collection_error_regex: String,
    /// The monitoring table of a new deployment.
    pub monitoring: Vec<String>,
    /// Batching of event rows on agents (s), and the spread of it.
    pub event_max_wait: u64,
    pub event_max_wait_jitter: u64,
    /// The longest an agent waits between two polls (s).
    pub max_poll: u64,
    pub session_minutes: u64,
    /// The machine this runs on.
    pub host: String,
}

impl Core {
    /// Services over these stores; reads the stored monitoring table.
    pub async fn open(
        storage: Storage,
        artifacts: Repository,
        names: Option<Obfuscator>,
        vault: Vault,
        settings: Settings,
    ) -> Result<Core> {
        let membership = Membership::new(&storage, &settings.host)?;
        let core = Core {
            storage,
            artifacts,
            names,
            settings,
            monitoring: TableCache::default(),
            views: ViewCache::default(),
            membership,
            vault,
            hasher: Hasher::new(),
            throttle: Throttle::default(),
            failures: Failures::default(),
            spare_sessions: SpareSessions::default(),
            kept_audit: audit::Kept::default(),
        };
        core.monitoring.reload(&core).await?;
        Ok(core)
    }
}
