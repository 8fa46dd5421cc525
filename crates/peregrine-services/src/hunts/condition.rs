//! Which clients a hunt is for.

use crate::users::{Permission, Principal};
use crate::{Core, Error, Result};
use peregrine_api::hunts::{self as api, HuntEstimate, HuntOs};
use peregrine_store::HuntCondition;

/// Labels in a condition, and bytes of each.
const MAX_LABELS: usize = 100;
const MAX_LABEL: usize = 200;

/// How many clients match a condition, and how many of them are connected.
pub async fn estimate(
    core: &Core,
    principal: &Principal,
    condition: &api::HuntCondition,
) -> Result<HuntEstimate> {
    principal.authorize(Permission::ReadResults)?;
    let found = core.storage.database.count_matching(checked(condition)?).await?;
    Ok(HuntEstimate {
        clients: found.clients,
        online: found.online,
    })
}

/// The condition as it is stored.
pub(super) fn checked(condition: &api::HuntCondition) -> Result<HuntCondition> {
    let is_odd = |label: &String| label.trim().is_empty() || label.len() > MAX_LABEL;
    for labels in [&condition.labels, &condition.excluded_labels] {
        if labels.len() > MAX_LABELS || labels.iter().any(is_odd) {
            return Err(Error::BadRequest(format!(
                "labels of a condition must not be empty and have at most {MAX_LABEL} bytes; at most {MAX_LABELS} are possible"
            )));
        }
    }
    Ok(HuntCondition {
        labels: condition.labels.clone(),
        excluded_labels: condition.excluded_labels.clone(),
        os: condition.os.map(|os| os.name().to_owned()),
    })
}

/// A stored condition for the API.
pub(super) fn shown(condition: HuntCondition) -> api::HuntCondition {
    let named = |name: &str| {
        let all = [HuntOs::Linux, HuntOs::Windows, HuntOs::Darwin];
        all.into_iter().find(|os| os.name() == name)
    };
    api::HuntCondition {
        labels: condition.labels,
        excluded_labels: condition.excluded_labels,
        os: condition.os.as_deref().and_then(named),
    }
}
