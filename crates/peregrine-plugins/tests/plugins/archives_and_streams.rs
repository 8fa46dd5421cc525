//! Archives that are unpacked, devices and connections that are read.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};
use zip::write::SimpleFileOptions;

fn run(vql: &str, env: &[(&str, &str)]) -> (String, Vec<String>) {
    let registry = Arc::new(peregrine_plugins::register(peregrine_functions::register(
        builtin::registry(),
    )));
    let log = Arc::new(MemoryLog::default());
    let cancellation = Cancellation::with_deadline(Duration::from_secs(120));
    let context = Context::builder()
        .registry(registry)
        .log(log.clone())
        .cancellation(cancellation)
        .build();
    let scope = Scope::root(
        &context,
        env.iter().map(|(name, value)| (*name, *value)).collect(),
    );
    let mut rows: Vec<Row> = Vec::new();
    let _ = Program::compile(vql).unwrap().run(&scope, &mut rows);
    let mut shown = Vec::new();
    rows.iter()
        .for_each(|row| json::write_row(&scope, row, &mut shown));
    scope.close();
    (String::from_utf8(shown).unwrap(), log.lines())
}

const UNZIP: &str = "SELECT OriginalPath AS Name, Size, read_file(filename=NewPath) AS Data FROM unzip(filename=File, output_directory=To";

fn names(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        found.push(entry.file_name().into_string().unwrap());
    }
    found.sort();
    found
}

#[test]
fn zip_members_stay_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.zip");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&file).unwrap());
    for (name, data) in [
        ("d/one.txt", "1"),
        ("../two.txt", "2"),
        ("/three.txt", "3"),
        ("..\\four.txt", "4"),
        ("d/five.log", "5"),
    ] {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(data.as_bytes()).unwrap();
    }
    writer
        .add_symlink("six.txt", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    writer.finish().unwrap();
    let to = folder.path().join("out");
    let env = [("File", file.to_str().unwrap()), ("To", to.to_str().unwrap())];
    let (rows, log) = run(&format!("{UNZIP}, filename_filter='TXT$')"), &env);
    assert_eq!(rows, r#"{"Name":"d/one.txt","Size":1,"Data":"1"}"#, "{log:?}");
    for name in ["../two.txt", "/three.txt", "four.txt"] {
        assert!(
            log.iter()
                .any(|line| line.contains(name) && line.contains("leads out")),
            "{name}: {log:?}"
        );
    }
    assert!(
        log.iter().any(|line| line.contains("`six.txt` is a link")),
        "{log:?}"
    );
    assert_eq!(names(folder.path()), ["a.zip", "out"]);
    assert_eq!(names(&to), ["d"]);
}

/// A member of a tar archive.
fn member(name: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    let mut header = vec![0u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    header[156] = kind;
    header[257..262].copy_from_slice(b"ustar");
    header.extend(data);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

#[test]
fn tar_members_stay_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.tar.gz");
    let long = format!("d/{}", "n".repeat(150));
    let tar = [
        member("d/", b'5', b""),
        member("d/one", b'0', b"hello"),
        member("../two", b'0', b"x"),
        member("link", b'2', b""),
        member("long", b'L', long.as_bytes()),
        member("short", b'0', b"long"),
        member("pax", b'x', b"18 path=d/renamed\n"),
        member("other", 0, &[7; 600]),
        vec![0; 1024],
    ]
    .concat();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&tar).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(&file, &packed).unwrap();
    let to = folder.path().join("out");
    let env = [("File", file.to_str().unwrap()), ("To", to.to_str().unwrap())];
    let (rows, log) = run(
        "SELECT OriginalPath AS Name, Size FROM unzip(filename=File, output_directory=To)",
        &env,
    );
    let expected = format!(
        r#"{{"Name":"d/one","Size":5}}{{"Name":"{long}","Size":4}}{{"Name":"d/renamed","Size":600}}"#
    );
    assert_eq!(rows, expected, "{log:?}");
    assert_eq!(names(folder.path()), ["a.tar.gz", "out"]);
    // Damaged archives end with a message or with the undamaged part.
    for at in (0..packed.len()).step_by(7) {
        let mut damaged = packed.clone();
        damaged[at] ^= 0x55;
        std::fs::write(&file, &damaged).unwrap();
        run(&format!("{UNZIP})"), &env);
    }
    for at in (0..tar.len()).step_by(61) {
        let mut damaged = tar.clone();
        damaged[at] = 0xff;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&damaged).unwrap();
        std::fs::write(&file, packed.finish().unwrap()).unwrap();
        run(&format!("{UNZIP})"), &env);
    }
    assert_eq!(names(folder.path()), ["a.tar.gz", "out"]);
}

#[test]
fn netcat_splits_what_comes() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut asked = [0; 3];
        stream.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"hi\n");
        stream.write_all(b"one\n\ntw").unwrap();
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(b"o\ntail").unwrap();
    });
    let (rows, log) = run("SELECT * FROM netcat(address=A, send='hi\n')", &[("A", &address)]);
    assert_eq!(rows, r#"{"Data":"one"}{"Data":"two"}"#, "{log:?}");
    thread.join().unwrap();
}

#[cfg(unix)]
#[test]
fn cat_waits_for_who_writes_into_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let writer = {
        let pipe = pipe.clone();
        std::thread::spawn(move || {
            let mut file = std::fs::OpenOptions::new().write(true).open(pipe).unwrap();
            file.write_all(b"one").unwrap();
            std::thread::sleep(Duration::from_millis(300));
            file.write_all(b"two").unwrap();
        })
    };
    let query = "SELECT str(str=Data) AS Data FROM cat(filename=File, accessor='raw_file', timeout=20)";
    let (rows, log) = run(query, &[("File", pipe.to_str().unwrap())]);
    assert_eq!(rows, r#"{"Data":"one"}{"Data":"two"}"#, "{log:?}");
    writer.join().unwrap();
    let (rows, _) = run(
        "SELECT * FROM cat(filename=File, accessor='raw_file', timeout=1)",
        &[("File", pipe.to_str().unwrap())],
    );
    assert_eq!(rows, "");
}
