//! Plugins that exist only on other operating systems. They are registered here, with arguments, platforms
//! and manual page, so that artifacts for several systems pass the checks, and calls can explain why there
//! are no rows.
//!
//! They are kept in tables, one file for each system, because they have no code.

mod windows;

use peregrine_engine::prelude::*;

pub(crate) const PLUGINS: &[PluginDef] = plugins![
    windows::certificates::Foreign,
    windows::etw_sessions::Foreign,
    windows::handles::Foreign,
    windows::modules::Foreign,
    windows::proc_dump::Foreign,
    windows::threads::Foreign,
    windows::vad::Foreign,
    windows::watch_etw::Foreign,
    windows::winobj::Foreign,
    windows::wmi::Foreign,
    windows::wmi_events::Foreign,
];

/// Defines such plugins: name, platforms, version, category, permissions, whether it watches; then the
/// arguments.
macro_rules! foreign_plugins {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident($platforms:expr, version $version:literal, $category:ident, [$($permission:ident),*], event $event:literal) {
            $($fields:tt)*
        }
        shown: $example:literal;
    )*) => {$(
        pub(super) mod $name {
            use peregrine_engine::prelude::*;

            $(#[doc = $doc])*
            #[derive(VqlArgs)]
            #[allow(dead_code, reason = "only the description of the arguments is used")]
            pub(crate) struct Args { $($fields)* }

            pub(crate) struct Foreign;

            impl Plugin for Foreign {
                type Args = Args;
                type Row = DynRow;
                const NAME: &'static str = stringify!($name);
                const CATEGORY: Category = Category::$category;
                const VERSION: i64 = $version;
                const PLATFORMS: Platforms = $platforms;
                const PERMISSIONS: &'static [Permission] = &[$(Permission::$permission),*];
                const IS_EVENT: bool = $event;
                const EXAMPLES: &'static [Example] =
                    &[fails("on another system", $example, "is not implemented for this architecture")];

                fn run(_: &Scope, _: Args, _: &mut Rows<'_, DynRow>) -> VqlResult<()> {
                    Err("is not built yet".into())
                }
            }
        }
    )*};
}
pub(crate) use foreign_plugins;
