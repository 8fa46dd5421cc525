//! Generates the TypeScript types of the GUI from those of this crate. The test fails if the committed file is stale.

use crate::{
    artifacts, clients, error, favorites, flows, hunts, monitoring, processes, push, queries, search,
    session, status, table,
};
use std::path::Path;
use ts_rs::{Config, TS};

const HEAD: &str = "\
// Made from crates/peregrine-api: run `UPDATE=1 cargo test -p peregrine-api` after a change there. Do not edit.

/** JSON whose content this API does not define. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
";

/// Every type of the contract, area by area.
fn all(config: &Config) -> String {
    let mut text = HEAD.to_owned();
    macro_rules! add {
        ($($area:ident: $($name:ident)*;)*) => {
            $($(text += &declaration::<$area::$name>(config);)*)*
        };
    }
    add! {
        session: Credentials NewPassword SignedIn Session User ServerVersion;
        clients: ClientsQuery ClientPage Client SuggestionsQuery Suggestions Interrogation InterrogationTable LabelChange;
        artifacts: ArtifactsQuery ArtifactList Artifact Parameter Source ColumnType Resources Compiled CompiledRequest EquivalentCall;
        flows: CollectRequest ArtifactSpec FlowStarted FlowsQuery FlowPage FlowState Flow FlowSource FlowDetail FlowLimits Upload;
        favorites: FavoriteList Favorite;
        hunts: NewHunt HuntCondition HuntOs HuntState HuntCreated HuntChange HuntAction HuntStop NewHuntClient HuntClientAdded HuntsQuery HuntPage Hunt HuntTotals HuntDetail
            HuntClientsQuery HuntClientPage HuntClient HuntWait HuntWaitReason HuntEstimate HuntDeleted HuntSources HuntSource;
        table: TableParams ResultsQuery FacetsQuery ExportQuery ExportFormat Condition TablePage Column Facets Facet;
        processes: ProcessTreeQuery ProcessFamily ProcessNode;
        monitoring: MonitoringTable LabelGroup ServerMonitoring EventArtifacts EventArtifact EventsQuery;
        search: SearchQuery SearchAnswer FoundClient FoundArtifact;
        status: ServerStatus ServerEntry Datastore AuditRow;
        push: PushQuery RowsStored Resync;
        queries: QueryRequest QueryLine QueryStarted NextStatement QueryMessage QueryEnded QueryEnd RunningQueries RunningQuery;
        error: Failure Fault Detail;
    }
    text
}

fn declaration<T: TS>(config: &Config) -> String {
    let comment = T::docs().unwrap_or_default();
    // ts-rs gives commented members lines of their own, but leaves a space before the break and the brace on the last line.
    let declared = T::decl(config).replace(" \n", "\n").replace(", }", ",\n}");
    let mut text = format!("\n{}", comment_lines(&comment));
    let (first, members) = declared.split_once('\n').unwrap_or((&declared, ""));
    text += &format!("export {first}\n");
    for line in comment_lines(members).lines() {
        text += &format!("{}{line}\n", if line.starts_with('}') { "" } else { "  " });
    }
    text
}

/// Turns comments of a single line into the form `/** … */`.
fn comment_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut short = String::new();
    let mut rest = lines.as_slice();
    while let [first, others @ ..] = rest {
        rest = others;
        short += &match others {
            [only, "*/" | " */", after @ ..] if *first == "/**" => {
                rest = after;
                format!("/**{} */\n", only.trim_start().trim_start_matches('*'))
            }
            _ => format!("{first}\n"),
        };
    }
    short
}

#[test]
fn the_types_of_the_gui_are_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gui/src/api/generated.ts");
    let fresh = all(&Config::new().with_large_int("number"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == fresh,
        "gui/src/api/generated.ts is stale: run `UPDATE=1 cargo test -p peregrine-api` and commit the result"
    );
}
