//! `mail()`: mail over SMTP.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{SmtpTransport, Transport};
use parking_lot::Mutex;

use crate::prelude::*;

/// Sends mail over SMTP. The result is a dict with `ErrorStatus`: `OK: Message Sent`, or the reason of the
/// failure.
///
/// The connection is encrypted if the server supports that (STARTTLS), from the start on port 465, and always
/// when there is a password and the server is another machine. A mail less than `period` seconds after the
/// last one of this process is suppressed. A header `Content-Type` sets the type of the body, which is plain
/// text otherwise. Bytes that are not UTF-8 are sent unchanged, as text in an unknown charset
/// (`unknown-8bit`).
///
/// On a server, a call without `server` uses what the section `Mail` of its configuration says.
#[derive(VqlArgs)]
pub struct Args {
    /// The recipients.
    to: Vec<Str>,
    /// The sender; `auth_username` when left out. It is a keyword of VQL, so write it in backticks.
    from: Option<Str>,
    /// The recipients of copies.
    cc: Option<Vec<Str>>,
    /// The subject.
    subject: Option<Str>,
    /// The text.
    body: Str,
    /// Seconds between two mails of this process.
    #[arg(default = 60)]
    period: i64,
    /// The port of the server; 587 when left out.
    server_port: Option<u64>,
    /// The SMTP server; the one of the server's configuration when left out.
    server: Option<String>,
    /// The name to sign in with.
    auth_username: Option<String>,
    /// The password to sign in with.
    auth_password: Option<String>,
    /// Accept any server certificate.
    #[arg(default = false)]
    skip_verify: bool,
    /// Certificates (PEM) of the only authorities to trust; the public ones when left out.
    root_ca: Option<String>,
    /// The name of a secret with these settings; not supported yet.
    secret: Option<String>,
    /// Additional headers.
    headers: Option<Dict>,
}

/// Where mail goes, and in whose name, when a query does not say.
#[derive(Clone, Default)]
pub struct MailSettings {
    pub server: String,
    pub server_port: Option<u16>,
    pub from: String,
    pub auth_username: String,
    pub auth_password: String,
    /// Accept any server certificate.
    pub skip_verify: bool,
}

pub struct Mail;

impl Function for Mail {
    type Args = Args;
    const NAME: &'static str = "mail";
    const CATEGORY: Category = Category::Net;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::Network];
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "a mail",
            "mail(server='mail.example', `from`='vql@example.com', to='admin@example.com', subject='Found', body='Look!')",
        ),
        example(
            "to nobody",
            "mail(to=[], body='x').ErrorStatus",
            r#""no recipient.""#,
        ),
        example(
            "no server",
            "mail(to='a@example.com', body='x').ErrorStatus",
            r#""no mail server is configured; give one as `server`""#,
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::Network)?;
        let args = match scope.extension::<MailSettings>() {
            Some(settings) => completed(args, &settings),
            None => args,
        };
        let status = match send(scope, &args) {
            Ok(()) => "OK: Message Sent".to_owned(),
            Err(VqlError::Stopped) => return Err(VqlError::Stopped),
            Err(error) => error.to_string(),
        };
        Ok(Value::Dict(Dict::from_pairs([("ErrorStatus", status)])))
    }
}

/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(100);
/// A server that is silent for this long is given up.
const SILENCE: Duration = Duration::from_secs(60);
const PORT: u64 = 587;
const SAFE_PORT: u16 = 465;
const NOBODY: &str = "no-reply@peregrine.example.com";

/// When the last mail of this host was sent.
#[derive(Default)]
struct LastMail(Mutex<Option<Instant>>);

/// What the call leaves out, from the settings. A call that names a server gets nothing of them: their password is for one server
/// only.
fn completed(args: Args, settings: &MailSettings) -> Args {
    if given(&args.server).is_some() {
        return args;
    }
    let configured = |text: &String| given(&Some(text.clone()));
    let (auth_username, auth_password) = match given(&args.auth_username) {
        Some(name) => (Some(name), args.auth_password),
        None => (
            configured(&settings.auth_username),
            configured(&settings.auth_password),
        ),
    };
    Args {
        server: configured(&settings.server),
        server_port: args.server_port.or(settings.server_port.map(u64::from)),
        from: args
            .from
            .filter(|from| !is_blank(from))
            .or_else(|| configured(&settings.from).map(Str::from)),
        auth_username,
        auth_password,
        skip_verify: args.skip_verify || settings.skip_verify,
        ..args
    }
}

fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.trim().is_empty())
}

fn send(scope: &Scope, args: &Args) -> VqlResult<()> {
    if given(&args.secret).is_some() {
        return Err("there are no secrets in this version; give the settings themselves".into());
    }
    let message = message(scope, args)?;
    let server = given(&args.server).ok_or("no mail server is configured; give one as `server`")?;
    let transport = transport(args, &server)?;
    {
        let last = scope.host_state::<LastMail>();
        let mut last = last.0.lock();
        let period = Duration::from_secs(u64::try_from(args.period).unwrap_or(0));
        if last.is_some_and(|last| last.elapsed() < period) {
            return Err("Send too fast, suppressing.".into());
        }
        *last = Some(Instant::now());
    }
    let (sender, receiver) = channel();
    std::thread::Builder::new()
        .name("mail".to_owned())
        .spawn(move || {
            // Nobody receives it once the query has ended.
            let _ = sender.send(transport.send(&message).map_err(|error| describe(&error)));
        })
        .map_err(|error| format!("no thread could be started: {error}"))?;
    loop {
        scope.checkpoint()?;
        match receiver.recv_timeout(TICK) {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => return Err(error.into()),
            Err(RecvTimeoutError::Timeout) if scope.cancellation().is_cancelled() => {
                return Err(VqlError::Stopped);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("the sending broke off".into()),
        }
    }
}

/// An error with all its causes.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    text
}

fn mailbox(text: &Str) -> Result<Mailbox, String> {
    let Some(address) = text.as_utf8() else {
        return Err(format!(
            "`{text}` is not a mail address: it has bytes that are not UTF-8"
        ));
    };
    address
        .trim()
        .parse()
        .map_err(|error| format!("`{text}` is not a mail address: {error}"))
}

fn is_blank(text: &Str) -> bool {
    text.trim_ascii().is_empty()
}

/// A header; bytes that are not UTF-8 are written as encoded words (RFC 2047) in the charset of RFC 1428.
fn header(name: HeaderName, value: &Str) -> HeaderValue {
    /// The number of bytes that fit into an encoded word of 75 characters.
    const WORD: usize = 42;
    if let Some(text) = value.as_utf8() {
        return HeaderValue::new(name, text.to_owned());
    }
    let words = value
        .chunks(WORD)
        .map(|part| format!("=?unknown-8bit?B?{}?=", data_encoding::BASE64.encode(part)));
    let encoded = words.collect::<Vec<_>>().join("\r\n ");
    // Only base64 and what is written here, so no header can be smuggled in.
    HeaderValue::dangerous_new_pre_encoded(name, value.to_string(), encoded)
}

fn message(scope: &Scope, args: &Args) -> Result<Message, String> {
    let to: Vec<&Str> = args.to.iter().filter(|text| !is_blank(text)).collect();
    if to.is_empty() {
        return Err("no recipient.".to_owned());
    }
    let from = match args.from.as_ref().filter(|text| !is_blank(text)) {
        Some(from) => mailbox(from)?,
        // A name to sign in with need not be an address.
        None => {
            let name = args.auth_username.as_deref().unwrap_or_default();
            mailbox(&Str::from(name)).or_else(|_| mailbox(&Str::from(NOBODY)))?
        }
    };
    let mut builder = Message::builder().from(from);
    for address in to {
        builder = builder.to(mailbox(address)?);
    }
    for address in args.cc.iter().flatten().filter(|text| !is_blank(text)) {
        builder = builder.cc(mailbox(address)?);
    }
    let subject = HeaderName::new_from_ascii_str("Subject");
    builder = builder.raw_header(header(subject, args.subject.as_ref().unwrap_or(&Str::EMPTY)));
    let mut content_type = match args.body.as_utf8() {
        Some(_) => ContentType::TEXT_PLAIN,
        None => ContentType::parse("text/plain; charset=unknown-8bit").map_err(|error| error.to_string())?,
    };
    for (name, value) in args.headers.iter().flat_map(Dict::entries) {
        let (name, value) = (name.to_string(), value.reduce(scope).to_text(scope));
        let shown = value.to_string();
        if shown.chars().any(char::is_control) {
            return Err(format!("the header `{name}` has control characters"));
        }
        if name.eq_ignore_ascii_case("content-type") {
            content_type = ContentType::parse(&shown)
                .map_err(|_| format!("`{shown}` is not a content type such as `text/html; charset=utf-8`"))?;
            continue;
        }
        let header_name = HeaderName::new_from_ascii(name.clone())
            .map_err(|_| format!("`{name}` is not the name of a header"))?;
        builder = builder.raw_header(header(header_name, &value));
    }
    let builder = builder.header(content_type);
    let message = match args.body.as_utf8() {
        Some(text) => builder.body(text.to_owned()),
        None => builder.body(args.body.to_vec()),
    };
    message.map_err(|error| error.to_string())
}

fn transport(args: &Args, server: &str) -> Result<SmtpTransport, String> {
    let port = args.server_port.unwrap_or(PORT);
    let port = u16::try_from(port).map_err(|_| format!("`server_port` {port} is none"))?;
    let mut tls = TlsParameters::builder(server.to_owned()).dangerous_accept_invalid_certs(args.skip_verify);
    if let Some(root_ca) = args.root_ca.as_ref().filter(|text| !text.trim().is_empty()) {
        let certificate = Certificate::from_pem(root_ca.as_bytes())
            .map_err(|error| format!("`root_ca`: {}", describe(&error)))?;
        tls = tls
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate);
    }
    let tls = tls.build().map_err(|error| describe(&error))?;
    let credentials = match (&args.auth_username, &args.auth_password) {
        (Some(name), password) if !name.is_empty() => Some(Credentials::new(
            name.clone(),
            password.clone().unwrap_or_default(),
        )),
        _ => None,
    };
    let is_local = matches!(server, "localhost" | "127.0.0.1" | "::1");
    let tls = match port {
        SAFE_PORT => Tls::Wrapper(tls),
        _ if credentials.is_some() && !is_local => Tls::Required(tls),
        _ => Tls::Opportunistic(tls),
    };
    let mut builder = SmtpTransport::builder_dangerous(server)
        .port(port)
        .tls(tls)
        .timeout(Some(SILENCE));
    if let Some(credentials) = credentials {
        builder = builder.credentials(credentials);
    }
    Ok(builder.build())
}
