//! `users()`: local accounts.

use crate::machine::{failed, machine};
use crate::process::path_value;
use peregrine_engine::prelude::*;

/// Lists the accounts of this machine.
///
/// On Linux the columns follow the account database; Windows accounts have different columns.
#[derive(VqlArgs)]
pub struct Args {}

/// An account.
#[derive(IntoRow)]
pub struct Row {
    /// Its name.
    name: Value,
    /// User id.
    uid: u32,
    /// Primary group id.
    gid: u32,
    /// Full name or comment.
    comment: Value,
    /// Home folder.
    home_dir: Value,
    /// Login shell.
    shell: Value,
}

pub struct Users;

impl Plugin for Users {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "users";
    const CATEGORY: Category = Category::Utils;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[example(
        "the administrator",
        "SELECT Name, Uid FROM users() WHERE Uid = 0 LIMIT 1",
        r#"[{"Name":"root","Uid":0}]"#,
    )];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        for user in machine(scope)?.users().map_err(failed)? {
            rows.push(Row {
                name: path_value(&user.name),
                uid: user.uid,
                gid: user.gid,
                comment: path_value(&user.comment),
                home_dir: path_value(&user.home),
                shell: path_value(&user.shell),
            })?;
        }
        Ok(())
    }
}
