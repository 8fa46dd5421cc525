//! Plugins, one per file.

mod chain;
mod flatten;
mod foreach;
mod r#if;
mod items;
mod query;
mod range;
mod scope;
mod switch;

use crate::prelude::*;

/// Every plugin of the language.
pub(super) const ALL: &[PluginDef] = plugins![
    chain::Chain,
    chain::Combine,
    flatten::Flatten,
    foreach::Foreach,
    r#if::If,
    items::Items,
    query::RunQuery,
    range::Range,
    scope::ScopeRow,
    switch::Switch,
];
