//! Opens the store that an address names, with options of the crate `object_store`.

use super::failure::StoreAddress;
use crate::{Error, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{ObjectStore, RetryConfig};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Options of a store by name, such as `region` or `secret_access_key`. Any value may be a secret, so values are never
/// shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CloudOptions(BTreeMap<String, String>);

impl CloudOptions {
    /// Whether no option is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for CloudOptions {
    fn from(options: [(&str, &str); N]) -> CloudOptions {
        CloudOptions(
            options
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        )
    }
}

impl fmt::Debug for CloudOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Override the environment's options, and are overridden by the given ones. A request as a whole has practically no time
/// limit, since a client downloading a large file may be slow; each read has one.
const DEFAULTS: [(&str, &str); 2] = [("timeout", "7 days"), ("read_timeout", "60 seconds")];

/// Longest folder in a bucket: leaves room for the names of objects.
const MAX_FOLDER: usize = 256;

/// Opens a store without any request; returns it with its address for messages and the folder in it.
pub(super) fn open(
    address: &str,
    options: &CloudOptions,
) -> Result<(Arc<dyn ObjectStore>, StoreAddress, Path)> {
    let place = StoreAddress(address.to_owned());
    let url = match Url::parse(address) {
        Ok(url) if url.password().is_none() && url.query().is_none() => url,
        // Not quoted: the URL may contain the secret.
        Ok(_) => {
            return Err(Error::Objects(
                "`Datastore.objects`: a bucket's address has no password or `?` in it; access keys go into `Datastore.object_options`".into(),
            ));
        }
        Err(error) => {
            return Err(place.trouble(&format!(
                "this is not an address ({error}); give one such as `s3://bucket/folder`"
            )));
        }
    };
    let folder = Path::from_url_path(url.path())
        .map_err(|error| place.trouble(&format!("cannot use the folder in it: {error}")))?;
    if folder.as_ref().len() > MAX_FOLDER {
        return Err(place.trouble(&format!("the folder in it is longer than {MAX_FOLDER} bytes")));
    }
    let cannot_open = |error| place.failed("open", &error);
    let store: Arc<dyn ObjectStore> = match url.scheme() {
        "s3" => {
            let builder = AmazonS3Builder::from_env().with_url(address).with_retry(retry());
            let set =
                |builder: AmazonS3Builder, key: AmazonS3ConfigKey, value| builder.with_config(key, value);
            Arc::new(
                configured(builder, set, options, &place)?
                    .build()
                    .map_err(cannot_open)?,
            )
        }
        "gs" => {
            let builder = GoogleCloudStorageBuilder::from_env()
                .with_url(address)
                .with_retry(retry());
            let set = |builder: GoogleCloudStorageBuilder, key: GoogleConfigKey, value| {
                builder.with_config(key, value)
            };
            Arc::new(
                configured(builder, set, options, &place)?
                    .build()
                    .map_err(cannot_open)?,
            )
        }
        "azure" => {
            let builder = MicrosoftAzureBuilder::from_env()
                .with_url(address)
                .with_retry(retry());
            let set =
                |builder: MicrosoftAzureBuilder, key: AzureConfigKey, value| builder.with_config(key, value);
            Arc::new(
                configured(builder, set, options, &place)?
                    .build()
                    .map_err(cannot_open)?,
            )
        }
        other => {
            return Err(place.trouble(&format!(
                "no store is known for `{other}:`; give `s3://bucket/folder`, `gs://bucket/folder` or `azure://container/folder`"
            )));
        }
    };
    Ok((store, place, folder))
}

/// Sets options on a store's builder. Each store has its own set, so names are parsed by its key type.
fn configured<B, K: FromStr>(
    mut builder: B,
    set: impl Fn(B, K, String) -> B,
    options: &CloudOptions,
    place: &StoreAddress,
) -> Result<B> {
    let defaults = DEFAULTS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (name, value) in defaults
        .iter()
        .map(|(name, value)| (name, value))
        .chain(&options.0)
    {
        let key = name.parse().map_err(|_| {
            place.trouble(&format!(
                "there is no option `{name}` for this store; correct `Datastore.object_options` (for S3 there are `region`, \
                 `endpoint`, `access_key_id`, `secret_access_key`, `allow_http` and more)"
            ))
        })?;
        builder = set(builder, key, value.clone());
    }
    Ok(builder)
}

/// Gives up soon: agents keep what could not be stored and send it again.
fn retry() -> RetryConfig {
    RetryConfig {
        max_retries: 3,
        retry_timeout: Duration::from_secs(15),
        ..RetryConfig::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(address: &str, options: &CloudOptions) -> String {
        open(address, options).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn what_is_configured_wrongly_is_said_without_secrets() {
        let none = CloudOptions::default();
        assert!(refused("bucket", &none).contains("not an address"));
        assert!(refused("ftp://bucket", &none).contains("no store is known for `ftp:`"));
        let unknown = CloudOptions::from([("place", "hunter2")]);
        for address in ["s3://bucket/a", "gs://bucket/a", "azure://bucket/a"] {
            let error = refused(address, &unknown);
            assert!(
                error.contains("no option `place`") && error.contains(address),
                "{error}"
            );
            assert!(!error.contains("hunter2"), "{error}");
        }
        for address in ["s3://key:hunter2@bucket/a", "azure://box/a?sig=hunter2"] {
            assert!(!refused(address, &none).contains("hunter2"));
        }
        let bad_key = CloudOptions::from([("account_name", "a"), ("account_key", "hunter2 is not base64")]);
        assert!(!refused("azure://box", &bad_key).contains("hunter2"));
        assert_eq!(
            format!("{:?}", CloudOptions::from([("secret_access_key", "hunter2")])),
            r#"{"secret_access_key"}"#
        );
    }
}
