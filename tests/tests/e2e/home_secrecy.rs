//! The home stays out of reach of the agent's commands, and nobody else decides which programs a node starts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lore_tests::Cluster;

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_agent_gets_no_workspace_that_contains_the_home_by_whatever_name() {
    let cluster = Cluster::of(1);
    let user = cluster.path().join("user");
    fs::create_dir_all(user.join("work")).unwrap();
    let node = cluster.node("user/data");
    std::os::unix::fs::symlink(&user, cluster.path().join("link")).unwrap();
    let home = node.home().to_owned();
    for workspace in [&user, &cluster.path().join("link"), &home, &home.join("store")] {
        let workspace = workspace.display().to_string();
        let args =
            ["agent", "rename a directory", "--policy", "workspace", "--workspace", &workspace];
        let error = node.error(&args);
        assert_eq!(
            (&error["kind"], &error["exit"]),
            (&"workspace_holds_home".into(), &3.into()),
            "{workspace}: {error}"
        );
    }
    // Beside it the model is what is missing.
    let work = user.join("work").display().to_string();
    let error = node.error(&["agent", "x", "--policy", "workspace", "--workspace", &work]);
    assert_ne!(error["kind"], "workspace_holds_home", "{error}");
}

#[test]
fn a_configuration_that_others_can_change_is_not_obeyed_and_doctor_says_so() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    let config = node.home().join("config.toml");
    let doctor = |node: &lore_tests::Node| node.run(&["doctor", "--json"]).stdout;
    assert!(!doctor(&node).contains("changed by others"));
    set(node.home(), 0o777);
    for verb in [&["run"][..], &["agent", "x", "--policy", "read-only"]] {
        let error = node.error(verb);
        assert_eq!(error["kind"], "config", "{verb:?}: {error}");
        assert!(error["message"].as_str().unwrap().contains("changed by others"), "{error}");
    }
    assert!(doctor(&node).contains("changed by others"));
    set(node.home(), 0o755);
    set(&config, 0o666);
    assert_eq!(node.error(&["run"])["kind"], "config");
    // Where nobody else comes, its own bits do not matter.
    set(node.home(), 0o700);
    assert!(!doctor(&node).contains("changed by others"));
}
