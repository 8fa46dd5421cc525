//! The zone of times that name none.

use crate::scope::Scope;
use crate::value::ZoneId;

/// The zone named by `PARSE_TZ`, else `TZ`, else UTC; read once per query.
#[must_use]
pub fn parse_zone(scope: &Scope) -> ZoneId {
    struct ParseZone(ZoneId);
    scope.cache("", || ParseZone(read(scope))).0
}

fn read(scope: &Scope) -> ZoneId {
    if let Some(name) = scope.get_text("PARSE_TZ") {
        return ZoneId::named(&name).unwrap_or_else(|| {
            scope.log_line(&format!(
                "Unable to load timezone from PARSE_TZ {name}: unknown time zone {name}, using UTC"
            ));
            ZoneId::UTC
        });
    }
    scope
        .get_text("TZ")
        .and_then(|name| ZoneId::named(&name))
        .unwrap_or(ZoneId::UTC)
}
