//! What the reference's server answered to our queries: rows and records here have the same columns and members in the
//! same order, with values of the same kinds. The values themselves differ between servers.

use std::collections::BTreeSet;

use peregrine_engine::json;
use peregrine_engine::prelude::*;
use peregrine_services::users::Role;
use peregrine_store::testing::{client_id, flow_id};
use peregrine_store::{
    Admission, ClientFacts, ClientId, Effect, Flow, FlowId, FlowState, Hunt, Progress, SetKind, Upload,
};

use super::server::Server;
use super::{EPOCH, event, fleet, lines, registry};

const CLIENT: &str = "C.00000000000000b1";
/// An interrogation, and a collection of files.
const INFO: &str = "F.INFO";
const FILES: &str = "F.FILES";

/// A hunt of which the client takes part.
const HUNT: &str = "H.1";

/// Functions and plugins of the observed queries that no crate has.
const ABSENT: &[&str] = &[
    "artifact_delete",
    "artifact_set",
    "artifact_set_metadata",
    "backup",
    "create_flow_download",
    "gui_users",
    "inventory",
    "inventory_add",
    "inventory_get",
    "link_to",
    "notebook_create",
    "notebooks",
    "org",
    "orgs",
    "secret_add",
    "secrets",
    "user",
    "user_create",
    "user_delete",
    "user_grant",
];

/// Deviations of some functions or plugins, and the reason.
struct Known {
    of: &'static [&'static str],
    deviations: &'static [&'static str],
    why: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        of: &["clients", "client_info"],
        deviations: &["also has metadata"],
        why: "the specification has it; the observed client had none",
    },
    Known {
        of: &["enumerate_flow", "delete_flow", "hunt_delete"],
        deviations: &[
            "also has Data.FlowId",
            "also has Data.Name",
            "also has Data.Rows",
            "also has Data.Size",
        ],
        why: "rows, messages and the record are not files here: names and numbers tell what they are, not a path",
    },
    Known {
        of: &["delete_events"],
        deviations: &["also has Data.Rows"],
        why: "there is no file for each day, so the number of rows tells how much it is",
    },
    Known {
        of: &["hunt_delete"],
        deviations: &["also has Data.HuntId"],
        why: "the hunt itself is a part, too",
    },
    Known {
        of: &["get_server_monitoring"],
        deviations: &["also has specs"],
        why: "the observed table is of the configuration, which names artifacts only; here each artifact has a spec",
    },
    Known {
        of: &["uploads"],
        deviations: &["lacks started"],
        why: "only the end of an upload is stored",
    },
    Known {
        of: &["artifact_definitions"],
        deviations: &["lacks compiled"],
        why: "whether the reference has parsed the queries yet: a state of its memory",
    },
    Known {
        of: &["get_client_monitoring", "add_client_monitoring"],
        deviations: &[
            "lacks artifacts.compiled_collector_args",
            "lacks label_events.artifacts.compiled_collector_args",
        ],
        why: "the table is compiled for each client when it is sent, and the compiled form is not stored",
    },
    Known {
        of: &["get_client_monitoring", "add_client_monitoring"],
        deviations: &[
            "lacks artifacts.max_upload_bytes",
            "lacks label_events.artifacts.max_upload_bytes",
        ],
        why: "a group of artifacts has no limits of its own",
    },
    Known {
        of: &["get_client_monitoring", "add_client_monitoring"],
        deviations: &["also has label_events.artifacts.specs"],
        why: "the observed group is of the configuration, which names artifacts only; here each artifact has a spec",
    },
    Known {
        of: &["get_server_monitoring"],
        deviations: &["also has specs"],
        why: "the observed table is of the configuration, too",
    },
    Known {
        of: &["add_server_monitoring"],
        deviations: &["lacks max_upload_bytes"],
        why: "the table has no limits of its own",
    },
    Known {
        of: &["monitoring"],
        deviations: &["lacks _Source"],
        why: "it repeats the client's id, which is in `ClientId`",
    },
];

struct Observation {
    query: String,
    rows: Value,
}

fn observations() -> Vec<Observation> {
    let folder = std::env::var_os("PEREGRINE_SHARED").expect("PEREGRINE_SHARED names the folder");
    let path = std::path::Path::new(&folder).join("data/observed/server.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let observation = |line: &str| {
        let line = json::parse(line.as_bytes()).unwrap();
        let member = |name: &str| line.as_dict().unwrap().get(name).unwrap();
        Observation {
            query: member("query").as_str().unwrap().to_string(),
            rows: member("rows"),
        }
    };
    text.lines().map(observation).collect()
}

/// The functions and plugins that a query calls, in the order of the text.
fn called(query: &str) -> Vec<&str> {
    let ends = query.match_indices('(').map(|(at, _)| &query[..at]);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    ends.map(|text| &text[text.trim_end_matches(is_part).len()..])
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
#[ignore = "compares with $PEREGRINE_SHARED/data/observed/server.jsonl; make test runs it where that is"]
fn answers_have_the_form_of_the_observed_ones() {
    let observations = observations();
    let server = Server::start_whole();
    fill(&server, &observations);
    let mut found = BTreeSet::new();
    for Observation { query, rows } in &observations {
        let calls = called(query);
        if calls.iter().any(|name| ABSENT.contains(name)) {
            continue;
        }
        let ours = answer(&server, query);
        let mut deviations = Vec::new();
        compare("", &Shape::of(rows), &Shape::of(&ours), &mut deviations);
        found.extend(deviations.into_iter().map(|text| (calls[0].to_owned(), text)));
    }
    let new: Vec<_> = found.iter().filter(|each| !is_known(each)).collect();
    assert!(new.is_empty(), "not known: {new:#?}");
    for Known { of, deviations, why } in KNOWN {
        for deviation in pairs(of, deviations) {
            assert!(
                found.contains(&deviation),
                "{deviation:?} is mended, take it off the list: {why}"
            );
        }
    }
}

fn is_known(found: &(String, String)) -> bool {
    KNOWN
        .iter()
        .any(|known| pairs(known.of, known.deviations).any(|pair| pair == *found))
}

/// Each name with each of the texts.
fn pairs(names: &[&str], texts: &[&str]) -> impl Iterator<Item = (String, String)> {
    let pairs = names.iter().flat_map(|name| {
        texts
            .iter()
            .map(move |text| ((*name).to_owned(), (*text).to_owned()))
    });
    pairs.collect::<Vec<_>>().into_iter()
}

#[test]
#[ignore = "compares with $PEREGRINE_SHARED/data/observed/server.jsonl; make test runs it where that is"]
fn what_is_left_out_is_still_absent() {
    let observations = observations();
    let called: BTreeSet<&str> = observations.iter().flat_map(|each| called(&each.query)).collect();
    let registry = registry();
    for name in ABSENT {
        assert!(called.contains(name), "no observed query calls {name}");
        let is_here = registry.function(name).is_some() || registry.plugin(name).is_some();
        assert!(!is_here, "{name} is no longer absent: take it off the list");
    }
}

/// All rows of a query, as JSON carries them.
fn answer(server: &Server, query: &str) -> Value {
    let query = query
        .replace("@CLIENT@", CLIENT)
        .replace("@FLOW@", INFO)
        .replace("@FLOW2@", FILES)
        .replace("@HUNT@", HUNT);
    let (rows, log) = server.query(Role::Administrator, &query);
    json::parse(rows.as_bytes()).unwrap_or_else(|_| panic!("{query}: {log:?}"))
}

/// The kinds that a value has in all rows, and the shapes of what it contains.
#[derive(Default)]
struct Shape {
    kinds: BTreeSet<&'static str>,
    members: Vec<(String, Shape)>,
    items: Option<Box<Shape>>,
}

impl Shape {
    fn of(value: &Value) -> Shape {
        let mut shape = Shape::default();
        shape.add(value);
        shape
    }

    fn add(&mut self, value: &Value) {
        self.kinds.insert(match value {
            Value::Null => "null",
            Value::Bool(_) => "a truth value",
            Value::Int(_) | Value::UInt(_) | Value::Float(_) => "a number",
            Value::Array(_) => "a list",
            Value::Dict(_) => "a record",
            _ => "text",
        });
        for item in value.as_array().unwrap_or_default() {
            self.items.get_or_insert_default().add(item);
        }
        for (name, value) in value.as_dict().map(Dict::entries).unwrap_or_default() {
            let name = name.to_string();
            let known = self.members.iter().position(|(known, _)| *known == name);
            let at = known.unwrap_or_else(|| {
                self.members.push((name, Shape::default()));
                self.members.len() - 1
            });
            self.members[at].1.add(&value);
        }
    }

    fn member(&self, name: &str) -> Option<&Shape> {
        let mut members = self.members.iter();
        members.find(|(known, _)| known == name).map(|(_, shape)| shape)
    }

    /// The names of those members that the other has, too.
    fn shared(&self, other: &Shape) -> Vec<&str> {
        let names = self.members.iter().map(|(name, _)| name.as_str());
        names.filter(|name| other.member(name).is_some()).collect()
    }
}

fn compare(path: &str, theirs: &Shape, ours: &Shape, deviations: &mut Vec<String>) {
    if theirs.kinds.is_disjoint(&ours.kinds) {
        deviations.push(format!("{path} is {:?}, not {:?}", ours.kinds, theirs.kinds));
        return;
    }
    match (&theirs.items, &ours.items) {
        (Some(theirs), Some(ours)) => compare(path, theirs, ours, deviations),
        (Some(_), None) if path.is_empty() => deviations.push("no rows".into()),
        _ => {}
    }
    if !theirs.kinds.contains("a record") || !ours.kinds.contains("a record") {
        return;
    }
    for (name, shape) in &theirs.members {
        let path = joined(path, name);
        match ours.member(name) {
            Some(ours) => compare(&path, shape, ours, deviations),
            None => deviations.push(format!("lacks {path}")),
        }
    }
    for (name, _) in &ours.members {
        if theirs.member(name).is_none() {
            deviations.push(format!("also has {}", joined(path, name)));
        }
    }
    let order = ours.shared(theirs);
    if order != theirs.shared(ours) {
        deviations.push(format!("order of {path}: {}", order.join(", ")));
    }
}

/// Columns that the observed queries name themselves have one letter: they are left out, so that a function has the same
/// paths as the plugin that returns such records.
fn joined(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) if name.len() == 1 => String::new(),
        ("", name) => name.to_owned(),
        (path, name) => format!("{path}.{name}"),
    }
}

/// Stores what the observed queries ask for, in the form in which the gateway stores what agents send.
fn fill(server: &Server, observations: &[Observation]) {
    let rows_of = |query: &str| {
        let found = observations.iter().find(|each| each.query.contains(query));
        found.unwrap().rows.as_array().unwrap()
    };
    let chunk = |rows: &[Value]| lines(rows.iter().map(to_json));
    let client = client_id(CLIENT);
    let mut effects = vec![Effect::Facts {
        facts: Box::new(ClientFacts {
            hostname: "vm".into(),
            mac_addresses: vec!["4e:00:ac:73:0e:84".into()],
            ..ClientFacts::default()
        }),
        labels: Vec::new(),
        flow_id: Some(flow_id(INFO)),
        at: EPOCH,
    }];
    for (flow, source, query) in [
        (INFO, "Generic.Client.Info/BasicInformation", "flow_results("),
        (FILES, "Linux.Search.FileFinder", "clients(client_id"),
    ] {
        effects.push(Effect::Rows {
            flow_id: flow_id(flow),
            source: source.into(),
            start_row: Some(0),
            chunk: chunk(rows_of(query)),
        });
        effects.push(Effect::Logs {
            flow_id: flow_id(flow),
            start_row: Some(0),
            chunk: chunk(rows_of("flow_logs(")),
        });
    }
    effects.push(upload(&flow_id(FILES)));
    for flow in [INFO, FILES] {
        effects.push(Effect::Progress {
            flow_id: flow_id(flow),
            progress: Progress {
                query_stats: Some(r#"[{"duration":5,"names_with_response":["Generic.Client.Info"]}]"#.into()),
                end: Some((FlowState::Finished, None)),
                ..Progress::default()
            },
        });
    }
    for (number, row) in (0..).zip(rows_of("artifact='Generic.Client.Stats')")) {
        let row = row.as_dict().unwrap().copy();
        // The reference adds these when it reads; the gateway adds the time when it stores.
        row.remove("_Source");
        row.remove("_ts");
        row.set("_ts", EPOCH / 1_000_000);
        let line = to_json(&Value::Dict(row));
        effects.push(event("Generic.Client.Stats", number, SetKind::Events, &line));
    }
    let database = &server.core.storage.database;
    server.runtime.block_on(async {
        database.enrol(&client, "key", EPOCH).await.unwrap();
        for flow in [INFO, FILES] {
            database
                .create_flow(collection(&client, flow), Vec::new())
                .await
                .unwrap();
        }
        database.apply(&client, EPOCH, effects.into()).await.unwrap();
    });
    take_part(server, rows_of("hunt_results("));
    for change in [
        "server_set_metadata(Site=NULL, SlackToken='')",
        "add_client_monitoring(artifact='Generic.Client.Stats', parameters=dict(Frequency='10'))",
        "add_client_monitoring(artifact='Generic.Client.Stats', label='Quarantine')",
    ] {
        let (value, log) = server.value(Role::Administrator, change);
        assert_ne!(value, "null", "{change}: {log:?}");
    }
}

fn upload(flow_id: &FlowId) -> Effect {
    Effect::Upload {
        flow_id: flow_id.clone(),
        upload: Upload {
            object: format!("clients/{CLIENT}/{flow_id}/hosts"),
            vfs_path: "/etc/hosts".into(),
            accessor: "file".into(),
            components: vec!["etc".into(), "hosts".into()],
            file_size: 7,
            uploaded_size: 7,
            index: String::new(),
            finished: EPOCH,
        },
    }
}

/// The client takes part in a hunt, and answers with these rows.
fn take_part(server: &Server, rows: &[Value]) {
    let hunt = Hunt {
        artifacts: vec!["Linux.Sys.Users".into()],
        sources: vec!["Linux.Sys.Users".into()],
        ..fleet::hunt(HUNT, "observed")
    };
    let (hunt_id, client) = (hunt.hunt_id.clone(), client_id(CLIENT));
    let flow_id = hunt_id.flow_id();
    let own = rows.iter().map(|row| {
        let row = row.as_dict().unwrap().copy();
        for name in ["FlowId", "ClientId", "_OrgId", "Fqdn"] {
            row.remove(name);
        }
        to_json(&Value::Dict(row))
    });
    let progress = Progress {
        query_stats: Some(r#"[{"duration":5,"names_with_response":["Linux.Sys.Users"]}]"#.into()),
        end: Some((FlowState::Finished, None)),
        ..Progress::default()
    };
    let effects = vec![
        Effect::Rows {
            flow_id: flow_id.clone(),
            source: "Linux.Sys.Users".into(),
            start_row: Some(0),
            chunk: lines(own),
        },
        Effect::Logs {
            flow_id: flow_id.clone(),
            start_row: Some(0),
            chunk: lines(std::iter::once(r#"{"message":"Starting"}"#.to_owned())),
        },
        upload(&flow_id),
        Effect::Progress { flow_id, progress },
    ];
    let database = &server.core.storage.database;
    server.runtime.block_on(async {
        fleet::create(&**database, hunt).await;
        let clients = vec![client.clone()];
        let joined = database.join_hunt(&hunt_id, clients, Admission::ByHand, EPOCH);
        joined.await.unwrap();
        database.apply(&client, EPOCH, effects.into()).await.unwrap();
        assert!(database.count_hunt(&hunt_id).await.unwrap());
    });
}

fn collection(client_id: &ClientId, flow: &str) -> Flow {
    Flow {
        creator: "lead".into(),
        created: EPOCH,
        artifacts: vec!["Generic.Client.Info".into()],
        request: r#"{"artifacts":[{"artifact":"Generic.Client.Info","parameters":{"A":"1"}}]}"#.into(),
        ..Flow::new(client_id.clone(), flow_id(flow))
    }
}

fn to_json(value: &Value) -> String {
    let mut text = Vec::new();
    json::write_value(
        &Scope::root(&peregrine_engine::Context::builder().build(), Dict::new()),
        value,
        &mut text,
    );
    String::from_utf8(text).unwrap()
}
