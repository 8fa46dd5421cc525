//! Queries that end when they are told to, or when they cannot continue, and say why.

use super::*;

#[test]
fn a_search_in_a_long_text_ends_with_its_query() {
    let text = "LET F(s, n) = if(condition=n > 0, then=F(s=s + s, n=n - 1), else=s) LET T <= F(s='abcdefghijklmnop', n=20) ";
    for search in [
        "T =~ '[a-z].{900}!'",
        "T =~ '(?s)[a-z].{900}!|x!'",
        "T =~ '([a-p]|[b-q].{400})*!'",
    ] {
        // To their ends they take minutes.
        shared_parts::until_time_is_up(&format!("{text} SELECT {search} FROM scope()"));
    }
}

#[test]
fn without_room_for_temporary_files_a_query_ends_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for (text, reason) in [
        (
            "SELECT _value AS X FROM range(end=9223372036854775807) ORDER BY X",
            "ERROR:ORDER BY: unable to write a temporary file",
        ),
        (
            "SELECT _value AS X FROM range(end=9223372036854775807) GROUP BY X",
            "ERROR:GROUP BY: unable to write a temporary file",
        ),
        (
            "LET X <= SELECT _value FROM range(end=9223372036854775807) SELECT * FROM X",
            "ERROR:Unable to create tempfile for expansion of LET X",
        ),
    ] {
        let log = Arc::new(MemoryLog::default());
        let context = Context::builder()
            .registry(builtin::shared_registry())
            .log(log.clone())
            .sort_memory(1_usize << 16)
            .spill_dir(folder.path().join("missing"))
            .build();
        let query = Query {
            scope: Scope::root(&context, Dict::new()),
            log,
        };
        let mut rows: Vec<Row> = Vec::new();
        let _ = query.run(text, &mut rows);
        assert!(!rows.is_empty(), "what came before is there: {text}");
        assert_eq!(query.logged(reason), 1, "{:?}", query.log.lines());
    }
}
