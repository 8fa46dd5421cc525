//! The machine's data about itself, checked against facts the test knows.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helper functions too"
)]

use peregrine_os::linux::{LinuxMachine, boot_clock};
use peregrine_os::{Machine, SocketState, Transport};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};

fn machine() -> LinuxMachine {
    LinuxMachine::new().unwrap()
}

#[test]
fn this_process_is_listed_and_described() {
    let me = std::process::id();
    let brief = machine()
        .process_list()
        .unwrap()
        .into_iter()
        .find(|process| process.pid == me)
        .unwrap();
    let process = machine().process(me).unwrap().unwrap();
    assert_eq!(process.brief.start, brief.start);
    assert_eq!(process.exe.unwrap(), std::env::current_exe().unwrap());
    assert_eq!(process.cwd.unwrap(), std::env::current_dir().unwrap());
    assert_eq!(process.argv.to_strings(), std::env::args().collect::<Vec<_>>());
    assert!(process.memory.rss > 0 && process.memory.vms >= process.memory.rss);
    assert!(process.brief.threads >= 1);
    assert!(process.io.is_some());
    assert_eq!(machine().parent_pid(me).unwrap(), Some(brief.ppid));

    let mut pids = Vec::new();
    let mut visit = |process: peregrine_os::Process| {
        pids.push(process.brief.pid);
        if process.brief.pid == me {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    machine().processes(&mut visit).unwrap();
    assert!(pids.is_sorted());
    assert_eq!(pids.last(), Some(&me));
}

#[test]
fn a_process_keeps_its_start_time_and_a_dead_one_is_none() {
    let before = boot_clock();
    let mut child = Command::new("sleep")
        .arg("60")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id();
    let first = machine().process(pid).unwrap().unwrap();
    let second = machine().process(pid).unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(first.brief.start, second.brief.start);
    assert_eq!(first.brief.ppid, std::process::id());
    assert_eq!(
        before.start_from_ticks(first.brief.start.ticks),
        first.brief.start
    );
    assert_eq!(machine().process(pid).unwrap(), None);
    assert_eq!(machine().parent_pid(pid).unwrap(), None);
}

/// `/proc/<tid>` exists for every thread, though no listing shows it.
#[test]
fn a_thread_is_not_a_process() {
    let thread = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok())
        .find(|&id| id != std::process::id());
    if let Some(thread) = thread {
        assert_eq!(machine().process(thread).unwrap(), None);
    }
}

#[test]
fn sockets_of_this_process_are_found_with_their_descriptors() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sockets = machine().sockets().unwrap();
    let find = |transport, local, state| {
        let mut found = sockets
            .iter()
            .filter(|s| s.transport == transport && s.local == local && s.state == state);
        let socket = found
            .next()
            .unwrap_or_else(|| panic!("no {transport:?} {local} {state:?}"));
        assert!(socket.owners.iter().any(|owner| owner.pid == std::process::id()));
        socket
    };
    find(Transport::Tcp, address, SocketState::Listen);
    let connected = find(
        Transport::Tcp,
        client.local_addr().unwrap(),
        SocketState::Established,
    );
    assert_eq!(connected.remote, address);
    find(Transport::Udp, udp.local_addr().unwrap(), SocketState::Close);

    if let Ok(listener) = TcpListener::bind("[::1]:0") {
        let address = listener.local_addr().unwrap();
        assert!(
            machine()
                .sockets()
                .unwrap()
                .iter()
                .any(|socket| socket.local == address)
        );
    }
}

#[test]
fn the_account_we_run_as_is_known() {
    let me = machine().process(std::process::id()).unwrap().unwrap();
    let user = machine()
        .users()
        .unwrap()
        .into_iter()
        .find(|user| user.uid == me.uid);
    assert_eq!(user.map(|user| user.name), me.username);
    assert!(!machine().groups().unwrap().is_empty());
}

#[test]
fn root_and_proc_are_mounted() {
    let mounts = machine().mounts().unwrap();
    assert!(mounts.iter().any(|mount| mount.mount_point.as_os_str() == "/"));
    assert!(mounts.iter().any(|mount| mount.fs_type == "proc"));
}

#[test]
fn the_loopback_has_its_address() {
    let interfaces = machine().interfaces().unwrap();
    let loopback = interfaces
        .iter()
        .find(|interface| interface.is_loopback())
        .unwrap();
    assert_eq!(loopback.name, "lo");
    assert!(loopback.is_up() && loopback.index > 0 && loopback.mtu > 0);
    assert!(loopback.hardware_address.is_empty());
    let local = loopback
        .addresses
        .iter()
        .find(|address| address.address.to_string() == "127.0.0.1")
        .unwrap();
    assert_eq!(local.prefix_length, 8);
}

#[test]
fn the_host_knows_its_names_and_size() {
    let host = machine().host().unwrap();
    assert_eq!(host.os, "linux");
    assert_eq!(host.boot_id.len(), 36);
    assert!(!host.hostname.is_empty() && host.fqdn.starts_with(host.hostname.as_str()));
    assert!(!host.kernel_release.is_empty() && !host.architecture.is_empty());
    assert!(host.memory_total > 0 && host.cpu_count > 0 && host.boot_time > 0);
}
