//! `peregrine server`: the server and its web GUI.

use crate::small_heap;

use crate::embedded_server::{ServerArgs, announce, until_told_to_end};
use std::process::ExitCode;

/// Arguments of `server`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    small_heap::restart();
    let folder = args.server.folder()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (server, config) = args.server.start(&folder, false).await?;
        announce(&server, &config, &folder);
        println!(
            "Agents connect with {}",
            peregrine_server::Config::client_file(&folder).display()
        );
        until_told_to_end().await?;
        server.shutdown().await;
        Ok(ExitCode::SUCCESS)
    })
}
