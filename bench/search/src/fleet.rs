//! A made-up fleet: the same machines in every run, with names, labels and addresses as companies give them.

use anyhow::{Context as _, ensure};
use futures_util::StreamExt as _;
use peregrine_store::{
    ClientFacts, ClientId, ClientStore as _, Contact, NewClient, OrgDatabase, ServerRecord, ServerStore as _,
    Touch,
};

/// The server that the machines which are online are connected to.
const SERVER: &str = "S.bench";
/// Who looks at machines.
pub(crate) const USER: &str = "jana";
/// Machines written at a time, which then share transactions.
const AT_ONCE: usize = 500;
const ROLES: [&str; 10] = [
    "web", "db", "app", "mail", "laptop", "desk", "build", "dc", "file", "print",
];
const SITES: [&str; 5] = ["berlin", "paris", "london", "nyc", "tokyo"];
/// 2026-01-01, in microseconds.
const NEW_YEAR: i64 = 1_767_225_600_000_000;
const SECOND: i64 = 1_000_000;

/// A machine of the fleet.
pub(crate) struct Machine {
    pub(crate) client: NewClient,
    pub(crate) metadata: Vec<(String, Option<String>)>,
    pub(crate) last_ip: String,
    pub(crate) last_seen: i64,
    pub(crate) is_online: bool,
}

/// The machine with this number.
pub(crate) fn machine(number: u64) -> anyhow::Result<Machine> {
    let random = scrambled(number);
    // Some were installed again and came back as another client.
    let named = number - u64::from(number % 500 == 1);
    let place = scrambled(named);
    let (role, site) = (pick(&ROLES, place), pick(&SITES, place >> 8));
    let hostname = format!("{role}-{site}-{named:05}");
    let [.., a, b, c] = number.to_be_bytes();
    let mac = |salt: u64| {
        let [.., d, e, f, g, h] = scrambled(named * 4 + salt).to_be_bytes();
        format!("02:{d:02x}:{e:02x}:{f:02x}:{g:02x}:{h:02x}")
    };
    let last_ip = format!("10.{a}.{b}.{c}");
    let labels: &[&str] = match random >> 16 & 7 {
        0 | 1 => &["prod"],
        2 => &["prod", "patch-1"],
        3 => &["Prod", "Europe", "ring-1"],
        4 | 5 => &["test"],
        6 => &["test", "ring-2"],
        _ => &[],
    };
    let first_seen = NEW_YEAR - i64::try_from(random >> 40)? * SECOND;
    let client = NewClient {
        client_id: format!("C.{:016x}", scrambled(random)).parse()?,
        facts: ClientFacts {
            fqdn: format!("{hostname}.{site}.corp.example.org"),
            hostname,
            os: match random >> 24 & 15 {
                0 => "darwin",
                1..=4 => "linux",
                _ => "windows",
            }
            .into(),
            release: "Windows 11 Pro 23H2".into(),
            architecture: "amd64".into(),
            agent_name: "peregrine".into(),
            agent_version: "0.1.0".into(),
            build_time: "2026-01-01T00:00:00Z".into(),
            build_url: String::new(),
            addresses: vec![
                last_ip.clone(),
                format!("192.168.{b}.{c}"),
                format!("fe80::{:x}:{number:x}", random & 0xffff),
            ],
            mac_addresses: vec![mac(1), mac(2)],
        },
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        first_seen,
        last_seen: first_seen,
    };
    Ok(Machine {
        client,
        metadata: vec![
            ("owner".into(), Some(format!("team-{}", random % 200))),
            ("site".into(), Some(site.into())),
        ],
        last_ip,
        last_seen: NEW_YEAR + i64::try_from(scrambled(number ^ 3) >> 44)? * SECOND,
        is_online: random >> 32 & 3 != 0,
    })
}

/// Stores the fleet.
pub(crate) async fn store(database: &OrgDatabase, count: u64) -> anyhow::Result<()> {
    let server = ServerRecord {
        server_id: SERVER.into(),
        host: String::new(),
        started: 1,
        beat: 0,
        is_local: false,
    };
    database.join_servers(server).await?;
    let machines = futures_util::stream::iter((0..count).map(|number| store_machine(database, number)));
    let mut touches = machines.buffer_unordered(AT_ONCE).ready_chunks(AT_ONCE);
    while let Some(some) = touches.next().await {
        let some: anyhow::Result<Vec<Touch>> = some.into_iter().collect();
        database.touch(SERVER, some?).await?;
    }
    for number in 0..count.min(40) {
        let client_id = machine(number * 7 % count)?.client.client_id;
        database
            .open_client(&client_id, USER, i64::try_from(number)?)
            .await?;
    }
    Ok(())
}

/// Stores a machine, except for the sign of life, which it returns.
async fn store_machine(database: &OrgDatabase, number: u64) -> anyhow::Result<Touch> {
    let machine = machine(number)?;
    let client_id: ClientId = machine.client.client_id.clone();
    let is_new = database.create_client(machine.client).await?;
    ensure!(is_new, "the database has clients already");
    let changed = database.set_metadata(&client_id, &machine.metadata).await;
    changed.context("metadata")?;
    Ok(Touch {
        client_id,
        at: machine.last_seen,
        ip: machine.last_ip,
        contact: match machine.is_online {
            true => Contact::Pauses,
            false => Contact::Left,
        },
    })
}

fn pick<'a>(names: &[&'a str], random: u64) -> &'a str {
    let at = usize::try_from(random & 0xff).unwrap_or(0) % names.len();
    names.get(at).copied().unwrap_or_default()
}

/// Numbers that look random (splitmix64).
fn scrambled(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
