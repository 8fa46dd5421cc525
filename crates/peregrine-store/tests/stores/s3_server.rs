//! An in-memory S3 server on a port of its own: protocol and signatures come from the crate `s3s`, storage is implemented
//! here. (Its own `s3s-fs` cannot store names as long as ours, and creates in two steps, first looking and then writing.)

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "the example and the tests need different parts")]
#![allow(clippy::disallowed_methods, reason = "times of objects")]

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use peregrine_store::CloudOptions;
use s3s::auth::SimpleAuth;
use s3s::dto::*;
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::time::SystemTime;

/// The only bucket.
pub(crate) const BUCKET: &str = "files";
/// The only access key and its secret.
pub(crate) const KEY: &str = "peregrine";
pub(crate) const SECRET: &str = "hunter2-hunter2";

/// Names per listing; real stores return 1,000.
const PAGE: usize = 7;
/// Smallest part that S3 accepts, except for the last.
const LEAST_PART: usize = 5 << 20;

/// What is stored, and counters of requests.
#[derive(Default)]
pub(crate) struct Bucket {
    pub(crate) objects: Mutex<BTreeMap<String, Bytes>>,
    uploads: Mutex<HashMap<String, BTreeMap<i32, Bytes>>>,
    /// All requests.
    pub(crate) requests: AtomicUsize,
    /// Multipart uploads begun.
    pub(crate) multipart: AtomicUsize,
    /// Refuse to delete.
    pub(crate) refuses_deletes: AtomicBool,
    /// Ignore `If-None-Match` and overwrite, as old stores do.
    pub(crate) ignores_conditions: AtomicBool,
    /// Bytes read from here that are not yet back as parts of an upload, and their maximum.
    on_loan: AtomicI64,
    pub(crate) most_on_loan: AtomicI64,
}

impl Bucket {
    /// All names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.objects.lock().keys().cloned().collect()
    }

    /// Unfinished uploads.
    pub(crate) fn unfinished(&self) -> usize {
        self.uploads.lock().len()
    }

    fn asked(&self, bucket: &str) -> S3Result<()> {
        self.requests.fetch_add(1, SeqCst);
        if bucket == BUCKET {
            Ok(())
        } else {
            Err(s3_error!(NoSuchBucket))
        }
    }

    fn object(&self, key: &str) -> S3Result<Bytes> {
        self.objects
            .lock()
            .get(key)
            .cloned()
            .ok_or_else(|| s3_error!(NoSuchKey))
    }

    fn lend(&self, bytes: usize) {
        let now = self.on_loan.fetch_add(bytes as i64, SeqCst) + bytes as i64;
        self.most_on_loan.fetch_max(now, SeqCst);
    }
}

/// A running server; it ends with the test.
pub(crate) struct S3Server {
    pub(crate) endpoint: String,
    pub(crate) bucket: Arc<Bucket>,
}

impl S3Server {
    /// Serves an empty bucket on a free port.
    pub(crate) async fn start() -> S3Server {
        let bucket = Arc::new(Bucket::default());
        let mut builder = S3ServiceBuilder::new(Server(Arc::clone(&bucket)));
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(hyper_util::rt::TokioIo::new(socket), service.clone());
                tokio::spawn(connection);
            }
        });
        S3Server { endpoint, bucket }
    }

    /// Options as in a server's configuration.
    pub(crate) fn options(&self) -> CloudOptions {
        self.options_with(KEY, SECRET)
    }

    /// The same, with another access key.
    pub(crate) fn options_with(&self, key: &str, secret: &str) -> CloudOptions {
        CloudOptions::from([
            ("endpoint", self.endpoint.as_str()),
            ("region", "eu-central-1"),
            ("access_key_id", key),
            ("secret_access_key", secret),
            ("allow_http", "true"),
        ])
    }
}

struct Server(Arc<Bucket>);

async fn read(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let mut body = body.ok_or_else(|| s3_error!(IncompleteBody))?;
    let mut all = Vec::new();
    while let Some(piece) = body.next().await {
        all.extend_from_slice(&piece.map_err(|_| s3_error!(IncompleteBody))?);
    }
    Ok(all.into())
}

fn tag(bytes: &Bytes) -> ETag {
    ETag::Strong(format!("{:x}-{:?}", bytes.len(), bytes.as_ptr()))
}

fn now() -> Option<Timestamp> {
    Some(Timestamp::from(SystemTime::now()))
}

#[async_trait::async_trait]
impl S3 for Server {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        self.0.asked(&input.bucket)?;
        let bytes = read(input.body).await?;
        let creates = input.if_none_match.is_some_and(|condition| condition.is_any());
        let mut objects = self.0.objects.lock();
        if creates && objects.contains_key(&input.key) && !self.0.ignores_conditions.load(SeqCst) {
            return Err(s3_error!(PreconditionFailed));
        }
        let e_tag = Some(tag(&bytes));
        objects.insert(input.key, bytes);
        Ok(S3Response::new(PutObjectOutput {
            e_tag,
            ..Default::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        self.0.asked(&input.bucket)?;
        let whole = self.0.object(&input.key)?;
        let total = whole.len();
        let (bytes, content_range) = match input.range {
            None => (whole.clone(), None),
            Some(range) => {
                let range = range.check(total as u64).map_err(|_| s3_error!(InvalidRange))?;
                let text = format!("bytes {}-{}/{total}", range.start, range.end - 1);
                (whole.slice(range.start as usize..range.end as usize), Some(text))
            }
        };
        if input.key.contains("/.parts/") {
            self.0.lend(bytes.len());
        }
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(bytes.len() as i64),
            content_range,
            e_tag: Some(tag(&whole)),
            last_modified: now(),
            body: Some(StreamingBlob::wrap(stream::iter([Ok::<_, io::Error>(bytes)]))),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.0.asked(&request.input.bucket)?;
        let object = self.0.object(&request.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(object.len() as i64),
            e_tag: Some(tag(&object)),
            last_modified: now(),
            ..Default::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        self.0.asked(&input.bucket)?;
        let prefix = input.prefix.unwrap_or_default();
        let after = input.continuation_token.or(input.start_after).unwrap_or_default();
        let objects = self.0.objects.lock();
        let mut found = objects
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix) && key.as_str() > after.as_str());
        let page: Vec<Object> = found
            .by_ref()
            .take(PAGE)
            .map(|(key, bytes)| Object {
                key: Some(key.clone()),
                size: Some(bytes.len() as i64),
                e_tag: Some(tag(bytes)),
                last_modified: now(),
                ..Default::default()
            })
            .collect();
        let is_truncated = found.next().is_some();
        let last = page.last().and_then(|object| object.key.clone());
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(prefix),
            key_count: Some(page.len() as i32),
            is_truncated: Some(is_truncated),
            next_continuation_token: last.filter(|_| is_truncated),
            contents: Some(page),
            ..Default::default()
        }))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        self.0.asked(&input.bucket)?;
        if self.0.refuses_deletes.load(SeqCst) {
            return Err(s3_error!(AccessDenied));
        }
        let mut deleted = Vec::new();
        for one in input.delete.objects {
            self.0.objects.lock().remove(&one.key);
            deleted.push(DeletedObject {
                key: Some(one.key),
                ..Default::default()
            });
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: Some(deleted),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.0.asked(&request.input.bucket)?;
        let id = format!("upload-{}", self.0.multipart.fetch_add(1, SeqCst));
        self.0.uploads.lock().insert(id.clone(), BTreeMap::new());
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(request.input.bucket),
            key: Some(request.input.key),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        self.0.asked(&input.bucket)?;
        let bytes = read(input.body).await?;
        self.0.on_loan.fetch_sub(bytes.len() as i64, SeqCst);
        let e_tag = Some(tag(&bytes));
        let mut uploads = self.0.uploads.lock();
        let parts = uploads
            .get_mut(&input.upload_id)
            .ok_or_else(|| s3_error!(NoSuchUpload))?;
        parts.insert(input.part_number, bytes);
        Ok(S3Response::new(UploadPartOutput {
            e_tag,
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        self.0.asked(&input.bucket)?;
        let parts = self
            .0
            .uploads
            .lock()
            .remove(&input.upload_id)
            .ok_or_else(|| s3_error!(NoSuchUpload))?;
        let named = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default();
        let mut whole = Vec::new();
        for (at, part) in named.iter().enumerate() {
            let bytes = part.part_number.and_then(|number| parts.get(&number));
            let bytes = bytes.ok_or_else(|| s3_error!(InvalidPart))?;
            if at + 1 < named.len() && bytes.len() < LEAST_PART {
                return Err(s3_error!(EntityTooSmall));
            }
            whole.extend_from_slice(bytes);
        }
        let whole = Bytes::from(whole);
        let e_tag = Some(tag(&whole));
        self.0.objects.lock().insert(input.key.clone(), whole);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag,
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.0.asked(&request.input.bucket)?;
        self.0.uploads.lock().remove(&request.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
