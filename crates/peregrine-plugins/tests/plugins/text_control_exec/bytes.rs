//! Names and texts that are not UTF-8 are neither hidden nor merged, and names in results find their files
//! again.

use super::{run, run_with};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Names that are shown alike, and one that is written as they are shown.
const NAMES: [&[u8]; 4] = [b"a\xffb", b"a\xfeb", "a\u{fffd}b".as_bytes(), b"a\xf0\x9f\x92b"];

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, name) in NAMES.iter().enumerate() {
        std::fs::write(folder.path().join(OsStr::from_bytes(name)), number.to_string()).unwrap();
    }
    folder
}

/// How many rows, which are objects without members that are.
fn count(rows: &str) -> usize {
    serde_json::from_str::<Vec<serde_json::Value>>(rows)
        .unwrap()
        .len()
}

#[test]
fn names_that_are_shown_alike_stay_apart() {
    let folder = folder();
    let env = [("Folder", folder.path().to_str().unwrap())];
    for (vql, rows) in [
        (
            "SELECT dict(x=Name) AS K, count() AS N FROM glob(globs=Folder + '/*') GROUP BY K",
            4,
        ),
        (
            "SELECT dict(x=(OSPath, 1)) AS K FROM glob(globs=Folder + '/*') GROUP BY K",
            4,
        ),
        (
            "SELECT format(format='%v %v', args=(dict(x=Name), 1)) AS K FROM glob(globs=Folder + '/*') GROUP BY K",
            4,
        ),
        (
            "SELECT str(str=dict(x=Name)) AS K FROM glob(globs=Folder + '/*') GROUP BY K",
            4,
        ),
        (
            "SELECT * FROM dedup(query={ SELECT dict(x=Name) AS K FROM glob(globs=Folder + '/*') }, key='K')",
            4,
        ),
        (
            "SELECT template(template='{{ .D }}', expansion=dict(D=dict(x=Name))) AS K FROM glob(globs=Folder + '/*') GROUP BY K",
            4,
        ),
    ] {
        let (found, log) = run(vql, &env);
        assert_eq!(count(&found), rows, "{vql}: {found} {log:?}");
    }
    // Readers of JSON keep one value a key.
    let (found, _) = run(
        "SELECT to_dict(item={ SELECT Name AS _key, Size AS _value FROM glob(globs=Folder + '/*') }) AS D FROM scope()",
        &env,
    );
    let rows: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(rows[0]["D"].as_object().unwrap().len(), 4, "{found}");
    assert!(
        found.contains(r#""a\\xffb""#) && found.contains(r#""a\\xfeb""#),
        "{found}"
    );
}

#[test]
fn parsers_give_back_the_bytes_they_were_given() {
    let (rows, log) = run(
        r"LET Odd = 'a\xff\xfeb'
          SELECT parse_xml(accessor='data', file='<r a=\'' + Odd + '\'>' + Odd + '</r>').r = dict(`#text`=Odd, Attra=Odd) AS Xml,
                 parse_yaml(accessor='data', filename=Odd + ': ' + Odd) = set(item=dict(), field=Odd, value=Odd) AS Yaml,
                 parse_json(data=str(str=dict(x=Odd))).x = Odd AS Json,
                 url(parse=url(scheme='http', host='h', path=Odd).String).Path = '/' + Odd AS Url,
                 template(template='{{ .x }}' + Odd, expansion=dict(x=Odd)) = Odd + Odd AS Template
          FROM scope()",
        &[],
    );
    assert_eq!(
        rows, r#"[{"Xml":true,"Yaml":true,"Json":true,"Url":true,"Template":true}]"#,
        "{log:?}"
    );
}

#[test]
fn a_name_as_it_is_shown_finds_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(OsStr::from_bytes(b"d\xff"));
    std::fs::create_dir(&odd).unwrap();
    std::fs::write(odd.join(OsStr::from_bytes(b"f\xfe.txt")), "here").unwrap();
    for name in [b"two\xff", b"two\xfe"] {
        std::fs::write(folder.path().join(OsStr::from_bytes(name)), "either").unwrap();
    }
    let env = [("Folder", folder.path().to_str().unwrap())];
    let (rows, log) = run(
        "LET Shown <= Folder + '/d\u{fffd}/f\u{fffd}.txt'
         SELECT read_file(filename=Shown) AS Content, stat(filename=Shown).Size AS Size,
                hash(path=Shown).MD5 = hash(accessor='data', path='here').MD5 AS Hash,
                read_file(filename=Folder + '/two\u{fffd}') AS Either, read_file(filename=Folder + '/no\u{fffd}') AS Nobody
         FROM scope()",
        &env,
    );
    assert_eq!(
        rows, r#"[{"Content":"here","Size":4,"Hash":true,"Either":"","Nobody":""}]"#,
        "{log:?}"
    );
    for (vql, found) in [
        (
            "SELECT Name FROM glob(globs='F\u{fffd}.*', root=Folder + '/d\u{fffd}')",
            1,
        ),
        (
            "SELECT Name FROM glob(globs=Folder + '/d\u{fffd}/f\u{fffd}.txt')",
            1,
        ),
        ("SELECT Name FROM glob(globs=Folder + '/two[\u{fffd}]')", 2),
        ("SELECT Name FROM glob(globs=Folder + '/two\u{fffd}?')", 0),
    ] {
        let (rows, log) = run(vql, &env);
        assert_eq!(count(&rows), found, "{vql}: {rows} {log:?}");
    }
}

#[test]
fn rows_that_are_sorted_in_files_lose_nothing() {
    let folder = folder();
    for number in 0..40 {
        std::fs::write(folder.path().join(format!("file {number}")), "x").unwrap();
    }
    let env = [("Folder", folder.path().to_str().unwrap())];
    let vql = "LET Sorted = SELECT OSPath, Mode, Sys, Mtime, stat(filename=OSPath) AS Stat, ip(parse='10.0.0.1') AS Ip,
                      url(parse='http://h/%ff?q=1#f') AS Url, semver(version='1.2.3-rc1') AS Version, Mtime.Month AS Month,
                      parse_xml(accessor='data', file='<A>x</A>') AS Xml, OSPath.PathSpec AS Spec,
                      pathspec(DelegateAccessor='data', DelegatePath='\\xff', Path='p/\\xfe') AS Inner,
                      dict(List=(OSPath, dict(Sys=Sys))) AS Deep
               FROM glob(globs=Folder + '/*') ORDER BY OSPath DESC
               SELECT read_file(filename=OSPath) AS Content, OSPath, OSPath.Basename = OSPath.Components[-1] AS Base,
                      OSPath.Dirname = Folder AS Dirname, Mode.IsRegular AS Regular, Mode.Perm AS Perm, Mode.String AS ModeText, Mode,
                      Sys.Uid AS Uid, Sys.Nlink AS Links, OSPath = Stat.FullPath AS FullPath, Stat.Sys.Ino = Sys.Ino AS Ino,
                      Stat.ModTime = Mtime AS ModTime, Stat.IsDir AS IsDir, Ip.IsPrivate AS Private, Ip, Url.Host AS Host,
                      Url.Path = '/\\xff' AS UrlPath, Url.Query.q AS Query, Version < '1.2.3' AS Less, Version.Minor AS Minor,
                      Month.String = Mtime.Month.String AS SameMonth, Xml.a AS XmlText, Spec.Path AS SpecPath,
                      Inner.DelegatePath = '\\xff' AS Container, Inner.Path = '/p/\\xfe' AS InnerPath, Inner[-1] = '\\xfe' AS InnerName,
                      Deep.List[0].Basename = OSPath.Basename AS DeepName, Deep.List[1].Sys.Gid AS Gid
               FROM Sorted";
    let (wanted, log) = run(vql, &env);
    assert!(
        count(&wanted) == 44 && !wanted.contains("null") && !wanted.contains(r#"Name":false"#),
        "{wanted} {log:?}"
    );
    let (found, log) = run_with(|context| context.sort_memory(4096_usize), vql, &env);
    assert_eq!(found, wanted, "{log:?}");
}
