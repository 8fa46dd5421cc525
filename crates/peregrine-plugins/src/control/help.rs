//! `help()`: the manual as rows.

use peregrine_engine::prelude::*;

/// Describes every function and plugin, one per row: functions first, by name.
#[derive(VqlArgs)]
pub struct Args {}

/// A function or plugin.
#[derive(IntoRow)]
pub struct Row {
    /// Its name.
    #[column(name = "name", alias = "Name")]
    name: &'static str,
    /// `Function` or `Plugin`.
    #[column(name = "type", alias = "Type")]
    kind: &'static str,
    /// Its manual page.
    #[column(name = "description", alias = "Description")]
    description: &'static str,
    /// Its arguments: `name`, `type`, `required`, `repeated`, `default`, `description` of each.
    #[column(name = "args", alias = "Args")]
    args: Value,
    /// Chapter of the manual.
    #[column(name = "category", alias = "Category")]
    category: &'static str,
    /// Grows when its behaviour changes.
    #[column(name = "version", alias = "Version")]
    version: i64,
    /// Operating systems it exists on.
    #[column(name = "platforms", alias = "Platforms")]
    platforms: Value,
    /// The permissions it needs.
    #[column(name = "permissions", alias = "Permissions")]
    permissions: Value,
    /// True if it watches for events, and ends only when it is stopped.
    #[column(name = "is_event", alias = "IsEvent")]
    is_event: bool,
}

pub struct Help;

impl Plugin for Help {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "help";
    const CATEGORY: Category = Category::Utils;
    const EXAMPLES: &'static [Example] = &[example(
        "arguments of a plugin",
        "SELECT type, category, args[0].name AS First, Args[0].Required AS Required FROM help() WHERE name = 'sample'",
        r#"[{"type":"Plugin","category":"control","First":"query","Required":true}]"#,
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

#[derive(IntoRow)]
struct Argument {
    #[column(name = "name", alias = "Name")]
    name: &'static str,
    #[column(name = "type", alias = "Type")]
    kind: &'static str,
    #[column(name = "required", alias = "Required")]
    required: bool,
    #[column(name = "repeated", alias = "Repeated")]
    repeated: bool,
    #[column(name = "default", alias = "Default")]
    default: Value,
    #[column(name = "description", alias = "Description")]
    description: &'static str,
}

fn describe(args: &[ArgSpec]) -> Value {
    let described = args.iter().map(|arg| {
        let argument = Argument {
            name: arg.name,
            kind: arg.type_name,
            required: arg.required,
            repeated: arg.repeated,
            default: Value::from(arg.default),
            description: arg.doc,
        };
        argument.into_row()
    });
    described.collect()
}
