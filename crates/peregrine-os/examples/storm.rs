//! Runs many short processes and records the facts about them, for comparison with what a tool saw.
//!
//! ```text
//! storm run TRUTH.jsonl [COUNT=20000] [THREADS=2] [PROGRAM=/bin/true]
//! storm compare TRUTH.jsonl EVENTS.jsonl      (the events as printed by `process_events`)
//! ```
//!
//! PROGRAM may be a folder; then its programs run in turn. Each thread keeps up to 16 processes in flight. Arguments are unique, one has a space, one is not ASCII.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const IN_FLIGHT: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["run", truth, rest @ ..] => {
            let count = rest.first().map_or(Ok(20_000), |text| text.parse())?;
            let threads: usize = rest.get(1).map_or(Ok(2), |text| text.parse())?;
            run(
                truth,
                count,
                threads.max(1),
                rest.get(2).copied().unwrap_or("/bin/true"),
            )
        }
        ["compare", truth, events] => compare(truth, events),
        _ => Err("usage: storm run TRUTH [COUNT] [THREADS] [PROGRAM] | storm compare TRUTH EVENTS".into()),
    }
}

struct Truth {
    pid: u32,
    argv: Vec<String>,
    status: i32,
}

fn run(path: &str, count: usize, threads: usize, program: &str) -> Result<(), Box<dyn Error>> {
    let programs = programs(program)?;
    let programs = programs.as_slice();
    let begin = Instant::now();
    let truth = std::thread::scope(|scope| -> Result<Vec<Truth>, Box<dyn Error>> {
        let runs: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || spawn_all(programs, first, count, threads)))
            .collect();
        let mut truth = Vec::new();
        for run in runs {
            truth.extend(run.join().map_err(|_| "a thread panicked")??);
        }
        Ok(truth)
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    let mut out = BufWriter::new(File::create(path)?);
    for process in &truth {
        let line = json!({
            "pid": process.pid, "ppid": std::process::id(), "argv": process.argv, "status": process.status,
        });
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    eprintln!(
        "{}",
        json!({"processes": count, "seconds": seconds, "per_second": count as f64 / seconds})
    );
    Ok(())
}

/// The program, or those in the folder.
fn programs(path: &str) -> std::io::Result<Vec<String>> {
    if !Path::new(path).is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = std::fs::read_dir(path)?.map(|file| Ok(file?.path().display().to_string()));
    files.collect()
}

fn spawn_all(programs: &[String], first: usize, count: usize, step: usize) -> std::io::Result<Vec<Truth>> {
    let mut truth = Vec::new();
    let mut running = std::collections::VecDeque::new();
    let finish = |(mut child, argv): (Child, Vec<String>)| -> std::io::Result<Truth> {
        let status = child.wait()?;
        Ok(Truth {
            pid: child.id(),
            argv,
            status: wait_status(status),
        })
    };
    for (index, program) in (0..count).zip(programs.iter().cycle()).skip(first).step_by(step) {
        let argv = vec![
            program.clone(),
            format!("storm-{}", std::process::id()),
            format!("number {index}"),
            "ünï-鷹".to_owned(),
            index.to_string(),
        ];
        let child = Command::new(program)
            .args(argv.iter().skip(1))
            .stdin(Stdio::null())
            .spawn()?;
        running.push_back((child, argv));
        if running.len() >= IN_FLIGHT {
            truth.extend(running.pop_front().map(finish).transpose()?);
        }
    }
    for child in running {
        truth.push(finish(child)?);
    }
    Ok(truth)
}

#[cfg(unix)]
fn wait_status(status: std::process::ExitStatus) -> i32 {
    std::os::unix::process::ExitStatusExt::into_raw(status)
}

#[cfg(not(unix))]
fn wait_status(status: std::process::ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// Counts processes for which each kind of knowledge is missing. A pid used twice in one storm is matched by arguments.
fn compare(truth: &str, events: &str) -> Result<(), Box<dyn Error>> {
    let mut by_pid: HashMap<(String, u64), Vec<Value>> = HashMap::new();
    let mut lost = 0;
    for event in read_lines(events)? {
        let event = event?;
        lost += event["count"].as_u64().unwrap_or(0);
        let kind = event["event"].as_str().unwrap_or_default().to_owned();
        by_pid
            .entry((kind, event["pid"].as_u64().unwrap_or(0)))
            .or_default()
            .push(event);
    }
    let mut missing: HashMap<&str, u64> = ["fork", "exec", "argv", "parent", "exe", "exit", "status"]
        .map(|name| (name, 0))
        .into();
    let mut count = 0;
    for process in read_lines(truth)? {
        let process = process?;
        count += 1;
        let pid = process["pid"].as_u64().unwrap_or(0);
        let any = |kind: &str, test: &dyn Fn(&Value) -> bool| {
            by_pid
                .get(&(kind.to_owned(), pid))
                .is_some_and(|events| events.iter().any(test))
        };
        let mut check = |name, is_there: bool| *missing.entry(name).or_default() += u64::from(!is_there);
        check("fork", any("fork", &|_| true));
        check("exec", any("exec", &|_| true));
        check("argv", any("exec", &|event| event["argv"] == process["argv"]));
        check("exe", any("exec", &|event| event["exe"].is_string()));
        check("parent", any("fork", &|event| event["ppid"] == process["ppid"]));
        check("exit", any("exit", &|_| true));
        check(
            "status",
            any("exit", &|event| event["status"] == process["status"]),
        );
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{}",
        json!({"processes": count, "reported_lost": lost, "missing": missing})
    )?;
    Ok(())
}

fn read_lines(path: &str) -> Result<impl Iterator<Item = Result<Value, Box<dyn Error>>>, Box<dyn Error>> {
    let file = File::open(path).map_err(|error| format!("opening `{path}`: {error}"))?;
    Ok(BufReader::new(file)
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?)))
}
