//! FROM: plugins, stored queries and values as sources of rows.

use std::sync::atomic::Ordering;

use super::call::{call_args, let_query, report};
use super::explain;
use super::expr::members;
use super::node::{ArgsNode, SourceNode};
use super::overflow;
use crate::call::{ArgValue, CallArgs, Platforms, PluginDef, VqlError};
use crate::query::{Query, RowSink, Stop};
use crate::scope::Scope;
use crate::value::{PositionCache, Row, Str, Value};

impl SourceNode {
    /// Pushes the source's rows.
    pub(crate) fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        if self.args.is_some() && scope.context().disabled.plugin(&self.text) {
            super::call::log_once(scope, &format!("Call to plugin {} disabled", self.text));
            return Ok(());
        }
        if let (Some(args), Some(stand_ins)) = (&self.args, &scope.context().stand_ins)
            && let Some(stand_in) = stand_ins.plugin(&self.text)
        {
            return self.run_callable(&stand_in, args, scope, rows);
        }
        if let (Some(args), Some(def)) = (&self.args, self.plugin_def(scope)) {
            return run_plugin(def, args, scope, rows);
        }
        let Some(first) = scope.lookup(&self.name, &PositionCache::default()) else {
            if let Some(end) = scope.end_of_message(self.site) {
                self.first_not_found(scope);
                self.not_found(scope, end);
            }
            return Ok(());
        };
        let found = if self.members.is_empty() {
            Some(first)
        } else {
            members(first.reduce(scope), &self.members, scope)
        };
        let Some(value) = found else {
            if let Some(end) = scope.end_of_message(self.site) {
                self.not_found(scope, end);
            }
            return Ok(());
        };
        match &self.args {
            None => rows_of_value(value, scope, rows),
            Some(args) => self.run_callable(&value, args, scope, rows),
        }
    }

    fn run_callable(
        &self,
        value: &Value,
        args: &ArgsNode,
        scope: &Scope,
        rows: &mut dyn RowSink,
    ) -> Result<(), Stop> {
        let Ok(args) = evaluated_args(args, scope, &self.text) else {
            return Ok(());
        };
        let args = CallArgs::new(scope, &args);
        match value {
            Value::Query(query) => {
                if let Some(stored) = let_query(query) {
                    return crate::stack::grow(|| stored.run_with(scope, &args, rows));
                }
            }
            Value::Lazy(lazy) => return rows_of_value(lazy.call(scope, &args), scope, rows),
            Value::Object(object) => match object.run(scope, &args, rows) {
                Some(Ok(())) => return Ok(()),
                Some(Err(VqlError::Stopped)) => return Err(Stop),
                Some(Err(error)) => {
                    report(scope, &self.text, error);
                    return Ok(());
                }
                None => {}
            },
            _ => {}
        }
        if let Some(end) = scope.end_of_message(self.site) {
            let text = &self.text;
            scope.log_line(&format!("ERROR:Symbol {text} is not callable as a plugin{end}"));
        }
        Ok(())
    }

    fn plugin_def(&self, scope: &Scope) -> Option<&'static PluginDef> {
        if !self.members.is_empty() {
            return None;
        }
        let registry = scope.context().registry();
        let find = || registry.plugin(&self.name.as_utf8_lossy());
        let (id, known) = *self.plugin.get_or_init(|| (registry.id(), find()));
        if id == registry.id() { known } else { find() }
    }

    fn first_not_found(&self, scope: &Scope) {
        let layers = scope.describe_layers();
        let (text, name) = (&self.text, &self.name);
        scope.log_line(&if self.members.is_empty() {
            let why = scope.context().registry().why_unknown(text);
            format!("ERROR:Plugin {text} not found{why}. Current Scope is {layers}")
        } else {
            format!("ERROR:While resolving {text} Plugin {name} not found. Current Scope is {layers}")
        });
    }

    fn not_found(&self, scope: &Scope, end: &str) {
        let registry = scope.context().registry();
        let text = &self.text;
        let mut message = format!("ERROR:Plugin {text} not found. ");
        let parts: Vec<&str> = text.split('_').filter(|part| !part.is_empty()).collect();
        let similar: Vec<&str> = registry
            .plugins()
            .map(|def| def.name)
            .filter(|name| parts.iter().any(|part| name.contains(part)))
            .collect();
        if !similar.is_empty() {
            message.push_str(&format!("Did you mean {}? ", similar.join(" ")));
        }
        if registry.function(text).is_some() {
            message.push_str(&format!(
                "There is a VQL function called \"{text}\" - did you mean to call this function instead?"
            ));
        }
        message.push_str(end);
        scope.log_line(&message);
    }
}

/// Arguments of a plugin are evaluated before it starts; `{…}` stays a query.
fn evaluated_args(args: &ArgsNode, scope: &Scope, name: &str) -> Result<Vec<(Str, ArgValue)>, ()> {
    let args = call_args(args, scope, name).map_err(|_| ())?;
    Ok(args
        .iter()
        .map(|arg| (arg.name().clone(), ArgValue::from(arg.value())))
        .collect())
}

fn run_plugin(
    def: &'static PluginDef,
    args: &ArgsNode,
    scope: &Scope,
    rows: &mut dyn RowSink,
) -> Result<(), Stop> {
    scope.0.root.stats.plugins.fetch_add(1, Ordering::Relaxed);
    if refused(def, scope) {
        return Ok(());
    }
    let Ok(args) = evaluated_args(args, scope, def.name) else {
        return Ok(());
    };
    let args = CallArgs::new(scope, &args);
    let mut explaining = explain::SentRows {
        scope,
        plugin: def.name,
        rows,
    };
    let result = if scope.0.explain {
        explain::arguments(scope, &args);
        (def.run)(&args, &mut explaining)
    } else {
        (def.run)(&args, explaining.rows)
    };
    match result {
        Ok(()) => Ok(()),
        Err(VqlError::Stopped) => Err(Stop),
        Err(error) => {
            report(scope, def.name, error);
            Ok(())
        }
    }
}

/// True (with a message) when the plugin does not exist here or is blocked.
fn refused(def: &PluginDef, scope: &Scope) -> bool {
    let name = def.name;
    if !def.platforms.contains(Platforms::current()) {
        let here = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
        let platforms = def.platforms.names().join(", ");
        super::call::log_once(
            scope,
            &format!(
                "VQL Plugin {name}() is not implemented for this architecture ({here}). It is only available for \
                 the following platforms [{platforms}]"
            ),
        );
        return true;
    }
    if !scope.context().access().plugin_allowed(name) {
        scope.log_line(&format!(
            "ERROR:VQL Plugin {name}() has been blocked in the configuration. Please update the configuration file \
             to allow it."
        ));
        return true;
    }
    false
}

/// The rows of a value used as a source: a query's rows, an array's elements, or the value itself.
fn rows_of_value(value: Value, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
    match value.reduce(scope) {
        Value::Query(query) => run_query(&query, scope, rows),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| rows.push(Row::from(item.clone().reduce(scope)))),
        Value::Object(object) => match object.elements(scope) {
            Some(elements) => elements
                .into_iter()
                .try_for_each(|item| rows.push(Row::from(item))),
            None => rows.push(Row::from(Value::Object(object))),
        },
        other => rows.push(Row::from(other)),
    }
}

fn run_query(query: &Query, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
    if overflow(scope) {
        return Ok(());
    }
    query.run(scope, rows)
}
