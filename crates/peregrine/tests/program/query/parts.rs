//! Optional parts of a build: each is either complete or reported as missing. Holds with and without each
//! feature.

use super::{query, run, text};

#[test]
fn verbs_of_parts_that_are_left_out_are_no_verbs() {
    let help = text(&run(&["--help"], "").stdout);
    let is_verb = |verb: &str| help.lines().any(|line| line.starts_with(&format!("  {verb} ")));
    for (verb, is_built) in [
        ("query", true),
        ("artifacts", true),
        ("agent", true),
        ("gui", cfg!(feature = "server")),
        ("server", cfg!(feature = "server")),
        ("user", cfg!(feature = "server")),
        ("shell", cfg!(feature = "tools")),
        ("lsp", cfg!(feature = "tools")),
        ("golden", cfg!(feature = "tools")),
    ] {
        assert_eq!(is_verb(verb), is_built, "{verb}: {help}");
    }
    let help = text(&run(&["query", "--help"], "").stdout);
    assert_eq!(help.contains("--datastore"), cfg!(feature = "server"), "{help}");
}

#[test]
fn functions_and_plugins_that_are_left_out_say_which_feature_has_them() {
    for (feature, is_built, vql) in [
        (
            "efivariables",
            cfg!(feature = "efivariables"),
            "SELECT * FROM efivariables() LIMIT 0",
        ),
        (
            "javascript",
            cfg!(feature = "javascript"),
            "SELECT js(js='1') FROM scope()",
        ),
        (
            "magic",
            cfg!(feature = "magic"),
            "SELECT magic(accessor='data', path='x') FROM scope()",
        ),
        (
            "mail",
            cfg!(feature = "mail"),
            "SELECT mail(to=[], body='x') FROM scope()",
        ),
        (
            "openpgp",
            cfg!(feature = "openpgp"),
            "SELECT pk_decrypt(data='x', private_key='y', scheme='pgp') FROM scope()",
        ),
        ("server", cfg!(feature = "server"), "SELECT * FROM clients()"),
        (
            "sql-servers",
            cfg!(feature = "sql-servers"),
            "SELECT * FROM sql(driver='mysql', connstring='u@unix(/no/such)/d', query='q')",
        ),
        (
            "starlark",
            cfg!(feature = "starlark"),
            "SELECT starl(code='a = 1') FROM scope()",
        ),
        (
            "templates",
            cfg!(feature = "templates"),
            "SELECT template(template='x') FROM scope()",
        ),
    ] {
        let messages = text(&query(&[vql]).stderr);
        let reason = format!("is not built into this program; use one with the feature `{feature}`");
        assert_eq!(!messages.contains(&reason), is_built, "{vql}: {messages}");
    }
    // Functions for files are always included.
    let output = query(&["SELECT * FROM sqlite(file='/no/such/file', query='SELECT 1')"]);
    assert!(
        text(&output.stderr).contains("sqlite: `/no/such/file`"),
        "{}",
        text(&output.stderr)
    );
}
