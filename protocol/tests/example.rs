//! The example of the crate runs.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../examples/federation.rs"]
#[allow(dead_code)]
mod federation;

#[test]
fn the_example_federation_ends_with_a_skill() {
    federation::main().unwrap();
    let texts = federation::run().unwrap();
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("curl -s http://127.0.0.1:<port>/v1 -o <out>"), "{}", texts[0]);
}
