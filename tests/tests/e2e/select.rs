//! Skills are found for a task, and a candidate text stays on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use lore_tests::{Cluster, Node};

#[test]
fn a_search_offers_few_skills_of_the_library_or_of_a_directory() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    node.json(&["federation", "create", "guild"]);
    node.share("fetch http://127.0.0.1:8123/v2/<arg> -o <out>", "invoice,archive", &[]);
    node.share("telq read <arg> --unit fathom", "depth,harbor", &[]);
    let found = node.json(&["skill", "search", "get me invoice 4711 out of the archive"]);
    assert_eq!(found["searched"], 2, "{found}");
    assert_eq!(found["skills"].as_array().unwrap().len(), 1, "{found}");
    assert!(found["skills"][0]["name"].as_str().unwrap().contains("invoice"), "{found}");
    assert!(found["tokens"].as_u64() < found["tokens_of_all"].as_u64(), "{found}");
    let none = node.json(&["skill", "search", "bake sourdough bread"]);
    assert_eq!(none["skills"].as_array().unwrap().len(), 0, "{none}");

    // A directory needs no node; what is no skill is passed over.
    let dir = cluster.path().join("skills");
    for (name, about) in [("one", "Rotate the ledger keys."), ("two", "Prune apple trees.")] {
        fs::create_dir_all(dir.join(name)).unwrap();
        let text = format!("---\nname: \"{name}\"\ndescription: \"{about}\"\n---\n\nText.\n");
        fs::write(dir.join(name).join("SKILL.md"), text).unwrap();
    }
    fs::create_dir_all(dir.join("three")).unwrap();
    fs::write(dir.join("three/SKILL.md"), b"\xff\x00").unwrap();
    let dir = dir.to_str().unwrap();
    let found = node.json(&["skill", "search", "rotating keys", "--skills", dir]);
    assert_eq!(found["skills"][0]["name"], "one", "{found}");
    assert_eq!(found["searched"], 2, "{found}");
    let all = node.json(&["skill", "search", "rotate prune", "--skills", dir, "--limit", "1"]);
    assert_eq!(all["skills"].as_array().unwrap().len(), 1, "{all}");

    for (args, exit) in [
        (vec!["skill", "search", "  "], 2),
        (vec!["skill", "search", "x", "--limit", "0"], 2),
        (vec!["skill", "search", "x", "--skills", "/nowhere/at/all"], 1),
    ] {
        assert_eq!(node.error(&args)["exit"], exit, "{args:?}");
    }
}

#[test]
fn a_candidate_is_written_here_and_published_by_nobody() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    node.json(&["federation", "create", "guild"]);
    node.share("fetch http://127.0.0.1:8123/v2/<arg> -o <out>", "invoice,archive", &[]);
    let root = node.root();
    let name = node.skills().remove(0);
    let shown = node.json(&["skill", "evolve", &name, "--preview"]);
    assert_eq!((&shown["writer"], &shown["published"]), (&"template".into(), &false.into()));
    assert!(shown["text"].as_str().unwrap().contains("8123/v2/<arg>"), "{shown}");
    let out = cluster.path().join("candidates");
    let out_text = out.to_str().unwrap();
    let written = node.json(&["skill", "evolve", &name, "--out", out_text]);
    let path = written["path"].as_str().unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), shown["text"].as_str().unwrap());
    assert_eq!(node.json(&["skill", "validate", path])["invalid"], 0);
    // The same again changes nothing; another text is not overwritten.
    node.json(&["skill", "evolve", &name, "--out", out_text]);
    fs::write(path, "mine").unwrap();
    assert_eq!(node.error(&["skill", "evolve", &name, "--out", out_text])["exit"], 1);
    assert_eq!(fs::read_to_string(path).unwrap(), "mine");
    assert_eq!(node.root(), root, "nothing was published");

    for (args, exit) in [
        (vec!["skill", "evolve", &name], 2),
        (vec!["skill", "evolve", "no-such-skill", "--preview"], 2),
        (vec!["skill", "evolve", &name, "--preview", "--model", "ftp://x"], 2),
        (vec!["skill", "evolve", &name, "--preview", "--model", "http://127.0.0.1:1/v1"], 1),
    ] {
        assert_eq!(node.error(&args)["exit"], exit, "{args:?}");
    }
}

/// A family of tasks whose tool wants `--site north`, whatever the environment.
fn radiators(node: &Node, dir: &Path) -> PathBuf {
    node.json(&["lab", "new", "radiator", "--dir", dir.to_str().unwrap()]);
    let family = dir.join("radiator");
    let tool = family.join("bin/radiatorctl");
    let text = fs::read_to_string(&tool).unwrap();
    let text = text.replace("$LAB_QUIRK_OPTION", "site").replace("$LAB_QUIRK_RIGHT", "north");
    fs::write(&tool, text).unwrap();
    family
}

#[test]
fn a_candidate_proves_itself_on_tasks_before_it_is_written() {
    let cluster = Cluster::of(1);
    let family = radiators(&cluster.node("ada"), cluster.path());
    let family = family.to_str().unwrap();
    for (name, site) in [("ben", "north"), ("cyd", "south")] {
        let node = cluster.node(name);
        node.json(&["federation", "create", "guild"]);
        let lesson = format!("radiatorctl read <arg> -o <out> --site {site}");
        node.share(&lesson, "radiator,gauge", &[]);
        let skill = node.skills().remove(0);
        let out = cluster.path().join(format!("candidates-{name}"));
        let out = out.to_str().unwrap();
        let args = ["skill", "evolve", &skill, "--out", out, "--families", family];
        if site == "north" {
            let done = node.json(&args);
            let replay = &done["replay"];
            assert_eq!(replay["verdict"], "helps", "{done}");
            let solved = ["with", "without"].map(|arm| replay[arm]["successes"].as_u64());
            assert_eq!(solved, [Some(8), Some(0)], "{done}");
            assert!(Path::new(done["path"].as_str().unwrap()).exists());
        } else {
            // What is wrong there is not written.
            let error = node.error(&args);
            assert_eq!((&error["kind"], &error["exit"]), (&"replay".into(), &3.into()), "{error}");
            assert!(!Path::new(out).exists());
        }
        // Tasks that it is not for say nothing about it.
        let elsewhere = cluster.path().join(format!("other-{name}"));
        node.json(&["lab", "new", "lantern", "--dir", elsewhere.to_str().unwrap()]);
        let toml = elsewhere.join("lantern/family.toml");
        let text = fs::read_to_string(&toml).unwrap().to_lowercase();
        fs::write(&toml, text.replace("radiator", "lantern").replace("gauge", "lamp")).unwrap();
        let args =
            ["skill", "evolve", &skill, "--preview", "--families", elsewhere.to_str().unwrap()];
        let error = node.error(&args);
        assert!(error["message"].as_str().unwrap().contains("0 tasks"), "{error}");
    }
}
