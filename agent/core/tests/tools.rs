//! The tools against input that means harm, and against themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bench;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

use bench::Bench;
use serde_json::json;

#[tokio::test]
async fn a_file_is_written_read_and_edited() {
    let bench = Bench::new();
    let written =
        bench.call("write", json!({"path": "a/b.txt", "content": "one\ntwo\nthree\n"})).await;
    assert_eq!(written.text, "created a/b.txt (14 bytes)");
    let read = bench.call("read", json!({"path": "a/b.txt", "offset": 2, "limit": 1})).await;
    assert!(read.text.starts_with("     2\ttwo\n[lines 2 to 2 of 3;"), "{}", read.text);
    let edited = bench.call("edit", json!({"path": "a/b.txt", "old": "two", "new": "2"})).await;
    assert!(!edited.is_error && edited.text.contains("     2\t2\n"), "{}", edited.text);
    assert_eq!(bench.content("a/b.txt"), "one\n2\nthree\n");
    let left: Vec<_> = fs::read_dir(bench.path("a")).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file stays");
}

#[tokio::test]
async fn an_edit_needs_the_file_as_it_was_read() {
    let bench = Bench::new();
    fs::write(bench.path("f"), "alpha\n").unwrap();
    fs::set_permissions(bench.path("f"), fs::Permissions::from_mode(0o755)).unwrap();
    let change = json!({"path": "f", "old": "alpha", "new": "beta"});
    assert!(bench.fails("edit", &change).await.contains("read it first"));
    let whole = json!({"path": "f", "content": "gamma\n"});
    assert!(bench.fails("write", &whole).await.contains("read it first"));
    bench.call("read", json!({"path": "f"})).await;
    fs::write(bench.path("f"), "alpha of another\n").unwrap();
    assert!(bench.fails("edit", &change).await.contains("changed since"));
    assert!(bench.fails("write", &whole).await.contains("changed since"));
    bench.call("read", json!({"path": "./f"})).await;
    assert!(!bench.call("edit", change).await.is_error);
    assert_eq!(bench.content("f"), "beta of another\n");
    let mode = fs::metadata(bench.path("f")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755, "permissions stay");
}

#[tokio::test]
async fn an_edit_says_why_it_does_not_fit() {
    let bench = Bench::new();
    fs::write(bench.path("f"), "fn a() {\n    x\n}\nfn b() {\n    x\n}\n").unwrap();
    fs::write(bench.path("crlf"), "a\r\nb\r\n").unwrap();
    fs::write(bench.path("latin"), b"caf\xe9\n").unwrap();
    for name in ["f", "crlf", "latin"] {
        bench.call("read", json!({"path": name})).await;
    }
    for (path, old, new, why) in [
        ("f", "    x", "    y", "occurs 2 times (lines 2, 5)"),
        ("f", "fn  a() {", "", "line 1 begins like it"),
        ("f", "fn c", "", "`old` is not there; read"),
        ("f", "", "x", "empty"),
        ("f", "x", "x", "the same"),
        ("crlf", "a\nb", "c", "CRLF"),
        ("latin", "caf", "tea", "not valid UTF-8"),
    ] {
        let said = bench.fails("edit", &json!({"path": path, "old": old, "new": new})).await;
        assert!(said.contains(why), "{path} {old:?}: {said}");
    }
    let all = json!({"path": "f", "old": "    x", "new": "    y", "replace_all": true});
    assert!(!bench.call("edit", all).await.is_error);
    assert_eq!(bench.content("f").matches('y').count(), 2);
}

#[tokio::test]
async fn paths_never_lead_outside() {
    let bench = Bench::new();
    let secret = bench.outside("secret", "the key");
    symlink(&secret, bench.path("link")).unwrap();
    symlink(secret.parent().unwrap(), bench.path("up")).unwrap();
    symlink("../secret-that-is-not-there", bench.path("dangling")).unwrap();
    fs::create_dir_all(bench.path(".git/hooks")).unwrap();
    symlink(".git", bench.path("alias")).unwrap();
    fs::write(bench.path("hidden-key"), "the key").unwrap();
    symlink("hidden-key", bench.path("to-hidden")).unwrap();
    let absolute = secret.display().to_string();
    let fd = "/proc/self/fd/0";
    for path in [
        absolute.as_str(),
        "../secret",
        "a/../../secret",
        "link",
        "up/secret",
        "dangling",
        fd,
        "/etc/passwd",
        "",
        "nul\0byte",
        "hidden-key",
        "to-hidden",
        "/proc/self/environ",
        "..",
        ".",
    ] {
        let said = bench.fails("read", &json!({"path": path})).await;
        assert!(!said.contains("the key"), "{path:?}");
        let content = json!({"path": path, "content": "planted"});
        bench.fails("write", &content).await;
    }
    for path in [".git/hooks/post-checkout", ".GIT/config", "alias/config", "sub/.git/config"] {
        let said = bench.fails("write", &json!({"path": path, "content": "x"})).await;
        assert!(said.contains(".git"), "{path}: {said}");
    }
    assert_eq!(fs::read_to_string(&secret).unwrap(), "the key");
    let grep = bench.call("grep", json!({"pattern": "the key"})).await;
    assert_eq!(grep.text, "no line matches", "neither links nor hidden files are searched");
    for path in ["..", "up", "/etc"] {
        bench.fails("glob", &json!({"pattern": "**", "path": path})).await;
        bench.fails("grep", &json!({"pattern": "root", "path": path})).await;
    }
}

#[tokio::test]
async fn files_that_are_no_text_files_are_told_apart() {
    let bench = Bench::new();
    fs::write(bench.path("binary"), b"\x7fELF\0\0\x01").unwrap();
    fs::write(bench.path("latin"), b"caf\xe9 \x1b[31mred\n").unwrap();
    let huge = fs::File::create(bench.path("huge")).unwrap();
    huge.set_len(10 << 30).unwrap();
    fs::write(bench.path("wide"), "x".repeat(3_000_000)).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.path("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    for (path, why) in [
        ("binary", "binary (7 bytes)"),
        ("huge", "16 MiB"),
        ("pipe", "not an ordinary file"),
        ("absent", "No such file"),
    ] {
        let began = Instant::now();
        let said = bench.fails("read", &json!({"path": path})).await;
        assert!(said.contains(why), "{path}: {said}");
        assert!(began.elapsed() < Duration::from_secs(5), "{path}");
    }
    let latin = bench.call("read", json!({"path": "latin"})).await.text;
    assert!(latin.contains("caf\u{fffd} red") && latin.contains("not valid UTF-8"), "{latin}");
    let wide = bench.call("read", json!({"path": "wide"})).await.text;
    assert!(wide.len() < 10_000 && wide.contains("[line cut]"));
    let grep = bench.call("grep", json!({"pattern": "x"})).await;
    assert!(grep.text.len() < 10_000 && grep.text.contains("wide:1:"), "{}", grep.text.len());
}

#[tokio::test]
async fn glob_and_grep_find_what_is_there_and_are_bounded() {
    let bench = Bench::new();
    for number in 0..700 {
        let path = bench.path(&format!("many/{number:03}.txt"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("needle {number}\n")).unwrap();
    }
    fs::create_dir_all(bench.path("src/deep")).unwrap();
    fs::create_dir_all(bench.path("target")).unwrap();
    fs::write(bench.path("src/deep/a.rs"), "fn Needle() {}\n").unwrap();
    fs::write(bench.path("target/b.rs"), "needle\n").unwrap();
    fs::write(bench.path(".gitignore"), "/target\n").unwrap();
    let rust = bench.call("glob", json!({"pattern": "**/*.rs"})).await;
    assert_eq!(rust.text, "src/deep/a.rs\n");
    let many = bench.call("glob", json!({"pattern": "**"})).await;
    assert_eq!(many.text.lines().count(), 501);
    let found = bench.call("grep", json!({"pattern": "needle \\d+$", "path": "many"})).await;
    assert_eq!(found.text.lines().count(), 201);
    assert!(found.text.starts_with("many/000.txt:1: needle 0\n"));
    let cased =
        json!({"pattern": "needle", "glob": "**/*.rs", "ignore_case": true, "files_only": true});
    assert_eq!(bench.call("grep", cased).await.text, "src/deep/a.rs\n");
    assert!(bench.fails("grep", &json!({"pattern": "("})).await.contains("regular expression"));
    assert!(bench.fails("glob", &json!({"pattern": "[z-a]"})).await.contains("pattern"));
    // Exponential for engines that backtrack.
    fs::write(bench.path("src/long"), format!("{}\n", "a".repeat(1 << 20))).unwrap();
    let began = Instant::now();
    bench.call("grep", json!({"pattern": "(a|aa)*$b", "path": "src"})).await;
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_plan_has_one_step_in_progress() {
    let bench = Bench::new();
    let steps = json!({"steps": [
        {"text": "look", "status": "done"}, {"text": "do", "status": "in_progress"},
    ]});
    assert_eq!(bench.call("plan", steps).await.text, "1. [x] look\n2. [>] do\n");
    let two = json!({"steps": [
        {"text": "a", "status": "in_progress"}, {"text": "b", "status": "in_progress"},
    ]});
    assert!(bench.fails("plan", &two).await.contains("one at a time"));
    assert_eq!(bench.plan.steps().len(), 2, "a plan that is refused changes nothing");
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_told() {
    let bench = Bench::new();
    for name in ["bash", "edit", "glob", "grep", "plan", "read", "write"] {
        for wrong in
            [json!(null), json!([]), json!({}), json!({"path": 3, "command": [], "pattern": {}})]
        {
            assert!(bench.fails(name, &wrong).await.contains("do not fit"), "{name}");
        }
    }
    assert!(bench.fails("teleport", &json!({})).await.contains("there are: bash, edit"));
    for spec in bench.toolbox.specs() {
        assert_eq!(spec.parameters["type"], "object", "{}", spec.name);
        assert!(spec.parameters["required"].is_array(), "{}", spec.name);
    }
}
