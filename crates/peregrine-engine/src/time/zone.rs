//! The zone of times that do not name one.

use crate::scope::Scope;
use crate::value::ZoneId;

/// The zone named by `PARSE_TZ`, else `TZ`, else UTC, from the current values of these variables.
#[must_use]
pub fn parse_zone(scope: &Scope) -> ZoneId {
    struct Named(Option<ZoneId>);
    // Finding a zone costs more than finding a variable, and an unknown zone is reported only once.
    let named = |name: &str, complain: &dyn Fn()| {
        let known = scope.cache(name, || {
            let zone = ZoneId::named(name);
            if zone.is_none() {
                complain();
            }
            Named(zone)
        });
        known.0
    };
    if let Some(name) = scope.get_text("PARSE_TZ") {
        let complain = || {
            scope.log_line(&format!(
                "Unable to load timezone from PARSE_TZ {name}: unknown time zone {name}, using UTC"
            ));
        };
        return named(&name, &complain).unwrap_or(ZoneId::UTC);
    }
    scope
        .get_text("TZ")
        .and_then(|name| named(&name, &|| ()))
        .unwrap_or(ZoneId::UTC)
}
