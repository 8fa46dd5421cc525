//! `upload()` with an uploader that remembers its files.
#![allow(clippy::unwrap_used)]

use parking_lot::Mutex;
use peregrine_accessors::{Upload, UploadFile, Uploader, UploaderHandle};
use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};
use std::sync::Arc;

/// A file, its content, and whether it came to its end.
type Sent = (UploadFile, Vec<u8>, bool);
type Kept = Arc<Mutex<Vec<Sent>>>;

/// Keeps all uploads.
#[derive(Default)]
struct Memory(Kept);

struct Keeping(Kept, usize);

impl Uploader for Memory {
    fn begin(&self, _: &Scope, file: UploadFile) -> VqlResult<Box<dyn Upload>> {
        let mut kept = self.0.lock();
        kept.push((file, Vec::new(), false));
        Ok(Box::new(Keeping(Arc::clone(&self.0), kept.len() - 1)))
    }
}

impl Upload for Keeping {
    fn id(&self) -> i64 {
        i64::try_from(self.1).unwrap()
    }

    fn write(&mut self, _: &Scope, piece: &[u8]) -> VqlResult<()> {
        assert!(!piece.is_empty() && piece.len() <= peregrine_accessors::UPLOAD_PIECE);
        self.0.lock()[self.1].1.extend_from_slice(piece);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Scope, is_whole: bool) -> VqlResult<Option<Str>> {
        self.0.lock()[self.1].2 = is_whole;
        Ok(None)
    }
}

/// The value of an expression as JSON, its messages, and the uploads.
fn run(expression: &str, env: &[(&str, &str)]) -> (String, Vec<String>, Vec<Sent>) {
    let memory = Arc::new(Memory::default());
    let kept = Arc::clone(&memory.0);
    let (shown, log) = run_with(memory, expression, env);
    let kept = kept.lock().clone();
    (shown, log, kept)
}

fn run_with(uploader: Arc<dyn Uploader>, expression: &str, env: &[(&str, &str)]) -> (String, Vec<String>) {
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder()
        .registry(Arc::new(peregrine_functions::register(builtin::registry())))
        .log(log.clone())
        .extension(Arc::new(UploaderHandle::new(uploader)))
        .build();
    let scope = Scope::root(
        &context,
        env.iter().map(|(name, value)| (*name, *value)).collect(),
    );
    let mut rows: Vec<Row> = Vec::new();
    let program = Program::compile(&format!("SELECT {expression} AS V FROM scope()")).unwrap();
    let _ = program.run(&scope, &mut rows);
    let mut shown = Vec::new();
    json::write_value(&scope, &rows[0].get("V").unwrap(), &mut shown);
    (String::from_utf8(shown).unwrap(), log.lines())
}

#[test]
fn text_becomes_a_file() {
    let (answer, _, kept) = run(
        "upload(accessor='data', file='hello', name='a.txt', mtime=7)",
        &[],
    );
    assert_eq!(
        answer,
        r#"{"Path":"","Size":5,"UploadId":0,"StoredSize":5,"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","md5":"5d41402abc4b2a76b9719d911017c592","StoredName":"a.txt","Components":["a.txt"],"Accessor":"data"}"#
    );
    let [(file, content, true)] = &kept[..] else {
        panic!("one upload: {kept:?}")
    };
    assert_eq!(
        (content.as_slice(), file.expected_size, file.times.modified),
        (b"hello".as_slice(), 5, 7_000_000_000)
    );
}

#[test]
fn answers_go_by_both_spellings() {
    let sent = "upload(accessor='data', file='hello', name='a.txt')";
    let (answer, log, _) = run(
        &format!("{sent}.Sha256 = {sent}.sha256 AND {sent}.Md5 =~ '^5d41'"),
        &[],
    );
    assert_eq!(answer, "true", "{log:?}");
}

#[test]
fn large_and_empty_files_and_links_arrive_whole() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..2_500_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(folder.path().join("big"), &content).unwrap();
    std::fs::write(folder.path().join("empty"), b"").unwrap();
    std::os::unix::fs::symlink(folder.path().join("big"), folder.path().join("link")).unwrap();
    let env = [("Folder", folder.path().to_str().unwrap())];
    let all = "(upload(file=Folder + '/big').Size, upload(file=Folder + '/empty').Size,
                upload(file=Folder + '/link').Size, upload(file=Folder + '/big').UploadId)";
    let (answer, log, kept) = run(all, &env);
    assert_eq!(answer, "[2500000,0,2500000,0]", "{log:?}");
    let sizes: Vec<_> = kept
        .iter()
        .map(|(file, _, whole)| (file.expected_size, *whole))
        .collect();
    assert_eq!(sizes, [(2_500_000, true), (0, true), (2_500_000, true)]);
    assert!(kept[0].1 == content && kept[2].1 == content);
    assert!(kept[0].0.times.modified > 0);
}

#[test]
fn a_name_that_another_file_has_is_told() {
    let again = "(upload(accessor='data', file='a', name='x').sha256 = upload(accessor='data', file=B, name='x').sha256)";
    let told = |log: &[String]| {
        log.iter()
            .filter(|line| line.contains("another file was sent as `x`"))
            .count()
    };
    let (_, log, kept) = run(again, &[("B", "b")]);
    assert_eq!((kept.len(), told(&log)), (1, 1), "{log:?}");
    let (_, log, kept) = run(again, &[("B", "a")]);
    assert_eq!((kept.len(), told(&log)), (1, 0), "{log:?}");
}

/// Cuts a file when its first piece comes.
struct Cutting(std::path::PathBuf);

impl Uploader for Cutting {
    fn begin(&self, _: &Scope, _: UploadFile) -> VqlResult<Box<dyn Upload>> {
        let file = std::fs::File::options().write(true).open(&self.0).unwrap();
        file.set_len(10).unwrap();
        Ok(Box::new(Keeping(
            Arc::new(Mutex::new(vec![(file_of("cut"), Vec::new(), false)])),
            0,
        )))
    }
}

fn file_of(name: &str) -> UploadFile {
    UploadFile {
        accessor: "file".to_owned(),
        name: peregrine_accessors::OsPath::parse(peregrine_accessors::Dialect::Raw, name.as_bytes()).unwrap(),
        expected_size: 0,
        times: peregrine_accessors::UploadTimes::default(),
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, vec![7; 3 * peregrine_accessors::UPLOAD_PIECE]).unwrap();
    let (answer, log) = run_with(
        Arc::new(Cutting(path.clone())),
        "upload(file=File).Size",
        &[("File", path.to_str().unwrap())],
    );
    assert_eq!(answer, peregrine_accessors::UPLOAD_PIECE.to_string());
    assert!(log.iter().any(|line| line.contains("somebody cut it")), "{log:?}");
    let (_, log, kept) = run("upload(file='/sys/kernel/mm/transparent_hugepage/enabled')", &[]);
    assert!(
        !log.iter().any(|line| line.contains("somebody cut it")),
        "{log:?} {kept:?}"
    );
}

#[test]
fn what_is_no_file_is_refused() {
    let (answer, log, kept) = run("upload(file='/etc')", &[]);
    assert_eq!(answer, "null");
    assert!(log.iter().any(|line| line.contains("is a folder")), "{log:?}");
    let (answer, _, _) = run("upload(file='/no/such/file')", &[]);
    assert!(answer.starts_with(r#"{"Path":"","Size":0,"Error":"#), "{answer}");
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc", folder.path().join("link")).unwrap();
    let (answer, _, _) = run(
        "upload(file=Folder + '/link').Error",
        &[("Folder", folder.path().to_str().unwrap())],
    );
    assert!(answer.contains("directory"), "{answer}");
    let (answer, log, _) = run(
        "upload(accessor='data', file=Long)",
        &[("Long", &"x".repeat(20_000))],
    );
    assert_eq!(answer, "null");
    assert!(
        log.iter().any(|line| line.contains("shorter one with `name`")),
        "{log:?}"
    );
    assert!(kept.is_empty());
}
