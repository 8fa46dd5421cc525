//! `rsyslog()`: sends messages to a log server.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::syslog_sender::{Protocol, Sender, Target};
use crate::prelude::*;

/// Sends a message to a log server, in the format of RFC 5424.
///
/// The connection is made at the first call and kept for the query; if it cannot be made, the result is NULL.
/// Up to 1000 messages are then queued, and sent in order; a message that cannot be sent after three tries is
/// reported in the log. Over UDP a message is cut at 1024 bytes; over TCP and TLS it is preceded by its
/// length.
#[derive(VqlArgs)]
pub struct Args {
    /// The name or address of the server.
    hostname: String,
    /// Its port.
    #[arg(default = 514u64)]
    port: u64,
    /// `udp`, `tcp` or `tls`.
    #[arg(default = String::from("udp"))]
    protocol: String,
    /// The message.
    message: Str,
    /// The part of the system it comes from, 0 to 23.
    #[arg(default = 0)]
    facility: i64,
    /// Its severity, from 0, the worst, to 7.
    #[arg(default = 0)]
    severity: i64,
    /// The time of the event; now when left out.
    timestamp: Option<Time>,
    /// The machine it is about; this one when left out.
    source_hostname: Option<String>,
    /// The program it is about.
    app_name: Option<String>,
    /// The process it is about.
    proc_id: Option<String>,
    /// The name of the structured data.
    #[arg(default = String::from("msg@123"))]
    sd_id: String,
    /// The structured data.
    args: Option<Dict>,
    /// Certificates (PEM) of the only authorities to trust; the public ones when left out.
    root_ca: Option<String>,
}

pub struct Rsyslog;

impl Function for Rsyslog {
    type Args = Args;
    const NAME: &'static str = "rsyslog";
    const CATEGORY: Category = Category::Net;
    const VERSION: i64 = 3;
    const PERMISSIONS: &'static [Permission] = &[Permission::Network];
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "a warning with data",
            "rsyslog(hostname='logs.example', protocol='tcp', facility=1, severity=4, message='found', args=dict(Pid=7))",
        ),
        fails(
            "a wrong protocol",
            "rsyslog(hostname='127.0.0.1', message='m', protocol='smoke')",
            "`protocol` `smoke`",
        ),
        fails(
            "a wrong severity",
            "rsyslog(hostname='127.0.0.1', message='m', severity=8)",
            "`severity` 8",
        ),
        fails(
            "nobody there",
            "rsyslog(hostname='127.0.0.1', port=1, protocol='tcp', message='m')",
            "rsyslog: `127.0.0.1:1`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::Network)?;
        let target = target(&args)?;
        let line = line(scope, &args)?;
        let senders = scope.cache("rsyslog", Senders::default);
        let sender = {
            let mut senders = senders.0.lock();
            match senders.get(&target) {
                Some(known) => Arc::clone(known),
                None => match Sender::start(scope, target.clone()) {
                    Ok(sender) => {
                        let sender = Arc::new(sender);
                        senders.insert(target, Arc::clone(&sender));
                        sender
                    }
                    Err(error) => {
                        scope.log_line(&format!("rsyslog: `{}:{}`: {error}", target.host, target.port));
                        return Ok(Value::Null);
                    }
                },
            }
        };
        sender.send(scope, line)?;
        Ok(Value::from(true))
    }
}

/// The connections of a query.
#[derive(Default)]
struct Senders(Mutex<HashMap<Target, Arc<Sender>>>);

fn target(args: &Args) -> Result<Target, String> {
    let protocol = match &*args.protocol.to_lowercase() {
        "udp" => Protocol::Udp,
        "tcp" => Protocol::Tcp,
        "tls" => Protocol::Tls,
        _ => return Err(format!("`protocol` `{}` is none of udp, tcp, tls", args.protocol)),
    };
    Ok(Target {
        protocol,
        host: args.hostname.clone(),
        port: u16::try_from(args.port).map_err(|_| format!("`port` {} is none", args.port))?,
        root_ca: args.root_ca.clone().unwrap_or_default(),
    })
}

/// `<priority>1 time host program process - [data] message`.
fn line(scope: &Scope, args: &Args) -> Result<Vec<u8>, String> {
    let within = |name: &str, value: i64, most: i64| {
        if (0..=most).contains(&value) {
            Ok(value)
        } else {
            Err(format!("`{name}` {value} is not from 0 to {most}"))
        }
    };
    let priority = within("facility", args.facility, 23)? * 8 + within("severity", args.severity, 7)?;
    let time = args.timestamp.unwrap_or_else(|| scope.clock().now());
    let time =
        peregrine_engine::time::rfc3339(Time::from_unix(time.unix(), 0)).unwrap_or_else(|| "-".to_owned());
    let machine = match &args.source_hostname {
        Some(name) => name.clone(),
        None => this_machine(),
    };
    let [host, program, process] = [
        word(&machine, 255),
        word(args.app_name.as_deref().unwrap_or_default(), 48),
        word(args.proc_id.as_deref().unwrap_or_default(), 128),
    ];
    let data = match &args.args {
        Some(data) if !data.is_empty() => structured(scope, &args.sd_id, data),
        _ => b"-".to_vec(),
    };
    let mut line = format!("<{priority}>1 {time} {host} {program} {process} - ").into_bytes();
    line.extend_from_slice(&data);
    line.push(b' ');
    line.extend_from_slice(&args.message);
    Ok(line)
}

/// A field of the header: only visible characters; `-` if there are none.
fn word(text: &str, most: usize) -> String {
    let visible: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if visible.is_empty() {
        "-".to_owned()
    } else {
        visible
    }
}

/// `[name key="value"]`; values are bytes.
fn structured(scope: &Scope, id: &str, data: &Dict) -> Vec<u8> {
    let name = |text: &str| {
        let clean: String = text.chars().filter(|c| !"=]\"".contains(*c)).collect();
        word(&clean, 32)
    };
    let mut out = format!("[{}", name(id)).into_bytes();
    for (key, value) in data.entries() {
        out.extend_from_slice(format!(" {}=\"", name(&key.to_string())).as_bytes());
        for &byte in value.reduce(scope).to_text(scope).as_bytes() {
            if matches!(byte, b'"' | b'\\' | b']') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
    out.push(b']');
    out
}

#[cfg(unix)]
fn this_machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
#[expect(
    clippy::disallowed_methods,
    reason = "there the name of the machine is a variable"
)]
fn this_machine() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}
