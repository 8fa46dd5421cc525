//! `help()`: the manual as rows.

use peregrine_engine::prelude::*;

/// Describes every function and plugin there is, one a row: functions first, by name.
#[derive(VqlArgs)]
pub struct Args {}

/// A function or plugin.
#[derive(IntoRow)]
pub struct Row {
    /// Its name.
    name: &'static str,
    /// `Function` or `Plugin`.
    #[column(name = "Type")]
    kind: &'static str,
    /// Its manual page.
    description: &'static str,
    /// Its arguments: `Name`, `Type`, `Required`, `Repeated`, `Default`, `Description` of each.
    args: Value,
    /// Chapter of the manual.
    category: &'static str,
    /// Grows when its behaviour changes.
    version: i64,
    /// Operating systems it exists on.
    platforms: Value,
    /// What it must be allowed to do.
    permissions: Value,
    /// It watches, and ends only when it is stopped.
    is_event: bool,
}

/// The plugin.
pub struct Help;

impl Plugin for Help {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "help";
    const CATEGORY: Category = Category::Utils;
    const EXAMPLES: &'static [Example] = &[example(
        "arguments of a plugin",
        "SELECT Type, Category, Args[0].Name AS First, Args[0].Required AS Required FROM help() WHERE Name = 'sample'",
        r#"[{"Type":"Plugin","Category":"control","First":"query","Required":true}]"#,
    )];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        let registry = scope.context().registry();
        for def in registry.functions() {
            rows.push(Row {
                name: def.name,
                kind: "Function",
                description: def.doc,
                args: describe(def.args),
                category: def.category.name(),
                version: def.version,
                platforms: Value::from(def.platforms.names()),
                permissions: names(def.permissions),
                is_event: false,
            })?;
        }
        for def in registry.plugins() {
            rows.push(Row {
                name: def.name,
                kind: "Plugin",
                description: def.doc,
                args: describe(def.args),
                category: def.category.name(),
                version: def.version,
                platforms: Value::from(def.platforms.names()),
                permissions: names(def.permissions),
                is_event: def.is_event,
            })?;
        }
        Ok(())
    }
}

fn names(permissions: &[Permission]) -> Value {
    permissions.iter().map(|permission| permission.name()).collect()
}

fn describe(args: &[ArgSpec]) -> Value {
    let described = args.iter().map(|arg| {
        Dict::from_pairs([
            ("Name", Value::from(arg.name)),
            ("Type", Value::from(arg.type_name)),
            ("Required", Value::from(arg.required)),
            ("Repeated", Value::from(arg.repeated)),
            ("Default", Value::from(arg.default)),
            ("Description", Value::from(arg.doc)),
        ])
    });
    described.collect()
}
