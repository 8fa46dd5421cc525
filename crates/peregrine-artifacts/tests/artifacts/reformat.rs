//! Laying out the VQL of definitions.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use peregrine_artifacts::{COMPILED_IN, reformat};

#[test]
fn only_literal_blocks_change() {
    let raw = "# head\nname:   A\nexport: |\n     LET   x=1\nprecondition: SELECT   1 FROM scope()\nsources:\n  - name: s   # note\n    query: |\n        // keep\n        LET y  =  2\n        SELECT  y,x FROM scope()\n\n    description: |\n      query: |\n        SELECT  1\n";
    let expected = "# head\nname:   A\nexport: |\n  LET x = 1\nprecondition: SELECT   1 FROM scope()\nsources:\n  - name: s   # note\n    query: |\n      // keep\n      LET y = 2\n\n      SELECT y,\n             x\n      FROM scope()\n\n    description: |\n      query: |\n        SELECT  1\n";
    let text = reformat(raw).unwrap();
    assert_eq!(text, expected);
    assert_eq!(reformat(&text).unwrap(), text);
}

#[test]
fn a_syntax_error_names_the_line() {
    let error = reformat("name: A\nexport: |\n  LET x = 1\n  LET %\n").unwrap_err();
    assert!(error.to_string().contains("line 4:7"), "{error}");
}

#[test]
fn what_we_ship_can_be_laid_out_and_means_the_same() {
    for (path, raw) in COMPILED_IN {
        let text = reformat(raw).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(reformat(&text).as_deref(), Ok(&*text), "{path}");
    }
}
