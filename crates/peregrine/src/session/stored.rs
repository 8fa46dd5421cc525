//! The data stored by a server, for queries on the command line: with or without the running server,
//! read-only.

use anyhow::Context as _;
use peregrine_engine::context::ContextBuilder;
use peregrine_server::{Config, Storage};
use peregrine_server_vql::Stored;
use peregrine_store::{CloudOptions, SqlAddress};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Arguments that name a server's data.
#[derive(clap::Args)]
pub(crate) struct StoredArgs {
    /// The data folder of a server, for source(), clients(), flows() and the like; it is only read, also while the server runs.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    datastore: Option<PathBuf>,
    /// The same, given by the server's configuration file.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// An opened store, and the threads that read it.
pub(crate) struct Opened {
    stored: Arc<Stored>,
    /// Reading ends when it is dropped.
    _runtime: Runtime,
}

impl StoredArgs {
    /// The option that names a store, if one was given.
    #[cfg(feature = "tools")]
    pub(crate) fn option(&self) -> Option<&'static str> {
        let datastore = self.datastore.as_ref().map(|_| "--datastore");
        datastore.or(self.config.as_ref().map(|_| "--config"))
    }

    /// Opens the store, if one was named.
    pub(crate) fn open(&self) -> anyhow::Result<Option<Opened>> {
        let (folder, config, address) = match (&self.datastore, &self.config) {
            (Some(folder), _) => {
                let config = Config::find_in(folder)?;
                let address = match &config {
                    Some(config) => config.database(folder)?,
                    None => Storage::embedded_database(folder),
                };
                (folder.clone(), config, address)
            }
            (None, Some(file)) => {
                let named = || format!("`{}` (--config)", file.display());
                let config = Config::load(file).with_context(named)?;
                let folder = config.datastore.location.clone();
                let address = config.database(&folder).with_context(named)?;
                (folder, Some(config), address)
            }
            (None, None) => return Ok(None),
        };
        Opened::at(&folder, config.as_ref(), address).map(Some)
    }
}

impl Opened {
    /// Makes the data available to queries.
    pub(crate) fn extend(&self, context: ContextBuilder) -> ContextBuilder {
        context.extension(Arc::clone(&self.stored))
    }

    /// Opens the data of a server. Without a configuration, all of it is in the folder.
    fn at(folder: &Path, config: Option<&Config>, address: SqlAddress) -> anyhow::Result<Opened> {
        if let SqlAddress::File(file) = &address {
            anyhow::ensure!(
                file.exists(),
                "`{}` is not the data folder of a server: it has no `peregrine.db`; `peregrine gui` and `peregrine server` print the path of theirs",
                folder.display()
            );
        }
        let (bucket, options) = match config {
            Some(config) => (
                config.datastore.objects.as_deref(),
                &config.datastore.object_options,
            ),
            None => (None, &CloudOptions::default()),
        };
        let name = address.to_string();
        let database = Storage::read_only(folder, address, bucket, options)
            .with_context(|| format!("{name} can not be read"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name("stored")
            .build()
            .context("starting a thread that reads the store")?;
        Ok(Opened {
            stored: Arc::new(Stored::new(database, runtime.handle().clone())),
            _runtime: runtime,
        })
    }
}
