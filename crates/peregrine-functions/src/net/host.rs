//! `host()`: names and addresses.

use std::collections::HashSet;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use parking_lot::Mutex;

use super::dns::{Kind, Record, Servers};
use super::dns_tracker;
use crate::prelude::*;

/// Looks up a name or an address.
///
/// `type` is the type of record: `A`, a list of addresses of both versions; `IP`, the same as dicts with
/// `IP`, `Zone`; `PTR`, the names of an address; `NS`, dicts with `Host`; `MX`, dicts with `Host`, `Pref`;
/// `SRV`, dicts with `Target`, `Port`, `Priority`, `Weight`; `TXT`, a list of texts; `CNAME`, the name that
/// an alias refers to. Names in results end with a dot.
///
/// `A` and `PTR` first use the answers recorded by `cache_dns()`. `A` and `IP` then ask the system,
/// everything else its DNS servers. A failure is logged once and gives NULL.
#[derive(VqlArgs)]
pub struct Args {
    /// The name, or the address for `PTR`.
    name: String,
    /// A DNS server to ask, as `address:port`; the system's when left out.
    server: Option<String>,
    /// The type of record.
    #[arg(name = "type", default = String::from("A"))]
    kind: String,
    /// Ask the DNS servers directly instead of the system.
    #[arg(default = false)]
    prefer_go: bool,
    /// Use only the answers recorded by `cache_dns()`.
    #[arg(default = false)]
    tracker_only: bool,
}

pub struct Host;

impl Function for Host {
    type Args = Args;
    const NAME: &'static str = "host";
    const CATEGORY: Category = Category::Net;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::Network];
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example(
            "nothing known",
            "host(name='unseen.example', tracker_only=TRUE)",
            "[]",
        ),
        example(
            "told by cache_dns()",
            "if(condition=cache_dns(name='told.example', ip='192.0.2.7'), then=host(name='Told.example.', tracker_only=TRUE))",
            r#"["192.0.2.7"]"#,
        ),
        not_run("mail servers", "host(name='example.com', type='MX')"),
        fails(
            "an unknown type",
            "host(name='a', type='HINFO')",
            "`type` `HINFO`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::Network)?;
        let kind = args.kind.to_uppercase();
        if !KINDS.contains(&&*kind) {
            return Err(format!("`type` `{}` is none of {}", args.kind, KINDS.join(", ")).into());
        }
        let known = match &*kind {
            "A" => dns_tracker::addresses_of(scope, &args.name),
            "PTR" => dns_tracker::names_of(scope, &canonical(&args.name)),
            _ => Vec::new(),
        };
        if !known.is_empty() || args.tracker_only {
            return Ok(Value::from(known));
        }
        match look_up(scope, &args, &kind) {
            Err(VqlError::Message(error)) => {
                let logged = scope.cache("host", LoggedErrors::default);
                let mut logged = logged.0.lock();
                if logged.len() < MAX_LOGGED && logged.insert(error.clone()) {
                    scope.log_line(&format!("host: {error}"));
                }
                Ok(Value::Null)
            }
            other => other,
        }
    }
}

const KINDS: [&str; 8] = ["A", "CNAME", "IP", "MX", "NS", "PTR", "SRV", "TXT"];
/// Maximum number of distinct messages one query logs.
const MAX_LOGGED: usize = 1000;
/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(100);

/// Messages that have already been logged.
#[derive(Default)]
struct LoggedErrors(Mutex<HashSet<String>>);

fn canonical(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => address.to_owned(),
    }
}

fn look_up(scope: &Scope, args: &Args, kind: &str) -> VqlResult {
    let server = args.server.as_deref().filter(|server| !server.is_empty());
    let servers = || match server {
        Some(server) => Servers::one(server),
        None => Servers::of_system(),
    };
    match kind {
        "A" | "IP" => {
            let found = if server.is_none() && !args.prefer_go {
                ask_system(scope, &args.name)?
            } else {
                addresses(scope, &servers()?, &args.name)?
            };
            let with_zone = |ip: IpAddr| Dict::from_pairs([("IP", ip.to_string()), ("Zone", String::new())]);
            Ok(if kind == "A" {
                found.iter().map(IpAddr::to_string).collect()
            } else {
                found.into_iter().map(with_zone).collect()
            })
        }
        "PTR" => {
            let address: IpAddr = args
                .name
                .parse()
                .map_err(|_| format!("`{}` is not an address", args.name))?;
            let local = match server {
                None => names_in_hosts(address),
                Some(_) => Vec::new(),
            };
            if !local.is_empty() {
                return Ok(Value::from(local));
            }
            let records = servers()?.ask(scope, &reverse_name(address), Kind::Ptr)?;
            Ok(names(records).into())
        }
        "NS" => {
            let hosts = names(servers()?.ask(scope, &args.name, Kind::Ns)?).into_iter();
            Ok(hosts.map(|host| Dict::from_pairs([("Host", host)])).collect())
        }
        "MX" => {
            let mut mails: Vec<(u16, String)> = servers()?
                .ask(scope, &args.name, Kind::Mx)?
                .into_iter()
                .filter_map(|record| match record {
                    Record::Mail(preference, host) => Some((preference, host)),
                    _ => None,
                })
                .collect();
            mails.sort();
            let rows = mails.into_iter();
            Ok(rows
                .map(|(preference, host)| {
                    Dict::from_pairs([("Host", Value::from(host)), ("Pref", Value::from(preference))])
                })
                .collect())
        }
        "SRV" => {
            let mut services: Vec<(u16, Dict)> = servers()?
                .ask(scope, &args.name, Kind::Srv)?
                .into_iter()
                .filter_map(service_row)
                .collect();
            services.sort_by_key(|(priority, _)| *priority);
            Ok(services.into_iter().map(|(_, row)| row).collect())
        }
        "TXT" => {
            let records = servers()?.ask(scope, &args.name, Kind::Txt)?.into_iter();
            Ok(records
                .filter_map(|record| match record {
                    Record::Text(text) => Some(Value::Str(Str::from(text))),
                    _ => None,
                })
                .collect())
        }
        _ => {
            let records = servers()?.ask(scope, &args.name, Kind::A)?;
            Ok(Value::from(stands_for(&args.name, &records)))
        }
    }
}

fn service_row(record: Record) -> Option<(u16, Dict)> {
    let Record::Service {
        priority,
        weight,
        port,
        target,
    } = record
    else {
        return None;
    };
    let row = Dict::from_pairs([
        ("Target", Value::from(target)),
        ("Port", Value::from(port)),
        ("Priority", Value::from(priority)),
        ("Weight", Value::from(weight)),
    ]);
    Some((priority, row))
}

/// Addresses of both versions; one of the two questions may fail.
fn addresses(scope: &Scope, servers: &Servers, name: &str) -> VqlResult<Vec<IpAddr>> {
    let mut found = Vec::new();
    let mut problem = None;
    for kind in [Kind::A, Kind::Aaaa] {
        match servers.ask(scope, name, kind) {
            Ok(records) => found.extend(records.into_iter().filter_map(|record| match record {
                Record::Address(address) => Some(address),
                _ => None,
            })),
            Err(VqlError::Stopped) => return Err(VqlError::Stopped),
            Err(error) => problem = Some(error),
        }
    }
    match problem {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

/// The system's answer, from a thread that may outlive the query, because it cannot be interrupted.
fn ask_system(scope: &Scope, name: &str) -> VqlResult<Vec<IpAddr>> {
    let (sender, receiver) = channel();
    let asked = name.to_owned();
    std::thread::Builder::new()
        .name("resolve".to_owned())
        .spawn(move || {
            let found = (&*asked, 0).to_socket_addrs().map(|found| {
                let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
                let mut seen = HashSet::new();
                addresses.retain(|address| seen.insert(*address));
                addresses
            });
            // Nobody receives it once the query has ended.
            let _ = sender.send(found);
        })
        .map_err(|error| format!("no thread could be started: {error}"))?;
    loop {
        scope.checkpoint()?;
        match receiver.recv_timeout(TICK) {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => return Err(format!("`{name}`: {error}").into()),
            Err(RecvTimeoutError::Timeout) if scope.cancellation().is_cancelled() => {
                return Err(VqlError::Stopped);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("the look-up broke off".into()),
        }
    }
}

/// The names of an address in the system's hosts file.
fn names_in_hosts(address: IpAddr) -> Vec<String> {
    let text = std::fs::read("/etc/hosts").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut names = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        if words.next().and_then(|text| text.parse::<IpAddr>().ok()) == Some(address) {
            names.extend(words.map(str::to_owned));
        }
    }
    names
}

/// `1.2.0.192.in-addr.arpa.`
fn reverse_name(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(address) => {
            let mut name = String::new();
            for byte in address.octets().iter().rev() {
                name.push_str(&format!("{:x}.{:x}.", byte & 15, byte >> 4));
            }
            format!("{name}ip6.arpa.")
        }
    }
}

fn names(records: Vec<Record>) -> Vec<String> {
    let records = records.into_iter();
    records
        .filter_map(|record| match record {
            Record::Name(name) => Some(name),
            _ => None,
        })
        .collect()
}

/// Follows the aliases of an answer.
fn stands_for(name: &str, records: &[Record]) -> String {
    let mut name = format!("{}.", name.trim_end_matches('.'));
    for _ in 0..records.len() {
        let next = records.iter().find_map(|record| match record {
            Record::Alias(from, to) if from.eq_ignore_ascii_case(&name) => Some(to),
            _ => None,
        });
        match next {
            Some(next) => name.clone_from(next),
            None => break,
        }
    }
    name
}
