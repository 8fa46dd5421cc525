//! Searches among 100,000 clients: how long the first page takes with its total, as the list of machines asks for it.
//!
//! `cargo run --release -p bench-search` fills a SQLite file with a made-up fleet and prints a table; see `-- --help` for
//! options. Figures are milliseconds of wall time, medians over the runs, after one run that does not count.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that prints")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

mod fleet;

use anyhow::Context as _;
use clap::Parser;
use peregrine_services::clients::{Words, search_filter, suggestions};
use peregrine_store::{
    ClientQuery, ClientSort, ClientStore as _, OrgDatabase, OrgId, Page, PostgresSettings, SqlAddress,
};
use std::path::PathBuf;
use std::time::Instant;

/// As in the released program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Clients on a page.
const PAGE: u64 = 50;

/// Measures searches for clients.
#[derive(Parser)]
struct Args {
    /// Number of clients.
    #[arg(long, default_value_t = 100_000)]
    clients: u64,
    /// Number of runs of each search.
    #[arg(long, default_value_t = 9)]
    runs: usize,
    /// Keep the database in this folder, and use the one that is there.
    #[arg(long, value_name = "FOLDER", conflicts_with = "postgres")]
    keep: Option<PathBuf>,
    /// An empty PostgreSQL database to use instead: `postgres://user@host/database`.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// What they have typed when they look at suggestions.
const BEGUN: [&str; 10] = [
    "", "w", "web-b", "prod", "host:w", "label:", "ip:10.", "mac:02", "C.1", "owner:",
];

/// What people type into the search box. The middle one of the machines is looked for by its own terms.
fn searches(clients: u64) -> anyhow::Result<Vec<(&'static str, String)>> {
    let one = fleet::machine(clients / 2)?;
    let facts = &one.client.facts;
    let first_mac = facts.mac_addresses.first().context("a hardware address")?;
    let middle = |text: &str| text.chars().skip(text.len() / 2).take(5).collect::<String>();
    let id = one.client.client_id.as_str();
    Ok(vec![
        ("all", "all".into()),
        ("a word, many", "web".into()),
        ("a word, one", facts.hostname.clone()),
        ("a word, none", "nowhere".into()),
        ("host, many", "host:web".into()),
        ("host, one", format!("host:{}", facts.fqdn)),
        ("host, all", "host:*.corp.example.org".into()),
        ("host, middle, few", format!("host:*{}*", middle(&facts.hostname))),
        ("host, middle, many", "host:*tokyo*".into()),
        ("host, middle, all", "host:*e*".into()),
        ("host, ends", "host:web-*7".into()),
        ("host, expression", r"host:web-/-\d*00\./".into()),
        ("label, many", "label:prod".into()),
        ("label, few", "label:patch-1".into()),
        ("label, middle", "label:*ing*".into()),
        ("label, any", "label:*".into()),
        ("label, none", "label:none".into()),
        ("id", format!("client:{}", &id[..4])),
        ("id, one", id.to_owned()),
        ("hardware address", "mac:02:1".into()),
        ("hardware address, middle", format!("mac:*{}*", &first_mac[6..11])),
        ("address, many", "ip:10.".into()),
        ("address, few", "ip:10.0.7".into()),
        ("address, middle", "ip:*.77".into()),
        ("metadata", "owner:team-17".into()),
        ("metadata, many", "owner:team".into()),
        ("metadata, middle", "site:*o*".into()),
        ("opened lately", "recent:".into()),
        ("same host name", "duplicate:host".into()),
        ("same hardware address", "duplicate:mac".into()),
    ])
}

const ORDERS: [(&str, ClientSort); 4] = [
    ("host name", ClientSort::Hostname),
    ("last seen", ClientSort::LastSeen),
    ("first seen", ClientSort::FirstSeen),
    ("system", ClientSort::Os),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let scratch = tempfile::tempdir()?;
    let folder = args.keep.as_deref().unwrap_or(scratch.path());
    let store = match &args.postgres {
        Some(url) => SqlAddress::from(PostgresSettings::parse(url)?).open()?,
        None => SqlAddress::File(folder.join("search.db")).open()?,
    };
    let database = store.org(&OrgId::root());
    if first_page(&database, ClientQuery::default()).await?.total == 0 {
        let begun = Instant::now();
        fleet::store(&database, args.clients).await?;
        println!(
            "{} clients stored in {:.0} s",
            args.clients,
            begun.elapsed().as_secs_f64()
        );
    }

    println!("\n| search | text | found | first page | page in the middle |\n|---|---|---:|---:|---:|");
    for (name, text) in searches(args.clients)? {
        let query = query(&database, &text).await?;
        let (total, first) = timed(&database, &query, args.runs).await?;
        let middle = ClientQuery {
            offset: total / 2,
            ..query
        };
        let (_, middle) = timed(&database, &middle, args.runs).await?;
        println!("| {name} | `{text}` | {total} | {first:.1} | {middle:.1} |");
    }

    println!(
        "\n| sorted by | state | search | found | first page | descending |\n|---|---|---|---:|---:|---:|"
    );
    for (name, sort) in ORDERS {
        for (state, online) in [("any", None), ("online", Some(true)), ("offline", Some(false))] {
            for text in ["all", "host:web", "label:prod"] {
                let query = ClientQuery {
                    sort: Some(sort),
                    online,
                    ..query(&database, text).await?
                };
                let (total, ascending) = timed(&database, &query, args.runs).await?;
                let query = ClientQuery {
                    descending: true,
                    ..query
                };
                let (_, descending) = timed(&database, &query, args.runs).await?;
                println!("| {name} | {state} | `{text}` | {total} | {ascending:.1} | {descending:.1} |");
            }
        }
    }

    println!("\n| suggestions for | number | time |\n|---|---:|---:|");
    for text in BEGUN {
        let mut times = Vec::new();
        let mut count = 0;
        for _ in 0..=args.runs.max(1) {
            let begun = Instant::now();
            count = suggestions(&database, text, 10).await?.len();
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        println!("| `{text}` | {count} | {:.1} |", median(times.split_off(1)));
    }
    Ok(())
}

async fn query(database: &OrgDatabase, text: &str) -> anyhow::Result<ClientQuery> {
    Ok(ClientQuery {
        filter: search_filter(database, Some(fleet::USER), text, Words::Anything).await?,
        limit: PAGE,
        ..ClientQuery::default()
    })
}

/// The number of clients found, and the median time of a page in milliseconds.
async fn timed(database: &OrgDatabase, query: &ClientQuery, runs: usize) -> anyhow::Result<(u64, f64)> {
    let total = first_page(database, query.clone()).await?.total;
    let mut times = Vec::new();
    for _ in 0..runs.max(1) {
        let begun = Instant::now();
        first_page(database, query.clone()).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok((total, median(times)))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn first_page(
    database: &OrgDatabase,
    query: ClientQuery,
) -> anyhow::Result<Page<peregrine_store::Client>> {
    Ok(database.clients(query).await?)
}
