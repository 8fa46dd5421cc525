//! Process events, source by source, against processes the test starts itself and knows everything about.
//!
//! Tests that need privileges or kernel features say so and are skipped without them.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helper functions too"
)]

use peregrine_os::linux::LinuxMachine;
use peregrine_os::linux::events::{BpfSource, ConnectorSource, open, open_best};
use peregrine_os::{Exec, Exit, Fork, Machine, ProcessEvent, ProcessEventSource, SourceKind, SourceOptions};
use std::collections::HashMap;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

const STORM: usize = 5000;
const PATIENCE: Duration = Duration::from_secs(60);

/// One test at a time: storms would slow each other, and the programs in the kernel are counted.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn open_or_skip(kind: SourceKind) -> Option<Box<dyn ProcessEventSource>> {
    let options = SourceOptions {
        poll_period: Duration::from_millis(20),
        ..SourceOptions::default()
    };
    match open(kind, &options) {
        Ok(source) => Some(source),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// Everything seen, by pid.
#[derive(Default)]
struct Seen {
    forks: HashMap<u32, Vec<Fork>>,
    execs: HashMap<u32, Vec<Exec>>,
    exits: HashMap<u32, Vec<Exit>>,
    lost: u64,
}

impl Seen {
    fn add(&mut self, event: ProcessEvent) {
        match event {
            ProcessEvent::Fork(fork) => self.forks.entry(fork.pid).or_default().push(fork),
            ProcessEvent::Exec(exec) => self.execs.entry(exec.pid).or_default().push(*exec),
            ProcessEvent::Exit(exit) => self.exits.entry(exit.pid).or_default().push(exit),
            ProcessEvent::Lost(count) => self.lost += count,
        }
    }

    /// Reads until `enough` says so.
    fn read_until(&mut self, source: &mut dyn ProcessEventSource, enough: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut batch = Vec::new();
        while !enough(self) {
            assert!(Instant::now() < deadline, "events are missing after {PATIENCE:?}");
            source.next_batch(Duration::from_millis(100), &mut batch).unwrap();
            batch.drain(..).for_each(|event| self.add(event));
        }
    }
}

struct Truth {
    pid: u32,
    argv: Vec<String>,
    status: i32,
}

/// Runs `count` processes from two threads, a few at a time each; returns the facts about them.
fn storm(count: usize) -> Vec<Truth> {
    let run = move |first: usize| {
        let mut truth = Vec::new();
        let mut running: Vec<(Child, Vec<String>)> = Vec::new();
        let mut finish = |(mut child, argv): (Child, Vec<String>)| {
            let status = child.wait().unwrap().into_raw();
            truth.push(Truth {
                pid: child.id(),
                argv,
                status,
            });
        };
        for index in (first..count).step_by(2) {
            let program = if index % 3 == 0 { "/bin/false" } else { "/bin/true" };
            let argv = [program, "two words", "ünï-código-鷹", &format!("n={index}"), ""]
                .map(str::to_owned)
                .to_vec();
            let child = Command::new(program)
                .args(&argv[1..])
                .stdin(Stdio::null())
                .spawn()
                .unwrap();
            running.push((child, argv));
            if running.len() >= 16 {
                finish(running.remove(0));
            }
        }
        running.into_iter().for_each(finish);
        truth
    };
    let other = std::thread::spawn(move || run(1));
    let mut truth = run(0);
    truth.extend(other.join().unwrap());
    truth
}

/// Runs a storm while reading, and returns it with all that was seen of it.
fn watch_storm(source: &mut dyn ProcessEventSource) -> (Vec<Truth>, Seen) {
    let generator = std::thread::spawn(|| storm(STORM));
    let mut seen = Seen::default();
    seen.read_until(source, |_| generator.is_finished());
    let truth = generator.join().unwrap();
    seen.read_until(source, |seen| {
        truth.iter().all(|process| seen.exits.contains_key(&process.pid))
    });
    (truth, seen)
}

fn count_missing(truth: &[Truth], is_seen: impl Fn(&Truth) -> bool) -> usize {
    truth.iter().filter(|process| !is_seen(process)).count()
}

/// Forks with the right parent, execs and exits with the right status, in order, of the same identity throughout.
fn assert_complete(truth: &[Truth], seen: &Seen) {
    let me = std::process::id();
    let missing = count_missing(truth, |process| {
        let (Some(forks), Some(execs), Some(exits)) = (
            seen.forks.get(&process.pid),
            seen.execs.get(&process.pid),
            seen.exits.get(&process.pid),
        ) else {
            return false;
        };
        forks.iter().any(|fork| {
            fork.ppid == me
                && execs
                    .iter()
                    .any(|exec| exec.start == fork.start && exec.ppid == me && exec.time >= fork.time)
                && exits.iter().filter(|exit| exit.start == fork.start).count() == 1
                && exits.iter().any(|exit| {
                    exit.start == fork.start
                        && exit.status.map(|status| status.0) == Some(process.status)
                        && exit.time >= fork.time
                })
        })
    });
    assert_eq!((missing, seen.lost), (0, 0), "of {} processes", truth.len());
}

#[test]
fn bpf_misses_nothing_of_a_storm() {
    let _alone = alone();
    let Some(mut source) = open_or_skip(SourceKind::Bpf) else {
        return;
    };
    let (truth, seen) = watch_storm(source.as_mut());
    assert_eq!(truth.len(), STORM);
    assert_complete(&truth, &seen);
    let paths = ["/bin/true", "/bin/false"].map(|path| std::fs::canonicalize(path).unwrap());
    let missing = count_missing(&truth, |process| {
        seen.execs[&process.pid].iter().any(|exec| {
            exec.argv.to_strings() == process.argv
                && !exec.argv.is_truncated()
                && exec.exe.as_ref().is_some_and(|exe| paths.contains(exe))
                && process.argv[0].ends_with(exec.comm.to_str().unwrap())
        })
    });
    assert_eq!(missing, 0, "arguments, paths, names");
}

#[test]
fn the_proc_connector_misses_no_process_of_a_storm() {
    let _alone = alone();
    let Some(mut source) = open_or_skip(SourceKind::ProcConnector) else {
        return;
    };
    let (truth, seen) = watch_storm(source.as_mut());
    assert_complete(&truth, &seen);
    // Arguments that were read are right, even if many were read too late.
    for process in &truth {
        for exec in &seen.execs[&process.pid] {
            assert!(
                exec.argv.is_empty() || exec.argv.to_strings() == process.argv,
                "{exec:?}"
            );
        }
    }
}

/// Start times from the kernel, from `/proc`, and from every source are the same.
#[test]
fn every_source_gives_a_process_the_same_identity() {
    let _alone = alone();
    for kind in SourceKind::ALL {
        let Some(mut source) = open_or_skip(kind) else {
            continue;
        };
        let mut sleeper = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let sleeper_pid = sleeper.id();
        let mut seen = Seen::default();
        seen.read_until(source.as_mut(), |seen| seen.execs.contains_key(&sleeper_pid));
        let process = LinuxMachine::new()
            .unwrap()
            .process(sleeper_pid)
            .unwrap()
            .unwrap();
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        seen.read_until(source.as_mut(), |seen| seen.exits.contains_key(&sleeper_pid));

        let exit = &seen.exits[&sleeper_pid][0];
        let starts = [
            seen.forks[&sleeper_pid][0].start,
            seen.execs[&sleeper_pid][0].start,
            exit.start,
        ];
        assert_eq!(starts, [process.brief.start; 3], "{kind}");
        assert_eq!(seen.execs[&sleeper_pid][0].argv, process.argv, "{kind}");
        assert_eq!(seen.execs[&sleeper_pid][0].exe, process.exe, "{kind}");
        assert_eq!(seen.execs[&sleeper_pid][0].uid, Some(process.uid), "{kind}");
        if kind != SourceKind::Poll {
            assert_eq!(exit.status.unwrap().signal(), Some(9));
        }
    }
}

#[test]
fn long_arguments_are_cut_and_their_length_is_told() {
    let _alone = alone();
    for kind in [SourceKind::Bpf, SourceKind::ProcConnector] {
        let Some(mut source) = open_or_skip(kind) else {
            continue;
        };
        let long = "x".repeat(100_000);
        let mut waiting = Command::new("sh")
            .args(["-c", "read line", &long])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = waiting.id();
        let mut seen = Seen::default();
        seen.read_until(source.as_mut(), |seen| seen.execs.contains_key(&pid));
        waiting.kill().unwrap();
        waiting.wait().unwrap();
        let argv = &seen.execs[&pid][0].argv;
        assert_eq!(
            (argv.as_bytes().len(), argv.full_length()),
            (8192, 100_017),
            "{kind}"
        );
        assert!(argv.as_bytes().starts_with(b"sh\0-c\0read line\0xxx"));
    }
}

/// The kernel ends such a program's life under the first thread's id: fork, two execs, one exit.
#[test]
fn exec_from_a_second_thread_keeps_one_life() {
    let _alone = alone();
    for kind in [SourceKind::Bpf, SourceKind::ProcConnector] {
        let Some(mut source) = open_or_skip(kind) else {
            continue;
        };
        let seen = run_helper(source.as_mut(), "helper_exec_from_thread");
        let (execs, exits) = (&seen.1.execs[&seen.0], &seen.1.exits[&seen.0]);
        assert_eq!((execs.len(), exits.len()), (2, 1), "{kind}");
        assert!(execs[0].start == execs[1].start && execs[1].start == exits[0].start);
        assert_eq!(exits[0].status.unwrap().code(), Some(1), "{kind}");
        assert!(exits[0].time >= execs[1].time);
    }
}

#[test]
fn threads_that_end_together_end_one_process() {
    let _alone = alone();
    for kind in [SourceKind::Bpf, SourceKind::ProcConnector] {
        let Some(mut source) = open_or_skip(kind) else {
            continue;
        };
        for _ in 0..20 {
            let (pid, seen) = run_helper(source.as_mut(), "helper_exit_with_threads");
            assert_eq!((seen.forks[&pid].len(), seen.exits[&pid].len()), (1, 1), "{kind}");
            assert_eq!(seen.exits[&pid][0].status.unwrap().code(), Some(7), "{kind}");
        }
    }
}

/// Runs one of the ignored tests below as a process, and whatever follows so that its end is surely past.
fn run_helper(source: &mut dyn ProcessEventSource, name: &str) -> (u32, Seen) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", name])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.wait().unwrap();
    let mut fence = Command::new("true").spawn().unwrap();
    fence.wait().unwrap();
    let mut seen = Seen::default();
    seen.read_until(source, |seen| seen.exits.contains_key(&fence.id()));
    (child.id(), seen)
}

#[test]
#[ignore = "run by another test as a process"]
fn helper_exec_from_thread() {
    let thread = std::thread::spawn(|| Command::new("false").exec());
    panic!("{}", thread.join().unwrap());
}

#[test]
#[ignore = "run by another test as a process"]
fn helper_exit_with_threads() {
    for _ in 0..8 {
        std::thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
    std::process::exit(7);
}

#[test]
fn bpf_sees_programs_without_a_file_and_deep_paths() {
    let _alone = alone();
    let Some(mut source) = open_or_skip(SourceKind::Bpf) else {
        return;
    };
    let program = std::fs::read("/bin/true").unwrap();

    let memory = rustix::fs::memfd_create("peregrine-test", rustix::fs::MemfdFlags::empty()).unwrap();
    rustix::io::write(&memory, &program).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&memory);
    let mut fileless = Command::new(format!("/proc/self/fd/{number}")).spawn().unwrap();
    fileless.wait().unwrap();

    let dir = tempfile::tempdir().unwrap();
    let mut deep = dir.path().canonicalize().unwrap();
    (0..60).for_each(|_| deep.push("d"));
    std::fs::create_dir_all(&deep).unwrap();
    let odd = PathBuf::from(std::ffi::OsString::from_vec(b"t\xff r\nue".to_vec()));
    let shallow = dir.path().canonicalize().unwrap().join(&odd);
    let waiter = deep.join("sleep");
    std::fs::copy("/bin/true", &shallow).unwrap();
    std::fs::copy("/bin/sleep", &waiter).unwrap();
    let mut named = Command::new(&shallow).spawn().unwrap();
    named.wait().unwrap();
    let mut sleeper = Command::new(&waiter).arg("60").spawn().unwrap();

    let mut seen = Seen::default();
    seen.read_until(source.as_mut(), |seen| seen.execs.contains_key(&sleeper.id()));
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    let exe = |pid| seen.execs[&pid][0].exe.as_deref();
    assert_eq!(
        exe(fileless.id()),
        Some(Path::new("/memfd:peregrine-test (deleted)"))
    );
    assert_eq!(exe(named.id()), Some(shallow.as_path()));
    assert_eq!(
        exe(sleeper.id()),
        Some(waiter.as_path()),
        "beyond the walk, read from /proc"
    );
}

/// With a ring too small and nobody reading, the loss is counted and what remains is whole.
#[test]
fn bpf_counts_what_it_loses() {
    let _alone = alone();
    let options = SourceOptions {
        ring_bytes: 16 << 10,
        ..SourceOptions::default()
    };
    let Ok(mut source) = BpfSource::open(&options) else {
        return eprintln!("skipped: no bpf");
    };
    let truth = storm(400);
    let mut seen = Seen::default();
    let mut batch = Vec::new();
    source.next_batch(Duration::ZERO, &mut batch).unwrap();
    assert!(matches!(batch.last(), Some(ProcessEvent::Lost(_))));
    batch.drain(..).for_each(|event| seen.add(event));
    let of_storm = truth
        .iter()
        .filter(|process| seen.forks.contains_key(&process.pid))
        .count();
    assert!(seen.lost >= (truth.len() - of_storm) as u64);
    assert_eq!(source.stats().lost, seen.lost);
}

#[test]
fn the_proc_connector_counts_what_it_loses() {
    let _alone = alone();
    let options = SourceOptions {
        receive_buffer: 4096,
        ..SourceOptions::default()
    };
    let Ok(mut source) = ConnectorSource::open(&options) else {
        return eprintln!("skipped: no cn_proc");
    };
    storm(400);
    let mut seen = Seen::default();
    // The gap shows with the first event from the same processor that gets through again: a few at a time, so that they do.
    let deadline = Instant::now() + PATIENCE;
    let mut batch = Vec::new();
    while seen.lost == 0 {
        assert!(
            Instant::now() < deadline,
            "no loss is reported after {PATIENCE:?}"
        );
        source.next_batch(Duration::ZERO, &mut batch).unwrap();
        batch.drain(..).for_each(|event| seen.add(event));
        storm(2);
    }
    assert!(source.stats().lost >= seen.lost);
}

#[test]
fn nothing_stays_in_the_kernel() {
    let _alone = alone();
    let ids = || -> Vec<u32> {
        let ours = |program: &aya::programs::ProgramInfo| program.name_as_str() == Some("btf_exec");
        aya::programs::loaded_programs()
            .filter_map(Result::ok)
            .filter(ours)
            .map(|program| program.id())
            .collect()
    };
    let before = ids();
    let Some(source) = open_or_skip(SourceKind::Bpf) else {
        return;
    };
    let mine: Vec<u32> = ids().into_iter().filter(|id| !before.contains(id)).collect();
    assert!(!mine.is_empty() || source.stats().detail.starts_with("raw"));
    drop(source);
    let deadline = Instant::now() + PATIENCE;
    while ids().iter().any(|id| mine.contains(id)) {
        assert!(Instant::now() < deadline, "programs {mine:?} are still loaded");
        std::thread::yield_now(); // the kernel frees them a moment later
    }
}

#[test]
fn the_choice_says_what_stood_against_better_sources() {
    let _alone = alone();
    let options = SourceOptions::default();
    let (source, choice) = open_best(None, &options).unwrap();
    assert_eq!(source.stats().kind, choice.kind);
    let better: Vec<_> = SourceKind::ALL
        .into_iter()
        .take_while(|&kind| kind != choice.kind)
        .collect();
    assert_eq!(
        choice.tried.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        better
    );

    let (_, choice) = open_best(Some(SourceKind::Poll), &options).unwrap();
    assert_eq!((choice.kind, choice.tried.len()), (SourceKind::Poll, 0));

    let Err(error) = BpfSource::open_object(b"no object", &options) else {
        panic!("loaded")
    };
    assert!(error.to_string().contains("`bpf` does not work here"), "{error}");
}

/// With clang the object is built anew and used; with the version it was made by, it must be the one checked in.
#[test]
fn the_object_can_be_rebuilt_from_its_source() {
    let _alone = alone();
    let Ok(version) = Command::new("clang-14").arg("--version").output() else {
        return eprintln!("skipped: no clang-14");
    };
    let source_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bpf");
    let dir = tempfile::tempdir().unwrap();
    for name in ["process.bpf.c", "kernel.h", "Makefile"] {
        std::fs::copy(source_dir.join(name), dir.path().join(name)).unwrap();
    }
    let made = Command::new("make").arg("-C").arg(dir.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let object = std::fs::read(dir.path().join("process.bpf.o")).unwrap();
    if String::from_utf8_lossy(&version.stdout).contains("14.0.6") {
        let checked_in = std::fs::read(source_dir.join("process.bpf.o")).unwrap();
        assert!(
            object == checked_in,
            "bpf/process.bpf.o is stale: run `make -B -C bpf`"
        );
    }
    let Ok(mut source) = BpfSource::open_object(&object, &SourceOptions::default()) else {
        return eprintln!("skipped: no bpf");
    };
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let mut seen = Seen::default();
    seen.read_until(&mut source, |seen| seen.exits.contains_key(&child.id()));
    assert_eq!(seen.execs[&child.id()][0].argv.to_strings(), ["true"]);
}
