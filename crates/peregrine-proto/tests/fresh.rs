//! The committed code is what the generator makes from the `.proto` files.

#[path = "../examples/generate.rs"]
mod generate;

#[test]
fn generated_code_is_up_to_date() {
    let committed = std::fs::read_to_string(generate::target()).unwrap();
    let fresh = generate::generate().unwrap();
    assert!(
        committed == fresh,
        "src/generated.rs is stale: run `cargo run -p peregrine-proto --example generate`"
    );
}
