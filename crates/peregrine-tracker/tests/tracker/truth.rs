//! A simulated machine knows the truth; the tracker, receiving events in any order, must arrive at it.

use peregrine_tracker::{Config, Event, Kind, Pid, Row, Span, Time, Tracker};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;

struct Real {
    pid: u32,
    start: i64,
    end: Option<i64>,
    parent: Option<usize>,
    /// Since when it ran what; empty until its first exec.
    programs: Vec<(i64, String)>,
}

#[derive(Clone)]
enum Message {
    Event(Event<String>),
    List(i64, Vec<Row<String>>),
}

#[derive(Default)]
struct Machine {
    processes: Vec<Real>,
    messages: Vec<Message>,
    now: i64,
}

fn ms(time: i64) -> Time {
    Time::from_millis(1_000_000 + time)
}

impl Machine {
    /// Plays a script; few pids, so they are used again and again.
    fn run(script: &[(u8, u8)], with_lists: bool) -> Machine {
        let mut machine = Machine {
            now: 1,
            ..Machine::default()
        };
        machine.processes.push(Real {
            pid: 1,
            start: 1,
            end: None,
            parent: None,
            programs: vec![(1, "init".into())],
        });
        let mut init = Event::start(1u32, 0u32, ms(1), Arc::new("init".to_owned()));
        init.parent = None;
        machine.messages.push(Message::Event(init));
        for (action, choice) in script {
            machine.now += 3;
            machine.step(*action, *choice as usize, with_lists);
        }
        machine
    }

    fn step(&mut self, action: u8, choice: usize, with_lists: bool) {
        let now = self.now;
        let alive: Vec<usize> = (0..self.processes.len())
            .filter(|i| self.processes[*i].end.is_none())
            .collect();
        let chosen = alive[choice % alive.len()];
        match action % 8 {
            0..=2 => {
                let free = (2..7).find(|pid| !alive.iter().any(|i| self.processes[*i].pid == *pid));
                let Some(pid) = free else { return };
                self.processes.push(Real {
                    pid,
                    start: now,
                    end: None,
                    parent: Some(chosen),
                    programs: vec![],
                });
                let parent = self.processes[chosen].pid;
                self.messages
                    .push(Message::Event(Event::fork(pid, parent, ms(now))));
            }
            3 | 4 => {
                let program = format!("program{now}");
                self.processes[chosen].programs.push((now, program.clone()));
                let pid = self.processes[chosen].pid;
                self.messages
                    .push(Message::Event(Event::exec(pid, ms(now), Arc::new(program))));
            }
            5 | 6 if chosen != 0 => {
                self.processes[chosen].end = Some(now);
                let pid = self.processes[chosen].pid;
                self.messages
                    .push(Message::Event(Event::exit(pid, ms(now), Some(now))));
            }
            7 if with_lists => {
                let rows = alive.iter().map(|i| self.row(*i)).collect();
                self.messages.push(Message::List(now, rows));
            }
            _ => {}
        }
    }

    /// As /proc shows it: orphans belong to pid 1.
    fn row(&self, index: usize) -> Row<String> {
        let process = &self.processes[index];
        let parent = process.parent.map(|p| match self.processes[p].end {
            None => self.processes[p].pid.into(),
            Some(_) => 1u32.into(),
        });
        let program = self.program(index, self.now).to_owned();
        Row::new(process.pid, parent, Some(ms(process.start)), Arc::new(program))
    }

    fn program(&self, index: usize, at: i64) -> &str {
        let process = &self.processes[index];
        match (
            process.programs.iter().rev().find(|(since, _)| *since <= at),
            process.parent,
        ) {
            (Some((_, program)), _) => program,
            (None, Some(parent)) => self.program(parent, process.start),
            (None, None) => "init",
        }
    }

    fn chain(&self, index: usize) -> Vec<(u32, i64)> {
        let mut chain = vec![];
        let mut next = Some(index);
        while let Some(i) = next {
            chain.insert(0, (self.processes[i].pid, self.processes[i].start));
            next = self.processes[i].parent;
        }
        chain
    }
}

fn config() -> Config {
    Config {
        clock_skew: Span::ZERO,
        max_images: 100,
        ..Config::default()
    }
}

fn tell(tracker: &Tracker<String>, message: Message) {
    match message {
        Message::Event(event) => tracker.apply(event.at, [event]),
        Message::List(at, rows) => {
            tracker.sync(ms(at), Span::ZERO, rows);
        }
    }
    tracker.check_invariants();
}

fn compare(tracker: &Tracker<String>, machine: &Machine) {
    for (index, real) in machine.processes.iter().enumerate() {
        let last = real.end.map_or(machine.now, |end| end - 1);
        for at in [real.start, (real.start + last) / 2, last] {
            let found = tracker
                .get(&real.pid.to_string(), Some(ms(at)))
                .expect("known while it lived");
            assert_eq!(found.start_time, Some(ms(real.start)), "pid {} at {at}", real.pid);
            assert_eq!(found.end_time, None);
            let program = machine.program(index, at);
            assert_eq!(
                found.data.as_deref().map(String::as_str),
                Some(program),
                "pid {} at {at}",
                real.pid
            );
            let chain: Vec<String> = tracker
                .callchain(&found.id.to_string(), 1000, Some(ms(at)))
                .iter()
                .map(start_of)
                .collect();
            let expected: Vec<String> = machine
                .chain(index)
                .iter()
                .map(|(pid, start)| format!("{pid} {}", ms(*start).nanos()))
                .collect();
            assert_eq!(chain, expected);
        }
        let found = tracker
            .get(&real.pid.to_string(), Some(ms(last)))
            .expect("still known");
        let found = tracker
            .get(&found.id.to_string(), None)
            .expect("real ids are found");
        assert_eq!(found.end_time, real.end.map(ms));
        assert_eq!(found.is_end_exact, real.end.is_some());
        assert_eq!(found.exit_status, real.end);
        let children: Vec<String> = tracker
            .children(&found.id.to_string(), 1000, None)
            .iter()
            .map(start_of)
            .collect();
        let expected: Vec<String> = machine
            .processes
            .iter()
            .filter(|child| child.parent == Some(index))
            .map(|child| format!("{} {}", child.pid, ms(child.start).nanos()))
            .collect();
        assert_eq!(children, expected);
    }
    assert_eq!(tracker.all(None).len(), machine.processes.len());
}

fn start_of(process: &peregrine_tracker::Process<String>) -> String {
    format!(
        "{} {}",
        process.id.pid,
        process.start_time.expect("known").nanos()
    )
}

fn script(length: usize) -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::vec(any::<(u8, u8)>(), 0..length)
}

fn reopen(path: &Path) -> Tracker<String> {
    Tracker::restore(config(), path, "boot").expect("readable").0
}

/// Tells of everything as late as `delays` say (places later in the order; 0 where they say nothing).
fn tell_late(script: &[(u8, u8)], delays: &[usize]) {
    let machine = Machine::run(script, true);
    let tracker = Tracker::new(config());
    let mut order: Vec<usize> = (0..machine.messages.len()).collect();
    order.sort_by_key(|i| i + delays.get(*i).copied().unwrap_or(0));
    for i in order {
        tell(&tracker, machine.messages[i].clone());
    }
    compare(&tracker, &machine);
}

/// Scripts that property tests found: a late list has ended the pid's owner, and two traces of its successor (an exit or
/// an execution, and a child) come before its fork does. They are of one process.
#[test]
fn two_traces_of_a_process_whose_fork_is_late_are_one() {
    const FORK: u8 = 0;
    const EXEC: u8 = 3;
    const EXIT: u8 = 5;
    const LIST: u8 = 7;
    // A child and an exit.
    tell_late(
        &[
            (FORK, 0),
            (FORK, 1),
            (EXIT, 2),
            (LIST, 0),
            (FORK, 1),
            (FORK, 2),
            (EXIT, 2),
        ],
        &[0, 0, 0, 5, 3, 3],
    );
    // A child and an execution.
    tell_late(
        &[
            (FORK, 0),
            (EXIT, 1),
            (FORK, 0),
            (FORK, 0),
            (EXIT, 1),
            (LIST, 0),
            (EXIT, 1),
            (FORK, 0),
            (FORK, 1),
            (EXEC, 1),
        ],
        &[0, 0, 0, 0, 0, 6, 4, 0, 3],
    );
}

/// A late list ends the pid's owner, whose successor already has a child.
#[test]
fn a_child_goes_to_the_owner_of_the_pid_at_its_birth() {
    let row =
        |pid: u32, start: i64| Row::new(pid, Some(1u32.into()), Some(ms(start)), Arc::new("x".to_owned()));
    let fork = |pid: u32, parent: u32, at: i64| Message::Event(Event::fork(pid, parent, ms(at)));
    let tracker = Tracker::new(config());
    for message in [
        fork(1, 0, 1),
        fork(3, 1, 151),
        fork(2, 3, 226),
        fork(4, 2, 238),
        Message::List(232, vec![row(1, 1), row(3, 151)]),
        fork(2, 3, 235),
        Message::Event(Event::exit(2u32, ms(229), Some(229))),
    ] {
        tell(&tracker, message);
    }
    let chain: Vec<String> = tracker.callchain("4", 10, None).iter().map(start_of).collect();
    let expected: Vec<String> = [(1, 1), (3, 151), (2, 235), (4, 238)]
        .map(|(pid, start)| format!("{pid} {}", ms(start).nanos()))
        .into();
    assert_eq!(chain, expected);
    let former = tracker.get("2", Some(ms(227))).expect("known");
    assert_eq!(former.end_time, None, "as it was then");
    assert_eq!(tracker.all(None).len(), 5);
}

/// The reports of a feed of executions and exits, with lists in between: every process executes something
/// right after its fork.
fn told_by_executions(script: &[(u8, u8)]) -> (Machine, Vec<Message>, Vec<bool>) {
    let (mut machine, mut told) = (Machine::run(&[], true), Vec::new());
    let mut is_listed = vec![false];
    told.append(&mut machine.messages);
    for (action, choice) in script {
        machine.now += 3;
        machine.step(*action, *choice as usize, true);
        let Some(message) = machine.messages.pop() else {
            continue;
        };
        machine.messages.clear();
        let (pid, at) = match message {
            Message::Event(event) if matches!(event.kind, Kind::Exit { .. }) => {
                told.push(Message::Event(event));
                continue;
            }
            Message::List(at, rows) => {
                for (real, is_listed) in machine.processes.iter().zip(&mut is_listed) {
                    *is_listed |= real.end.is_none();
                }
                told.push(Message::List(at, rows));
                continue;
            }
            Message::Event(event) if matches!(event.kind, Kind::Start(_)) => {
                machine.now += 1;
                is_listed.push(false);
                let (now, last) = (machine.now, machine.processes.len() - 1);
                machine.processes[last]
                    .programs
                    .push((now, format!("program{now}")));
                (event.pid, ms(now))
            }
            Message::Event(event) => (event.pid, event.at),
        };
        let running = (0..machine.processes.len())
            .rfind(|i| machine.processes[*i].end.is_none() && Pid::from(machine.processes[*i].pid) == pid)
            .expect("it runs");
        let program = machine.program(running, machine.now).to_owned();
        let mut event = Event::new(pid, at, Kind::StartOrExec(Some(Arc::new(program))));
        event.parent = machine.row(running).parent;
        event.start = Some(at);
        told.push(Message::Event(event));
    }
    (machine, told, is_listed)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_in_order(script in script(120)) {
        let machine = Machine::run(&script, true);
        let tracker = Tracker::new(config());
        machine.messages.iter().for_each(|message| tell(&tracker, message.clone()));
        compare(&tracker, &machine);
    }

    #[test]
    fn events_in_any_order(
        (machine, order) in script(60).prop_flat_map(|script| {
            let count = Machine::run(&script, false).messages.len();
            let twice: Vec<usize> = (0..count).chain((0..count).step_by(3)).collect();
            (Just(script), Just(twice).prop_shuffle())
        })
    ) {
        let machine = Machine::run(&machine, false);
        let tracker = Tracker::new(config());
        order.iter().for_each(|i| tell(&tracker, machine.messages[*i].clone()));
        compare(&tracker, &machine);
    }

    #[test]
    fn events_and_lists_a_little_late(
        (script, delays) in script(100).prop_flat_map(|script| {
            let count = Machine::run(&script, true).messages.len();
            (Just(script), proptest::collection::vec(0usize..6, count))
        })
    ) {
        tell_late(&script, &delays);
    }

    #[test]
    fn executions_told_as_starts(script in script(120)) {
        let (machine, told, is_listed) = told_by_executions(&script);
        let tracker = Tracker::new(config());
        told.into_iter().for_each(|message| tell(&tracker, message));
        assert_eq!(tracker.all(None).len(), machine.processes.len());
        for (index, real) in machine.processes.iter().enumerate() {
            let last = real.programs.last().map_or(real.start, |(at, _)| *at);
            let at = Some(ms(real.end.map_or(machine.now, |end| end - 1)));
            let found = tracker.get(&real.pid.to_string(), at).expect("known while it lived");
            let known_start = if is_listed[index] { real.start } else { real.programs[0].0 };
            assert_eq!(found.start_time, Some(ms(known_start)));
            assert_eq!(found.data.as_deref().map(String::as_str), Some(machine.program(index, last)));
            let found = tracker.get(&found.id.to_string(), None).expect("real ids are found");
            assert_eq!((found.end_time, found.exit_status), (real.end.map(ms), real.end));
            let chain = tracker.callchain(&found.id.to_string(), 1000, None);
            let pids: Vec<String> = chain.iter().map(|process| process.id.pid.to_string()).collect();
            let expected: Vec<String> = machine.chain(index).iter().map(|(pid, _)| pid.to_string()).collect();
            assert_eq!(pids, expected);
        }
    }

    #[test]
    fn restarts_change_nothing(script in script(80), every in 1usize..20, flushes in 1usize..7) {
        let machine = Machine::run(&script, true);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut tracker = reopen(&path);
        for (count, message) in machine.messages.iter().enumerate() {
            tell(&tracker, message.clone());
            if count % flushes == 0 {
                tracker.flush().expect("written");
            }
            if count % every == 0 {
                tracker.flush().expect("written");
                tracker = reopen(&path);
                tracker.check_invariants();
            }
        }
        compare(&tracker, &machine);
    }

    #[test]
    fn nonsense_keeps_the_invariants(
        script in script(150), lost in any::<u64>(), size in 1usize..12, precision in 0i64..20
    ) {
        let machine = Machine::run(&script, true);
        let tracker = Tracker::new(Config { max_size: size, max_expiry: Span::from_millis(50), ..config() });
        for (index, message) in machine.messages.into_iter().rev().enumerate() {
            match message {
                _ if lost >> (index % 64) & 1 == 1 => {}
                Message::List(at, rows) => drop(tracker.sync(ms(at), Span::from_millis(precision), rows)),
                Message::Event(mut event) => {
                    event.precision = Span::from_millis(precision);
                    event.start = event.start.filter(|_| lost >> (index % 61) & 2 == 0);
                    tracker.apply(event.at, [event]);
                }
            }
            tracker.check_invariants();
        }
        assert!(tracker.len() <= size);
        let _ = tracker.tree(None, 1000, None);
    }
}
