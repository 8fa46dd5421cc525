//! Functions that exist only on other operating systems. They are registered here, with arguments, platforms
//! and manual page, so that artifacts for several systems pass the checks, and calls can explain why there is
//! no result.
//!
//! They are kept in tables, one file for each system, because they have no code.

mod windows;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = functions![
    windows::amsi::Foreign,
    windows::describe_address::Foreign,
    windows::reg_rm_key::Foreign,
    windows::reg_rm_value::Foreign,
    windows::reg_set_value::Foreign,
    windows::token::Foreign,
    windows::winpmem::Foreign,
];

/// Defines such functions: name, platforms, version, category, permissions; then the arguments.
macro_rules! foreign_functions {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident($platforms:ident, version $version:literal, $category:ident, [$($permission:ident),*]) {
            $($fields:tt)*
        }
        shown: $example:literal;
    )*) => {$(
        pub(super) mod $name {
            use crate::prelude::*;

            $(#[doc = $doc])*
            #[derive(VqlArgs)]
            #[allow(dead_code, reason = "only the description of the arguments is used")]
            pub(crate) struct Args { $($fields)* }

            pub(crate) struct Foreign;

            impl Function for Foreign {
                type Args = Args;
                const NAME: &'static str = stringify!($name);
                const CATEGORY: Category = Category::$category;
                const VERSION: i64 = $version;
                const PLATFORMS: Platforms = Platforms::$platforms;
                const PERMISSIONS: &'static [Permission] = &[$(Permission::$permission),*];
                const EXAMPLES: &'static [Example] =
                    &[fails("on another system", $example, "is not implemented for this architecture")];

                fn call(_: &Scope, _: Args) -> VqlResult {
                    Err("is not built yet".into())
                }
            }
        }
    )*};
}
pub(crate) use foreign_functions;
