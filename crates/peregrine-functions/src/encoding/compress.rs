//! `compress()`: compresses a file with gzip.

use std::fs::{self, File, OpenOptions};
use std::io;

use crate::prelude::*;
use crate::support::system_path;

/// Compresses a file with gzip into another file and returns its path. Both are paths of the operating
/// system.
#[derive(VqlArgs)]
pub struct Args {
    /// The file to compress.
    path: Str,
    /// The file to write; an existing one is replaced.
    output: Str,
}

pub struct Compress;

impl Function for Compress {
    type Args = Args;
    const NAME: &'static str = "compress";
    const CATEGORY: Category = Category::Encode;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite, Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[fails(
        "no such file",
        "compress(path='/no/such/file', output='/no/such/file.gz')",
        "`/no/such/file`",
    )];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::FilesystemWrite)?;
        scope.check_access(Permission::FilesystemRead)?;
        let mut input =
            File::open(system_path(&args.path)).map_err(|error| format!("`{}`: {error}", args.path))?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o660);
        let output = options
            .open(system_path(&args.output))
            .map_err(|error| format!("`{}`: {error}", args.output))?;
        let mut packer = flate2::GzBuilder::new()
            .filename(name(&args.path))
            .write(output, flate2::Compression::default());
        let packed = copy(scope, &mut input, &mut packer).and_then(|()| match packer.finish() {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("`{}`: {error}", args.output).into()),
        });
        if let Err(error) = packed {
            // A partial file would be taken for a complete one.
            let _ = fs::remove_file(system_path(&args.output));
            return Err(error);
        }
        Ok(Value::from(args.output))
    }
}

/// The name stored in the compressed file: its path from the root.
fn name(path: &[u8]) -> Vec<u8> {
    let start = path.iter().take_while(|byte| **byte == b'/').count();
    let name = path.get(start..).unwrap_or_default().iter();
    name.copied().filter(|byte| *byte != 0).collect()
}

fn copy(scope: &Scope, input: &mut impl io::Read, output: &mut impl io::Write) -> VqlResult<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        scope.checkpoint()?;
        let length = input.read(&mut buffer).map_err(|error| error.to_string())?;
        if length == 0 {
            return Ok(());
        }
        output
            .write_all(&buffer[..length])
            .map_err(|error| error.to_string())?;
    }
}
