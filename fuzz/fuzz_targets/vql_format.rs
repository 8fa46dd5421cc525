//! The formatter preserves meaning and is idempotent.
#![cfg_attr(fuzzing, no_main)]

peregrine_fuzz::target!(|input: &str| {
    let Ok(formatted) = peregrine_vql::reformat(input) else {
        return;
    };
    assert_eq!(
        peregrine_vql::reformat(&formatted).as_deref(),
        Ok(formatted.as_str())
    );
    let print = |text: &str| -> Vec<String> {
        let file = peregrine_vql::parse(text).expect("what was formatted parses");
        file.statements
            .iter()
            .map(peregrine_vql::print_statement)
            .collect()
    };
    assert_eq!(print(input), print(&formatted), "{formatted}");
    if let Ok(kept) = peregrine_vql::reformat_keeping_comments(input) {
        assert_eq!(print(input), print(&kept), "{kept}");
        assert_eq!(
            peregrine_vql::reformat_keeping_comments(&kept).as_deref(),
            Ok(kept.as_str())
        );
    }
});
