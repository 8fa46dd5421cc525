//! A query that holds too much memory is ended, and nothing else.

use super::*;

fn watched() -> i64 {
    let held = held_by_thread();
    MOST_HELD.set(MOST_HELD.get().max(held));
    held
}

/// A query that may hold this many MiB, in a process that appears to use any given amount.
pub(crate) fn pool(query: u64, all: Option<u64>, process: fn() -> u64) -> Arc<Pool> {
    let gauge = Gauge {
        thread: watched,
        process,
    };
    let limits = Limits {
        query: query << 20,
        all: all.map(|all| all << 20),
        process: Some(1 << 40),
        advice: "",
    };
    Pool::new(gauge, limits)
}

pub(crate) fn counted(pool: &Arc<Pool>) -> (Query, Arc<Account>) {
    let memory = Arc::new(MemoryLog::default());
    let log = Arc::clone(&memory) as Arc<dyn LogSink>;
    let cancellation = Cancellation::with_deadline(Duration::from_secs(300));
    let account = pool.account(&cancellation, &log);
    let context = Context::builder()
        .registry(builtin::shared_registry())
        .log(log)
        .cancellation(cancellation)
        .memory(Arc::clone(&account))
        .build();
    let scope = Scope::root(&context, Dict::new());
    (Query { scope, log: memory }, account)
}

/// Runs it where a query may hold 32 MiB; gives the reason of its end and the most its thread held.
pub(crate) fn end_of(text: &str) -> (Option<String>, i64) {
    let text = text.to_owned();
    let run = move || {
        MOST_HELD.set(0);
        let before = held_by_thread();
        let (query, account) = counted(&pool(32, None, || 1 << 35));
        let mut rows = 0;
        let _ = query.run(
            &text,
            &mut FnSink(|_| {
                rows += 1;
                Ok(())
            }),
        );
        let reason = account.reason();
        if reason.is_some() {
            assert_eq!(rows, 0, "what is cut off must not come out: {text}");
            assert_eq!(query.logged("the query was ended"), 1, "{text}");
            assert!(query.scope.cancellation().is_cancelled(), "{text}");
        }
        query.scope.close();
        (reason, MOST_HELD.get() - before)
    };
    std::thread::Builder::new()
        .stack_size(8 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap()
}

#[test]
fn a_query_that_holds_too_much_is_ended_before_it_does() {
    for text in [
        "SELECT array(a={ SELECT * FROM range(end=30000000) }) AS A FROM scope()",
        "SELECT enumerate(items=_value) AS E FROM range(end=30000000) GROUP BY 1",
        "SELECT _value, enumerate(items=_value) AS E FROM range(end=30000000) GROUP BY _value - _value",
        "LET X <= SELECT 'x' * 9000000 + str(str=_value) AS S FROM range(end=100) SELECT * FROM X",
        "SELECT split(string='a,' * 4000000, sep_string=',') AS A FROM scope()",
        "SELECT split(string='a,' * 4000000, sep=',') AS A FROM scope()",
        "SELECT * FROM foreach(row=split(string='a,' * 4000000, sep=','), query={ SELECT 1 FROM scope() WHERE FALSE })",
        "SELECT join(array=split(string='a,' * 100000, sep_string=','), sep='x' * 10000) AS A FROM scope()",
        "SELECT ('x' * 9000000, 'y' * 9000000, 'z' * 9000000, 'u' * 9000000) AS A FROM scope()",
        "SELECT to_dict(item={ SELECT str(str=_value) AS _key, _value FROM range(end=30000000) }) AS A FROM scope()",
        "SELECT str(str={ SELECT * FROM range(end=30000000) }) AS T FROM scope()",
        "SELECT format(format='%v', args={ SELECT * FROM range(end=30000000) }) AS T FROM scope()",
        "SELECT filter(list={ SELECT * FROM range(end=30000000) }, condition='x => TRUE') AS T FROM scope()",
        "SELECT * FROM query(query='SELECT array(a={ SELECT * FROM range(end=30000000) }) AS A FROM scope()')",
    ] {
        let (reason, most) = end_of(text);
        let reason = reason.unwrap_or_default();
        assert!(reason.contains("a query may hold 32 MiB"), "{text}: `{reason}`");
        // Code that checks only afterwards, such as the table of a dict, may exceed the limit slightly.
        assert!(most < 48 * MEBIBYTE, "{text}: {} MiB", most / MEBIBYTE);
    }
}

#[test]
fn threads_of_a_query_have_one_account() {
    let many = "SELECT * FROM foreach(row={ SELECT * FROM range(end=8) }, workers=8, \
                query={ SELECT array(a={ SELECT * FROM range(end=5000) }) AS A FROM scope() WHERE NOT A })";
    assert_eq!(end_of(many).0, None, "a little each");
    let together = "LET X <= SELECT * FROM foreach(row={ SELECT * FROM range(end=100) }, workers=8, \
                    query={ SELECT 'x' * 1000000 + str(str=_value) AS S FROM range(end=3) })";
    assert!(end_of(together).0.is_some());
}

#[test]
fn what_only_passes_by_does_not_count() {
    for text in [
        "SELECT 'x' * 1000000 + str(str=_value) AS S FROM range(end=300)",
        "SELECT * FROM foreach(row={ SELECT 'x' * 1000000 + str(str=_value) AS S FROM range(end=300) }, workers=4, \
         query={ SELECT len(list=S) FROM scope() })",
        "SELECT len(list=split(string='a,' * 100000, sep_string=',')) AS L FROM range(end=100)",
        "SELECT _value, 'x' * 100 AS S FROM range(end=100000) ORDER BY _value DESC",
    ] {
        assert_eq!(end_of(text).0, None, "{text}");
    }
}

#[test]
fn an_account_is_believed_only_if_the_process_takes_as_much() {
    let (query, account) = counted(&pool(32, None, || 1 << 20));
    query.rows("LET X <= SELECT 'x' * 9000000 + str(str=_value) AS S FROM range(end=6)");
    assert_eq!(account.reason(), None);
    assert!(account.held() > 50 * MEBIBYTE);
}

#[test]
fn of_all_queries_the_largest_is_ended() {
    let pool = pool(30, Some(32), || 1 << 35);
    let (grown, wait_until_grown) = std::sync::mpsc::channel();
    std::thread::scope(|threads| {
        let pool = &pool;
        let large = threads.spawn(move || {
            let (query, account) = counted(pool);
            query.rows("LET X <= SELECT 'x' * 5000000 + str(str=_value) AS S FROM range(end=4)");
            grown.send(()).unwrap();
            assert!(query.scope.cancellation().wait(Duration::from_secs(300)));
            account.reason()
        });
        wait_until_grown.recv().unwrap();
        let (query, account) = counted(pool);
        query.rows("LET X <= SELECT 'x' * 4000000 + str(str=_value) AS S FROM range(end=4)");
        assert_eq!(account.reason(), None);
        let reason = large.join().unwrap().unwrap_or_default();
        assert!(reason.contains("all queries together held"), "{reason}");
    });
}

#[test]
fn near_the_limit_of_the_process_the_largest_is_ended() {
    let gauge = Gauge {
        thread: watched,
        process: || 95 << 20,
    };
    let limits = Limits {
        query: 1 << 30,
        all: None,
        process: Some(100 << 20),
        advice: "",
    };
    let (query, account) = counted(&Pool::new(gauge, limits));
    let _ = query.run(
        "LET X <= SELECT 'x' * 5000000 + str(str=_value) AS S FROM range(end=9)",
        &mut Vec::new(),
    );
    let reason = account.reason().unwrap_or_default();
    assert!(reason.contains("max_memory_hard_limit"), "{reason}");
}
