//! `cat()`: reads devices and pipes as data arrives.

use peregrine_accessors::{PathArg, accessor};
use peregrine_engine::prelude::*;

/// Reads a file, device or named pipe of this machine, and yields a row for each read as data arrives.
///
/// Unlike `read_file()` it does not wait for a full piece, and at the end of a pipe's current data it waits
/// for more. It ends at the end of the data, after `timeout`, or with the query. The file is opened by its
/// name in the operating system, so the accessor must be one of real files.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    filename: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
    /// Maximum number of bytes in a read; 4 MiB when left out, never more than 100 MiB.
    #[arg(default = 4 << 20)]
    chunk: i64,
    /// Seconds after which reading ends; unlimited when left out.
    #[arg(default = 0)]
    timeout: i64,
}

/// The result of one read.
#[derive(IntoRow)]
pub struct Row {
    /// The bytes.
    data: Value,
}

pub struct Cat;

#[cfg(unix)]
impl Plugin for Cat {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "cat";
    const CATEGORY: Category = Category::FileSystem;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const PLATFORMS: Platforms = Platforms::LINUX.or(Platforms::WINDOWS);
    const EXAMPLES: &'static [Example] = &[
        example(
            "part by part",
            "SELECT str(str=Data) AS Part FROM cat(filename=tempfile(data='hello'), chunk=3)",
            r#"[{"Part":"hel"},{"Part":"lo"}]"#,
        ),
        example(
            "a device",
            "SELECT len(list=Data) AS Length FROM cat(filename='/dev/zero', chunk=10) LIMIT 1",
            r#"[{"Length":10}]"#,
        ),
        fails(
            "no file of the system",
            "cat(accessor='data', filename='x')",
            "is not a file of this machine",
        ),
        fails(
            "no such file",
            "cat(filename='/no/such/file')",
            "cat: `/no/such/file`",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use rustix::fs::{Mode, OFlags};
        use std::time::{Duration, Instant};

        scope.check_access(Permission::FilesystemRead)?;
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let path = args.filename.resolve(scope, files.as_ref())?;
        let shown = path.to_text();
        let name = files
            .os_file_name(&path)
            .ok_or_else(|| format!("`{shown}` is not a file of this machine"))?;
        let failed = |error: rustix::io::Errno| format!("`{shown}`: {}", std::io::Error::from(error));
        // Non-blocking: neither opening a pipe without a writer nor reading it may delay the end of the
        // query.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = rustix::fs::open(&name, flags, Mode::empty()).map_err(failed)?;
        let chunk = usize::try_from(args.chunk).unwrap_or(0).clamp(1, 100 << 20);
        let end = u64::try_from(args.timeout)
            .ok()
            .filter(|seconds| *seconds > 0)
            .and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
        let mut buffer = vec![0; chunk];
        loop {
            scope.checkpoint()?;
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(());
            }
            let mut polled = [PollFd::new(&file, PollFlags::IN)];
            let slice = Timespec {
                tv_sec: 0,
                tv_nsec: 100_000_000,
            };
            match poll(&mut polled, Some(&slice)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(failed(error).into()),
            }
            let has_data = polled[0].revents().contains(PollFlags::IN);
            match rustix::io::read(&file, buffer.as_mut_slice()) {
                Ok(0) => return Ok(()),
                Ok(length) => rows.push(Row {
                    data: Value::bytes(&buffer[..length]),
                })?,
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) if has_data => {}
                // All writers have closed it.
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(failed(error).into()),
            }
        }
    }
}
