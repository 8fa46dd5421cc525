//! Searches for clients, compared with looking at every one of them.

use super::servers;
use crate::testing::client_id;
use crate::*;
use futures_util::stream::{self, StreamExt};
use std::cmp::Ordering;
use std::collections::HashMap;

/// More than are read when a page is wanted: some searches are answered by walking along an index.
const COUNT: u32 = 2100;

/// A client with terms that others share, and some that begin alike.
fn machine(number: u32) -> NewClient {
    let hostname = match number {
        // Two that share a name.
        7 | 8 => "Twin".to_owned(),
        // One that nothing is known about.
        9 => String::new(),
        _ => format!("Node-{:04}", number * 7 % COUNT),
    };
    let mut labels = vec!["Common".to_owned(), format!("ring-{}", number % 5)];
    if number.is_multiple_of(3) {
        labels.push("Commodore".into());
    }
    if number < 20 {
        labels.clear();
    }
    NewClient {
        client_id: client_id(format_args!("C.{:04x}", number.wrapping_mul(40503) & 0xffff)),
        facts: ClientFacts {
            // The name of one in four is not the beginning of the other.
            fqdn: match number % 4 {
                _ if hostname.is_empty() => String::new(),
                0 => format!("alias{number}.node-net.org"),
                _ => format!("{hostname}.example.org"),
            },
            hostname,
            os: ["linux", "windows", "darwin"][number as usize % 3].into(),
            addresses: vec![
                format!("10.0.{}.{}", number >> 8, number & 255),
                format!("fe80::{number:x}"),
            ],
            mac_addresses: vec![format!(
                "02:00:00:00:{:02x}:{:02x}",
                number >> 8,
                (number & 255).min(250)
            )],
            ..ClientFacts::default()
        },
        labels,
        first_seen: i64::from(number * 11 % 97),
        last_seen: i64::from(number * 13 % 89),
    }
}

/// Stores them, every third one connected and with an address of the last request, and returns them as they are then.
async fn fleet(db: &impl Database) -> Vec<Client> {
    servers::join(db, "S.one").await;
    let stored = stream::iter((0..COUNT).map(async |number| {
        let machine = machine(number);
        let client_id = machine.client_id.clone();
        assert!(db.create_client(machine).await.unwrap());
        if number % 2 == 0 {
            let owner = ("owner".to_owned(), Some(format!("Team {}", number % 6)));
            let site = ("site".to_owned(), Some("Bern".to_owned()));
            db.set_metadata(&client_id, &[owner, site]).await.unwrap();
        }
        (number, client_id)
    }));
    let stored: Vec<(u32, ClientId)> = stored.buffer_unordered(200).collect().await;
    let touches = stored.iter().filter(|(number, _)| number % 3 == 0);
    let touches = touches.map(|(number, client_id)| Touch {
        client_id: client_id.clone(),
        at: 0,
        ip: format!("192.0.2.{}", number % 250),
        contact: Contact::Pauses,
    });
    db.touch("S.one", touches.collect()).await.unwrap();
    let mut clients = Vec::new();
    for (_, client_id) in &stored {
        clients.push(db.client(client_id).await.unwrap().unwrap());
    }
    clients
}

/// Whether a client is one of those that the filter is for, found out in the plainest way.
fn is_wanted(filter: &Plain, client: &Client) -> bool {
    let facts = &client.facts;
    let names = || vec![&facts.hostname, &facts.fqdn];
    let addresses = || {
        facts
            .addresses
            .iter()
            .chain([&client.last_ip])
            .collect::<Vec<_>>()
    };
    let any = |terms: Vec<&String>, test: &Test| {
        let mut terms = terms.into_iter().filter(|term| !term.is_empty());
        terms.any(|term| test(&term.to_lowercase()))
    };
    match filter {
        Plain::All => true,
        Plain::Id(test) => test(&client.client_id.as_str().to_lowercase()),
        Plain::Name(test) => any(names(), test),
        Plain::Address(test) => any(addresses(), test),
        Plain::NameOrAddress(test) => any(names(), test) || any(addresses(), test),
        Plain::Mac(test) => any(facts.mac_addresses.iter().collect(), test),
        Plain::Label(test) => any(client.labels.iter().collect(), test),
        Plain::Unlabelled => client.labels.is_empty(),
        Plain::Owner(test) => any(client.metadata.get("owner").into_iter().collect(), test),
    }
}

type Test = Box<dyn Fn(&str) -> bool>;

enum Plain {
    All,
    Id(Test),
    Name(Test),
    Address(Test),
    NameOrAddress(Test),
    Mac(Test),
    Label(Test),
    Unlabelled,
    Owner(Test),
}

fn by(kind: TermKind, text: &str) -> ClientFilter {
    ClientFilter::Term(vec![kind], TermPattern::glob(text).unwrap())
}

fn cases() -> Vec<(ClientFilter, Plain)> {
    use TermKind::{Address, Label, MacAddress, Name};
    let begins = |text: &'static str| -> Test { Box::new(move |term| term.starts_with(text)) };
    let ends = |text: &'static str| -> Test { Box::new(move |term| term.ends_with(text)) };
    let contains = |text: &'static str| -> Test { Box::new(move |term| term.contains(text)) };
    let owner = |text: &str| ClientFilter::Metadata("owner".into(), TermPattern::glob(text).unwrap());
    let both = vec![Name, Address];
    vec![
        (ClientFilter::All, Plain::All),
        (
            ClientFilter::Id(TermPattern::prefix("c.1")),
            Plain::Id(begins("c.1")),
        ),
        (
            ClientFilter::Id(TermPattern::glob("C.*F").unwrap()),
            Plain::Id(ends("f")),
        ),
        (by(Name, "NODE-"), Plain::Name(begins("node-"))),
        (by(Name, "node-00"), Plain::Name(begins("node-00"))),
        (
            by(Name, "node-20*.org"),
            Plain::Name(Box::new(|term| {
                term.starts_with("node-20") && term.ends_with(".org")
            })),
        ),
        (by(Name, "alias"), Plain::Name(begins("alias"))),
        (by(Name, "*net*"), Plain::Name(contains("net"))),
        (by(Name, "*5"), Plain::Name(ends("5"))),
        (by(Name, "*o*"), Plain::Name(contains("o"))),
        (by(Name, "nowhere"), Plain::Name(begins("nowhere"))),
        (
            ClientFilter::Term(vec![Name], TermPattern::expression("node", r"-\d*9$").unwrap()),
            Plain::Name(Box::new(|term| {
                term.strip_prefix("node-")
                    .is_some_and(|rest| rest.ends_with('9') && rest.parse::<u32>().is_ok())
            })),
        ),
        (by(Address, "10.0."), Plain::Address(begins("10.0."))),
        (by(Address, "192.0.2.2"), Plain::Address(begins("192.0.2.2"))),
        (by(Address, "*.99"), Plain::Address(ends(".99"))),
        (
            ClientFilter::Term(both.clone(), TermPattern::prefix("10.0.3")),
            Plain::NameOrAddress(begins("10.0.3")),
        ),
        (
            ClientFilter::Term(both.clone(), TermPattern::prefix("n")),
            Plain::NameOrAddress(begins("n")),
        ),
        (
            ClientFilter::Term(vec![Name, Address, Label], TermPattern::prefix("f")),
            Plain::Address(begins("f")),
        ),
        (
            ClientFilter::Term(both, TermPattern::glob("*99*").unwrap()),
            Plain::NameOrAddress(contains("99")),
        ),
        (
            by(MacAddress, "02:00:00:00:01"),
            Plain::Mac(begins("02:00:00:00:01")),
        ),
        (by(MacAddress, "*:fa"), Plain::Mac(ends(":fa"))),
        (by(Label, "comm"), Plain::Label(begins("comm"))),
        (by(Label, "commo"), Plain::Label(begins("commo"))),
        (by(Label, "ring-3"), Plain::Label(begins("ring-3"))),
        (by(Label, "*dor*"), Plain::Label(contains("dor"))),
        (by(Label, ""), Plain::Label(begins(""))),
        (ClientFilter::NoLabels, Plain::Unlabelled),
        (owner("team 2"), Plain::Owner(begins("team 2"))),
        (owner(""), Plain::Owner(begins(""))),
        (owner("*4"), Plain::Owner(ends("4"))),
    ]
}

fn compare(sort: ClientSort, a: &Client, b: &Client) -> Ordering {
    let order = match sort {
        ClientSort::Hostname => a
            .facts
            .hostname
            .to_lowercase()
            .cmp(&b.facts.hostname.to_lowercase()),
        ClientSort::LastSeen => a.last_seen.cmp(&b.last_seen),
        ClientSort::FirstSeen => a.first_seen.cmp(&b.first_seen),
        ClientSort::Os => a.facts.os.cmp(&b.facts.os),
    };
    order.then_with(|| a.client_id.cmp(&b.client_id))
}

pub(super) async fn find_what_matches(db: &impl Database) {
    let begun = std::time::Instant::now();
    let clients = fleet(db).await;
    eprintln!("fleet {:?}", begun.elapsed());
    let others = [ClientSort::LastSeen, ClientSort::FirstSeen, ClientSort::Os];
    for (number, (filter, plain)) in cases().into_iter().enumerate() {
        for online in [None, Some(true), Some(false)] {
            let matching = clients.iter().filter(|client| is_wanted(&plain, client));
            let mut matching: Vec<&Client> = matching
                .filter(|client| online.is_none_or(|online| client.held.is_some() == online))
                .collect();
            // Each filter with each state, but not with each order and each way to page.
            let other = others[number % others.len()];
            for (sort, descending, offset) in [
                (ClientSort::Hostname, number % 2 == 0, 0),
                (ClientSort::Hostname, number % 2 == 1, 1500),
                (other, number % 2 == 1, u64::from(number % 4 < 2) * 3),
                (other, false, 1500),
            ] {
                matching.sort_by(|a, b| match descending {
                    true => compare(sort, b, a),
                    false => compare(sort, a, b),
                });
                let query = ClientQuery {
                    filter: filter.clone(),
                    online,
                    sort: Some(sort),
                    descending,
                    offset,
                    limit: 20,
                };
                let page = db.clients(query.clone()).await.unwrap();
                let ids = page.items.iter().map(|client| client.client_id.as_str());
                let start = matching.len().min(usize::try_from(offset).unwrap());
                let expected = matching[start..]
                    .iter()
                    .take(20)
                    .map(|client| client.client_id.as_str());
                assert_eq!(page.total, matching.len() as u64, "{query:?}");
                assert_eq!(ids.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{query:?}");
            }
        }
    }
    eprintln!("compared {:?}", begun.elapsed());
    let found = async |filter: ClientFilter, sort| -> Vec<ClientId> {
        let query = ClientQuery {
            filter,
            sort,
            limit: 5000,
            ..ClientQuery::default()
        };
        let page = db.clients(query).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64);
        page.items.into_iter().map(|client| client.client_id).collect()
    };
    let shared = |key: &dyn Fn(&Client) -> String| {
        let mut owners: HashMap<String, Vec<ClientId>> = HashMap::new();
        for client in &clients {
            owners
                .entry(key(client))
                .or_default()
                .push(client.client_id.clone());
        }
        let shared = owners
            .into_iter()
            .filter(|(key, owners)| !key.is_empty() && owners.len() > 1);
        let mut shared: Vec<ClientId> = shared.flat_map(|(_, owners)| owners).collect();
        shared.sort();
        shared
    };
    for (filter, expected) in [
        (
            ClientFilter::SameHostname,
            shared(&|client| client.facts.hostname.to_lowercase()),
        ),
        (
            ClientFilter::SameMacAddress,
            shared(&|client| client.facts.mac_addresses[0].clone()),
        ),
    ] {
        let mut ids = found(filter.clone(), None).await;
        ids.sort();
        assert!(expected.len() > 1, "there are some");
        assert_eq!(ids, expected, "{filter:?}");
    }

    let opened: Vec<ClientId> = (0..60).map(|number| machine(number).client_id).collect();
    for (at, client_id) in (1..).zip(&opened) {
        db.open_client(client_id, "Jana", at).await.unwrap();
    }
    db.open_client(&opened[30], "jana", 100).await.unwrap();
    db.open_client(&opened[30], "jana", 50).await.unwrap();
    db.delete_client(&opened[50]).await.unwrap();
    let recent = ClientFilter::Recent("JANA".into());
    let newest = opened.iter().enumerate().rev();
    let newest = newest
        .filter(|(number, _)| !matches!(number, 30 | 50))
        .map(|(_, client_id)| client_id);
    let expected: Vec<&ClientId> = std::iter::once(&opened[30]).chain(newest).take(49).collect();
    assert_eq!(
        found(recent.clone(), None).await.iter().collect::<Vec<_>>(),
        expected
    );
    let by_name = found(recent, Some(ClientSort::Hostname)).await;
    assert!(by_name.len() == 49 && by_name[0] != opened[30]);
    assert!(found(ClientFilter::Recent("other".into()), None).await.is_empty());
}

/// What is no longer true of a client does not find it.
pub(super) async fn follow_changes(db: &impl Database) {
    let id = client_id("C.1");
    db.enrol(&id, "pem", 1).await.unwrap();
    let count = async |filter: ClientFilter| {
        let query = ClientQuery {
            filter,
            limit: 9,
            ..ClientQuery::default()
        };
        db.clients(query).await.unwrap().total
    };
    assert_eq!(count(ClientFilter::NoLabels).await, 1, "as nothing is known yet");
    let facts = async |hostname: &str, address: &str, label: &str| {
        let facts = ClientFacts {
            hostname: hostname.into(),
            fqdn: format!("{hostname}.org"),
            addresses: vec![address.into()],
            mac_addresses: vec!["aa:bb".into()],
            ..ClientFacts::default()
        };
        let effect = Effect::Facts {
            facts: Box::new(facts),
            labels: vec![label.into()],
            flow_id: None,
            at: 1,
        };
        db.apply(&id, 1, std::sync::Arc::new([effect])).await.unwrap();
    };
    let contact = async |ip: &str| {
        let touch = Touch {
            client_id: id.clone(),
            at: 1,
            ip: ip.into(),
            contact: Contact::Left,
        };
        db.touch("S.one", vec![touch]).await.unwrap();
    };
    facts("Old", "10.0.0.1", "Red").await;
    contact("192.0.2.1").await;
    db.set_metadata(&id, &[("k".into(), Some("Old".into()))])
        .await
        .unwrap();
    facts("New", "10.0.0.2", "Red").await;
    contact("192.0.2.2").await;
    contact("").await;
    db.set_metadata(&id, &[("k".into(), Some("New".into()))])
        .await
        .unwrap();
    db.set_labels(&id, &["Blue".into()], &["RED".into()], 1)
        .await
        .unwrap();
    let note = |text: &str| ClientFilter::Metadata("k".into(), TermPattern::glob(text).unwrap());
    for (old, new) in [
        (by(TermKind::Name, "old"), by(TermKind::Name, "new")),
        (by(TermKind::Name, "*ld*"), by(TermKind::Name, "*ew*")),
        (
            by(TermKind::Address, "10.0.0.1"),
            by(TermKind::Address, "10.0.0.2"),
        ),
        (
            by(TermKind::Address, "192.0.2.1"),
            by(TermKind::Address, "192.0.2.2"),
        ),
        (by(TermKind::Address, "*.2.1"), by(TermKind::Address, "*.2.2")),
        (by(TermKind::Label, "red"), by(TermKind::Label, "blue")),
        (by(TermKind::Label, "*ed"), by(TermKind::Label, "*ue")),
        (note("old"), note("new")),
        (note("*ld"), note("*ew")),
        (ClientFilter::NoLabels, by(TermKind::Label, "")),
    ] {
        assert_eq!(
            (count(old.clone()).await, count(new.clone()).await),
            (0, 1),
            "{old:?}, {new:?}"
        );
    }
    db.set_labels(&id, &[], &["blue".into()], 2).await.unwrap();
    assert_eq!(count(ClientFilter::NoLabels).await, 1);
    db.delete_client(&id).await.unwrap();
    db.enrol(&id, "pem", 1).await.unwrap();
    assert_eq!(count(by(TermKind::Name, "")).await, 0, "not what it was before");
}

pub(super) async fn suggest_terms(db: &impl Database) {
    for number in 0..20 {
        let machine = NewClient {
            labels: vec!["Prod".into(), format!("Ring {}", number % 2)],
            ..machine(number)
        };
        let id = machine.client_id.clone();
        db.create_client(machine).await.unwrap();
        let keys = ["Site", "site", "siteA"].map(|key| (key.to_owned(), Some(format!("V{}", number % 3))));
        db.set_metadata(&id, &keys).await.unwrap();
    }
    let terms =
        async |field: SearchField, prefix: &str, limit| db.search_terms(field, prefix, limit).await.unwrap();
    let labels = SearchField::Term(TermKind::Label);
    assert_eq!(terms(labels.clone(), "", 9).await, ["prod", "ring 0", "ring 1"]);
    assert_eq!(terms(labels.clone(), "RING", 9).await, ["ring 0", "ring 1"]);
    assert_eq!(terms(labels, "", 2).await, ["prod", "ring 0"]);
    let names = SearchField::Term(TermKind::Name);
    assert_eq!(terms(names.clone(), "tw", 9).await, ["twin", "twin.example.org"]);
    assert!(terms(names, "x", 9).await.is_empty());
    assert_eq!(
        terms(SearchField::MetadataKey, "", 9).await,
        ["Site", "site", "siteA"]
    );
    assert_eq!(
        terms(SearchField::MetadataKey, "site", 9).await,
        ["site", "siteA"]
    );
    let values = |key: &str| SearchField::Metadata(key.into());
    assert_eq!(terms(values("site"), "V", 9).await, ["v0", "v1", "v2"]);
    assert!(terms(values("sit"), "", 9).await.is_empty());
    assert_eq!(terms(SearchField::Id, "C.0000", 9).await, ["C.0000"]);
    assert_eq!(terms(SearchField::Id, "c.", 1).await, ["C.0000"]);
}
