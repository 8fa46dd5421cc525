//! Any bytes as a query: an error with a position, never a panic. What parses and is printed parses again to the same.
#![cfg_attr(fuzzing, no_main)]

peregrine_fuzz::target!(|input: &[u8]| {
    if let Ok(file) = peregrine_vql::parse_bytes(input) {
        let print = |file: &peregrine_vql::ast::File| {
            let statements: Vec<String> = file
                .statements
                .iter()
                .map(peregrine_vql::print_statement)
                .collect();
            statements.join("\n")
        };
        let text = print(&file);
        let again = peregrine_vql::parse(&text).expect("a print parses");
        assert_eq!(text, print(&again));
    }
});
