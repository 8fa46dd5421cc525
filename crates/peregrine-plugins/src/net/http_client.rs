//! `http_client()`: requests to web servers.

use super::http_fetch::{self, Fetch, Reach, Request, Trouble};
use super::http_socket;
use peregrine_engine::prelude::*;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use ureq::http::{self, HeaderMap, HeaderName, HeaderValue, Method, Uri};

/// Sends requests to web servers, over HTTP or HTTPS, and yields their answers.
///
/// The addresses are tried in order until a server answers with a status from 200 to 299. The answer of the
/// last address is returned with any status; if it does not answer at all, a row with the status 500 and the
/// reason as content is returned. A body longer than `chunk_size` is split into several rows.
///
/// A server behind a Unix socket is written as `/run/x.sock:unix/v1/y`: the socket, `:unix`, and the path to
/// request. Bodies that the server compressed with gzip or deflate are decompressed.
///
/// Secrets, cookies and file uploads are not supported; requests that use them are refused.
#[derive(VqlArgs)]
pub struct Args {
    /// The addresses.
    url: Option<Vec<Str>>,
    /// Parameters: added to the address with GET, otherwise sent as a form in the body; a list repeats its
    /// name.
    params: Option<Dict>,
    /// Headers; values that are not strings are ignored.
    headers: Option<Dict>,
    /// GET, POST, PUT, PATCH or DELETE.
    #[arg(default = "GET")]
    method: String,
    /// The body to send.
    data: Option<Str>,
    /// Maximum number of bytes of the body in a row.
    #[arg(default = 4 << 20)]
    chunk_size: i64,
    /// Accept any server certificate.
    #[arg(default = false)]
    skip_verify: bool,
    /// The same as `skip_verify`.
    #[arg(default = false)]
    disable_ssl_security: bool,
    /// Store the body in a temporary file with this extension, such as `.zip`; the content is then its path.
    tempfile_extension: Option<Str>,
    /// Remove the file after everything else.
    #[arg(default = false)]
    remove_last: bool,
    /// Certificates (PEM) of the authorities to trust instead of the public ones.
    root_ca: Option<String>,
    /// Not supported.
    cookie_jar: Option<Dict>,
    /// The user agent to send.
    user_agent: Option<String>,
    /// Not supported.
    secret: Option<String>,
    /// Not supported.
    files: Option<Vec<Dict>>,
}

/// An answer, or a piece of it.
#[derive(IntoRow)]
pub struct Row {
    /// The address.
    url: String,
    /// The body, or the path of the file it is in.
    content: Value,
    /// The status.
    response: i64,
    /// The headers: a list for each name.
    headers: Dict,
}

pub struct HttpClient;

const USER_AGENT: &str = concat!("Peregrine/", env!("CARGO_PKG_VERSION"));

/// Largest piece of a body in a row; larger ones would only cost memory.
const MAX_CHUNK: usize = 64 << 20;

impl Plugin for HttpClient {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "http_client";
    const CATEGORY: Category = Category::Net;
    const VERSION: i64 = 3;
    const PERMISSIONS: &'static [Permission] = &[Permission::Network];
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "a page",
            "SELECT Response, Content FROM http_client(url='https://www.example.com/', chunk_size=100000)",
        ),
        not_run(
            "a file to keep for the query",
            "http_client(url=('https://a.example.com/x.zip', 'https://b.example.com/x.zip'), tempfile_extension='.zip')",
        ),
        example(
            "nobody there",
            "SELECT Url, Response FROM http_client(url='http://127.0.0.1:1/')",
            r#"[{"Url":"http://127.0.0.1:1/","Response":500}]"#,
        ),
        example(
            "a byte that is not UTF-8",
            r"SELECT Url FROM http_client(url='http://127.0.0.1:1/\xff')",
            r#"[{"Url":"http://127.0.0.1:1/%FF"}]"#,
        ),
        fails("no address", "http_client()", "give at least one `url`"),
        fails(
            "what is not built",
            "http_client(url='http://127.0.0.1:1/', cookie_jar=dict(a=1))",
            "`cookie_jar` is not built",
        ),
        example(
            "no such socket",
            "SELECT Response FROM http_client(url='/no/such.sock:unix/v1/y')",
            r#"[{"Response":500}]"#,
        ),
        fails(
            "a path",
            "http_client(url='/v1/y')",
            "write a socket as `/run/x.sock:unix/v1/y`",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::Network)?;
        let urls: Vec<String> = args.url.iter().flatten().map(address).collect();
        refuse_what_is_not_built(&args, &urls)?;
        // All temporary files live as long as the query, so `remove_last` has no effect.
        let _ = args.remove_last;
        let Some((last, others)) = urls.split_last() else {
            return Err("no address: give at least one `url`".into());
        };
        for url in others {
            match answer(scope, &args, url, false, rows)? {
                Answered::Yes => return Ok(()),
                Answered::No(reason) => {
                    scope.log_line(&format!("http_client: {url}: {reason}; trying the next"))
                }
            }
        }
        if let Answered::No(reason) = answer(scope, &args, last, true, rows)? {
            scope.log_line(&format!("http_client: {last}: {reason}"));
            rows.push(Row {
                url: last.clone(),
                content: reason.into(),
                response: 500,
                headers: Dict::new(),
            })?;
        }
        Ok(())
    }
}

/// An address as text: bytes that are not UTF-8 are percent-encoded, so that exactly this address is
/// requested.
fn address(url: &Str) -> String {
    let mut text = String::with_capacity(url.len());
    for chunk in url.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("%{byte:02X}")));
    }
    text
}

fn refuse_what_is_not_built(args: &Args, urls: &[String]) -> Result<(), String> {
    let given = [
        (
            "secret",
            args.secret.as_ref().is_some_and(|secret| !secret.is_empty()),
        ),
        (
            "cookie_jar",
            args.cookie_jar.as_ref().is_some_and(|jar| !jar.is_empty()),
        ),
        (
            "files",
            args.files.as_ref().is_some_and(|files| !files.is_empty()),
        ),
    ];
    if let Some((name, _)) = given.iter().find(|(_, is_given)| *is_given) {
        return Err(format!("`{name}` is not built; leave it out"));
    }
    for url in urls {
        if url.starts_with('/') && http_socket::split(url).is_none() {
            return Err(format!(
                "`{url}` is not an http or https address; write a socket as `/run/x.sock:unix/v1/y`"
            ));
        }
        if url.starts_with("secret:") {
            return Err(format!(
                "`{url}`: secrets are not built; give an http or https address"
            ));
        }
    }
    Ok(())
}

/// Whether an address yielded rows.
enum Answered {
    Yes,
    No(String),
}

/// Requests one address, and emits its answer if it is a good one or the last.
fn answer(
    scope: &Scope,
    args: &Args,
    url: &str,
    is_last: bool,
    rows: &mut Rows<'_, Row>,
) -> VqlResult<Answered> {
    let (socket, target) = match http_socket::split(url) {
        Some((socket, target)) => (Some(socket), target),
        None => (None, url.to_owned()),
    };
    let fetched = request(scope, args, &target).and_then(|request| {
        let reach = Reach {
            skip_verify: args.skip_verify || args.disable_ssl_security,
            root_ca: args.root_ca.as_deref().unwrap_or_default(),
            is_local: is_local(request.uri()),
            socket,
        };
        Ok((http_fetch::client(scope, reach)?, request))
    });
    let fetch = match fetched.map(|(client, request)| Fetch::start(scope, client, request)) {
        Ok(Ok(fetch)) => fetch,
        Ok(Err(Trouble::Stopped)) => return Err(Stop.into()),
        Ok(Err(Trouble::Failed(reason))) | Err(reason) => return Ok(Answered::No(reason)),
    };
    let status = fetch.head().status;
    if !is_last && !(200..300).contains(&status) {
        return Ok(Answered::No(format!("status {status}")));
    }
    let row = |content: Value| Row {
        url: url.to_owned(),
        content,
        response: i64::from(status),
        headers: fetch.head().headers.clone(),
    };
    match &args.tempfile_extension {
        Some(extension) if !extension.is_empty() => {
            let kept = keep(scope, &fetch, extension);
            let path = match kept {
                Ok(path) => path,
                Err(Trouble::Stopped) => return Err(Stop.into()),
                Err(Trouble::Failed(reason)) => return Ok(Answered::No(reason)),
            };
            rows.push(row(Value::str(path.as_os_str().as_encoded_bytes())))?;
        }
        _ => {
            let chunk = usize::try_from(args.chunk_size)
                .ok()
                .filter(|size| *size > 0)
                .unwrap_or(4 << 20)
                .min(MAX_CHUNK);
            let mut body = Body {
                fetch: &fetch,
                waiting: Vec::new(),
                is_whole: false,
            };
            let mut is_first = true;
            loop {
                match body.take(scope, chunk) {
                    Ok(content) => {
                        let is_end = content.len() < chunk;
                        rows.push(row(Value::Str(Str::from(content))))?;
                        if is_end {
                            break;
                        }
                    }
                    Err(Trouble::Stopped) => return Err(Stop.into()),
                    Err(Trouble::Failed(reason)) if is_first => return Ok(Answered::No(reason)),
                    Err(Trouble::Failed(reason)) => {
                        return Err(format!("{url}: the body is cut: {reason}").into());
                    }
                }
                is_first = false;
            }
        }
    }
    Ok(Answered::Yes)
}

/// A body in pieces of a size different from the network's.
struct Body<'a> {
    fetch: &'a Fetch,
    waiting: Vec<u8>,
    is_whole: bool,
}

impl Body<'_> {
    /// The next `length` bytes; fewer only at the end.
    fn take(&mut self, scope: &Scope, length: usize) -> Result<Vec<u8>, Trouble> {
        while self.waiting.len() < length && !self.is_whole {
            match self.fetch.piece(scope)? {
                Some(piece) => self.waiting.extend_from_slice(&piece),
                None => self.is_whole = true,
            }
        }
        let rest = self.waiting.split_off(length.min(self.waiting.len()));
        Ok(std::mem::replace(&mut self.waiting, rest))
    }
}

/// Writes the body into a temporary file that is removed when the query ends.
fn keep(scope: &Scope, fetch: &Fetch, extension: &[u8]) -> Result<PathBuf, Trouble> {
    let path = peregrine_functions::temporary::fresh_path(scope, extension).map_err(Trouble::Failed)?;
    let failed = |error: std::io::Error| Trouble::Failed(format!("`{}`: {error}", path.display()));
    let mut file = create(&path).map_err(failed)?;
    peregrine_functions::temporary::remove_at_close(scope, path.clone());
    while let Some(piece) = fetch.piece(scope)? {
        file.write_all(&piece).map_err(failed)?;
    }
    Ok(path)
}

fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn request(scope: &Scope, args: &Args, url: &str) -> Result<Request, String> {
    let method = match args.method.to_ascii_uppercase().as_str() {
        "" | "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => {
            return Err(format!(
                "unknown method `{}`; there are GET, POST, PUT, PATCH and DELETE",
                args.method
            ));
        }
    };
    let form = args
        .params
        .as_ref()
        .map(|params| encode_form(scope, params))
        .filter(|form| !form.is_empty());
    let mut headers = HeaderMap::new();
    let mut target = url.to_owned();
    let mut body = args.data.as_ref().map(|data| data.to_vec());
    match form {
        Some(form) if method == Method::GET => target = with_query(url, &form),
        Some(form) if body.is_none() => {
            body = Some(form.into_bytes());
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(http::header::CONTENT_TYPE, kind);
        }
        _ => {}
    }
    if body.is_none() && !matches!(method, Method::GET | Method::DELETE) {
        body = Some(Vec::new());
    }
    let name = args.user_agent.as_deref().filter(|name| !name.is_empty());
    let name = HeaderValue::from_str(name.unwrap_or(USER_AGENT))
        .map_err(|_| "`user_agent` has characters that a header cannot have".to_owned())?;
    headers.insert(http::header::USER_AGENT, name);
    for (name, value) in args.headers.iter().flat_map(Dict::entries) {
        if let Value::Str(value) = value.reduce(scope) {
            let bad = |_| format!("`{name}` can not be a header with this value");
            let key = HeaderName::from_bytes(&name)
                .map_err(|_| format!("`{name}` can not be the name of a header"))?;
            headers.insert(key, HeaderValue::from_bytes(&value).map_err(bad)?);
        }
    }
    let uri: Uri = target
        .parse()
        .map_err(|error| format!("`{url}` is not an address: {error}"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(format!("`{url}` is not an http or https address"));
    }
    let mut request = http::Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Adds parameters to an address.
fn with_query(url: &str, form: &str) -> String {
    let address = url.split('#').next().unwrap_or_default();
    let separator = if !address.contains('?') {
        "?"
    } else if address.ends_with(['?', '&']) {
        ""
    } else {
        "&"
    };
    format!("{address}{separator}{form}")
}

fn encode_form(scope: &Scope, params: &Dict) -> String {
    let mut form = String::new();
    for (name, value) in params.entries() {
        let values = match value.reduce(scope) {
            Value::Array(values) => values.to_vec(),
            single => vec![single],
        };
        for value in values {
            if !form.is_empty() {
                form.push('&');
            }
            encode(&name, &mut form);
            form.push('=');
            encode(&value.reduce(scope).to_text(scope), &mut form);
        }
    }
    form
}

fn encode(text: &[u8], form: &mut String) {
    for &byte in text {
        match byte {
            b' ' => form.push('+'),
            b'-' | b'_' | b'.' | b'~' => form.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => form.push(char::from(byte)),
            _ => form.push_str(&format!("%{byte:02X}")),
        }
    }
}

fn is_local(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
