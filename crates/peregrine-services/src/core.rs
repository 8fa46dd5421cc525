//! [`Core`], the context that every service function takes.

use crate::events::{ToTell, Watches};
use crate::hunts::StaleHunts;
use crate::monitoring::TableCache;
use crate::servers::Membership;
use crate::storage::Storage;
use crate::table::ViewCache;
use crate::users::{Failures, Hasher, SpareSessions, Throttle};
use crate::{Result, audit};
use peregrine_artifacts::Repository;
use peregrine_artifacts::resources::Defaults;
use peregrine_store::{ClientId, FlowId, HuntId};
use peregrine_wire::{Obfuscator, Vault};

/// The stores, the artifacts, and caches over them. Losing the in-memory parts loses no stored data.
pub struct Core {
    pub storage: Storage,
    pub artifacts: Repository,
    /// Hides artifact names from agents, if configured.
    pub names: Option<Obfuscator>,
    pub settings: Settings,
    pub(crate) monitoring: TableCache,
    pub(crate) watches: Watches,
    /// Collections that have ended; those that are not remembered here are found in the database later.
    pub ended: ToTell<(ClientId, FlowId)>,
    /// Hunts that were created.
    pub new_hunts: ToTell<HuntId>,
    pub(crate) views: ViewCache,
    /// Hunts whose totals are out of date.
    pub(crate) stale_hunts: StaleHunts,
    pub(crate) membership: Membership,
    /// Encrypts secrets that must be stored.
    pub(crate) vault: Vault,
    pub(crate) hasher: Hasher,
    pub(crate) throttle: Throttle,
    pub(crate) failures: Failures,
    pub(crate) spare_sessions: SpareSessions,
    pub(crate) kept_audit: audit::KeptEntries,
}

/// Settings from the program that runs the services.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Limits of a collection where neither request nor artifact sets any.
    pub collection: Defaults,
    /// Agents count log lines that match this as errors.
    pub collection_error_regex: String,
    /// Artifacts in the tables of client and of server monitoring of a new deployment.
    pub monitoring: Vec<String>,
    pub server_monitoring: Vec<String>,
    /// How long agents gather event rows before they send them (s), and the random addition to that.
    pub event_max_wait: u64,
    pub event_max_wait_jitter: u64,
    /// The longest an agent waits between two polls (s).
    pub max_poll: u64,
    pub session_minutes: u64,
    /// How long a hunt runs that does not say (h); 0 for a week.
    pub hunt_expiry_hours: u64,
    /// How long events are kept (d); 0 for ever.
    pub event_days: u64,
    /// Name of this machine, shown to the other servers.
    pub host: String,
}

impl Core {
    /// Opens the services over these stores; loads the stored monitoring table.
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
            watches: Watches::default(),
            ended: ToTell::default(),
            new_hunts: ToTell::default(),
            views: ViewCache::default(),
            stale_hunts: StaleHunts::default(),
            membership,
            vault,
            hasher: Hasher::new(),
            throttle: Throttle::default(),
            failures: Failures::default(),
            spare_sessions: SpareSessions::default(),
            kept_audit: audit::KeptEntries::default(),
        };
        core.monitoring.reload(&core).await?;
        Ok(core)
    }
}
