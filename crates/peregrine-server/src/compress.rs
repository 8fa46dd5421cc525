//! Compresses answers with zstd or gzip, whichever the browser accepts.
//!
//! Push streams are left alone because events must leave at once, and the session routes because they answer with a
//! secret: a compressed length that depends on the rest of the answer would leak it.

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

/// Shorter answers fit into one network packet anyway.
const MIN_LENGTH: u64 = 1024;
/// Pieces beyond this size are compressed on a blocking thread.
const LARGE: usize = 64 << 10;
/// zstd and gzip levels: quick ones for answers made once, strong ones for files that never change.
const QUICK_LEVELS: (i32, u32) = (3, 5);
const STRONG_LEVELS: (i32, u32) = (17, 9);

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    Zstd,
    Gzip,
}

impl Coding {
    /// The best one the other side understands.
    fn accepted(headers: &HeaderMap) -> Option<Coding> {
        let values = headers.get_all(header::ACCEPT_ENCODING);
        let texts = values.iter().filter_map(|value| value.to_str().ok());
        let offers: Vec<(&str, bool)> = texts
            .flat_map(|text| text.split(','))
            .map(|offer| {
                let mut parts = offer.split(';').map(str::trim);
                let name = parts.next().unwrap_or_default();
                let weight = parts.find_map(|part| part.strip_prefix("q="));
                let is_wanted =
                    weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0));
                (name, is_wanted)
            })
            .collect();
        let takes = |wanted: &str| {
            let offer = offers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            offer.is_some_and(|(_, is_wanted)| *is_wanted)
        };
        if takes("zstd") {
            Some(Coding::Zstd)
        } else {
            (takes("gzip") || takes("x-gzip")).then_some(Coding::Gzip)
        }
    }

    fn name(self) -> &'static str {
        match self {
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
        }
    }
}

/// GUI files that were compressed once; bounded by the number of files in the program.
pub(crate) type PackedFiles = Mutex<HashMap<(String, Coding), Bytes>>;

/// Middleware that compresses the answer of a handler.
pub(crate) async fn answers(files: Arc<PackedFiles>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let coding = Coding::accepted(request.headers());
    let mut response = next.run(request).await;
    if !is_packable(&path, &response) {
        return response;
    }
    response
        .headers_mut()
        .append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some(coding) = coding else {
        return response;
    };
    let (mut parts, body) = response.into_parts();
    // Names under `assets/` carry a hash of the content, so the result can be cached without ever expiring.
    let body = match path.starts_with("/assets/") {
        true => match file(&files, path, coding, body).await {
            Ok(packed) => Body::from(packed),
            Err(error) => {
                tracing::error!(%error, "a file of the GUI cannot be packed");
                parts.status = StatusCode::INTERNAL_SERVER_ERROR;
                Body::empty()
            }
        },
        false => Body::from_stream(packed(coding, body.into_data_stream())),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts
        .headers
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    Response::from_parts(parts, body)
}

fn is_packable(path: &str, response: &Response) -> bool {
    let headers = response.headers();
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_text = matches!(
        kind,
        "application/json" | "application/x-ndjson" | "application/javascript" | "image/svg+xml"
    ) || (kind.starts_with("text/") && kind != "text/event-stream");
    let is_long = response
        .body()
        .size_hint()
        .exact()
        .is_none_or(|length| length >= MIN_LENGTH);
    response.status() == StatusCode::OK
        && is_text
        && is_long
        && !headers.contains_key(header::CONTENT_ENCODING)
        // What must be seen at once is not held back until there is enough to compress.
        && !headers.contains_key("x-accel-buffering")
        && !path.starts_with("/api/v1/session")
}

async fn file(files: &PackedFiles, path: String, coding: Coding, body: Body) -> io::Result<Bytes> {
    let key = (path, coding);
    if let Some(packed) = files.lock().get(&key) {
        return Ok(packed.clone());
    }
    let clear = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let pack = move || {
        let mut encoder = Encoder::new(coding, STRONG_LEVELS)?;
        let mut packed = encoder.write(&clear)?;
        packed.extend(encoder.finish()?);
        io::Result::Ok(Bytes::from(packed))
    };
    let packed = tokio::task::spawn_blocking(pack)
        .await
        .map_err(io::Error::other)??;
    files.lock().insert(key, packed.clone());
    Ok(packed)
}

/// What remains to be read; `None` at the end.
type Remaining = Option<(Encoder, BodyDataStream)>;

fn packed(coding: Coding, body: BodyDataStream) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
    let start = Encoder::new(coding, QUICK_LEVELS).map(|encoder| Some((encoder, body)));
    stream::unfold(start, async |remaining| {
        match remaining {
            Err(error) => Some((Err(error), Ok(None))),
            Ok(None) => None,
            Ok(Some((encoder, body))) => Some(match step(encoder, body).await {
                Ok((bytes, remaining)) => (Ok(bytes), Ok(remaining)),
                // An error in the body makes the browser report a failed download instead of keeping a short file.
                Err(error) => (Err(error), Ok(None)),
            }),
        }
    })
}

/// Reads until there is something to send.
async fn step(mut encoder: Encoder, mut body: BodyDataStream) -> io::Result<(Bytes, Remaining)> {
    loop {
        let Some(piece) = body.next().await else {
            return Ok((encoder.finish()?.into(), None));
        };
        let piece = piece.map_err(io::Error::other)?;
        let packed = if piece.len() < LARGE {
            encoder.write(&piece)?
        } else {
            let work = move || encoder.write(&piece).map(|packed| (encoder, packed));
            let (back, packed) = tokio::task::spawn_blocking(work)
                .await
                .map_err(io::Error::other)??;
            encoder = back;
            packed
        };
        if !packed.is_empty() {
            return Ok((packed.into(), Some((encoder, body))));
        }
    }
}

enum Encoder {
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Encoder {
    fn new(coding: Coding, (zstd, gzip): (i32, u32)) -> io::Result<Encoder> {
        Ok(match coding {
            Coding::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), zstd)?),
            Coding::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::new(gzip))),
        })
    }

    /// Compresses bytes and returns the output that is ready, which may be none.
    fn write(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Zstd(encoder) => {
                encoder.write_all(bytes)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Encoder::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Zstd(encoder) => encoder.finish(),
            Encoder::Gzip(encoder) => encoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_coding_both_sides_know_is_taken() {
        for (given, expected) in [
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("gzip;q=0.5, zstd;q=0", Some(Coding::Gzip)),
            ("GZIP", Some(Coding::Gzip)),
            ("br", None),
            ("gzip;q=0", None),
            ("identity", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, given.parse().unwrap());
            assert_eq!(Coding::accepted(&headers), expected, "{given}");
        }
        assert_eq!(Coding::accepted(&HeaderMap::new()), None);
    }
}
