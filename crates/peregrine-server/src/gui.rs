//! The GUI's files, and the security headers on every answer.

use crate::shared::Shared;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use std::sync::Arc;

/// A file of the GUI.
#[derive(Debug, Clone)]
pub struct GuiFile {
    /// Its bytes.
    pub bytes: std::borrow::Cow<'static, [u8]>,
    /// Its media type.
    pub content_type: String,
}

/// The GUI's files, by path without leading slash; `index.html` answers all routes of the application.
pub trait GuiAssets: Send + Sync + 'static {
    /// The file at this path.
    fn file(&self, path: &str) -> Option<GuiFile>;
}

/// A table of path, bytes, media type.
impl GuiAssets for &'static [(&'static str, &'static [u8], &'static str)] {
    fn file(&self, path: &str) -> Option<GuiFile> {
        let (_, bytes, content_type) = self.iter().find(|(name, ..)| *name == path)?;
        Some(GuiFile {
            bytes: (*bytes).into(),
            content_type: (*content_type).to_owned(),
        })
    }
}

/// No GUI: the server answers only REST and agents.
#[derive(Debug, Clone, Copy)]
pub struct NoGui;

impl GuiAssets for NoGui {
    fn file(&self, _: &str) -> Option<GuiFile> {
        None
    }
}

/// Scripts, styles and data only from this origin, and no framing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Serves the GUI's files; unknown paths without a file extension are routes of the application.
pub(crate) async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return status_only(StatusCode::METHOD_NOT_ALLOWED);
    }
    let path = request.uri().path().trim_start_matches('/');
    // Ids and artifact names contain dots, so a dot does not identify a file; files are in `assets/` or at the root.
    let is_route = if path.contains('/') {
        !path.starts_with("assets/") && !path.contains("..")
    } else {
        !path.contains('.')
    };
    let found = match shared.gui.file(path).filter(|_| !path.is_empty()) {
        Some(file) => Some((file, path.starts_with("assets/"))),
        None if is_route => shared.gui.file("index.html").map(|file| (file, false)),
        None => None,
    };
    let Some((file, is_hashed)) = found else {
        return status_only(StatusCode::NOT_FOUND);
    };
    let body = if request.method() == Method::HEAD {
        Body::empty()
    } else {
        Body::from(file.bytes.into_owned())
    };
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_str(&file.content_type);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    // Names under `assets/` carry a hash of the content, so they never change.
    let cache = if is_hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn status_only(status: StatusCode) -> Response {
    let mut response = Response::new(Body::from(status.canonical_reason().unwrap_or_default()));
    *response.status_mut() = status;
    response
}

/// Adds the security headers to every answer of the GUI's listener.
pub(crate) async fn secure(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: header::HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    set(
        header::HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        header::HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    set(
        header::HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    );
    if !shared.config.gui.use_plain_http {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if is_api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
