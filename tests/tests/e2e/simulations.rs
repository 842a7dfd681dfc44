//! The guide to simulations does what it says.

use lore_tests::binary::lore;
use lore_tests::console::{run, steps};

#[test]
fn the_guide_to_simulations_shows_what_it_says() {
    let program = lore().with_file_name("lore-sim");
    assert!(program.is_file(), "build it with `cargo build -p lore-simulations`");
    let directory = tempfile::tempdir().unwrap();
    let guide = steps(include_str!("../../../docs/simulations.md"));
    assert!(guide.len() >= 18, "the guide has commands");
    run(&guide, directory.path());
    for made in ["loss.svg", "roots.svg", "lore-sim-reports/mesh/mesh.html"] {
        assert!(directory.path().join(made).is_file(), "{made}");
    }
}
