//! Small sessions with what they teach.

use lore_protocol::lesson::ErrorClass;

use crate::{Call, Findings, Remedy, Status, findings};

pub(super) fn shell(command: &str, exit: i32, output: &str) -> Call {
    Call {
        tool: "Bash".into(),
        command: Some(command.into()),
        exit: Some(exit),
        failed: exit != 0,
        output: Some(output.into()),
        ..Call::default()
    }
}

fn of(calls: &[Call]) -> Findings {
    findings(calls, "")
}

/// The one pitfall: program, class, point, remedy.
fn only(calls: &[Call]) -> (String, ErrorClass, Option<String>, Remedy) {
    let found = of(calls);
    let [one] = found.pitfalls.as_slice() else {
        panic!("{:?} {:?}", found.statuses, found.failures);
    };
    let situation = &one.situation;
    (situation.program.clone(), situation.class, situation.word.clone(), one.remedy.clone())
}

#[test]
fn a_missing_program_and_the_one_that_is_there() {
    let (program, class, word, remedy) = only(&[
        shell("python setup.py test", 127, "bash: line 1: python: command not found"),
        shell("python3 setup.py test", 0, "ok"),
    ]);
    assert_eq!((program.as_str(), class), ("python", ErrorClass::CommandNotFound));
    assert_eq!(word.as_deref(), Some("python"));
    assert_eq!(remedy, Remedy::UseProgram("python3".into()));
}

#[test]
fn an_unknown_flag_and_its_successor() {
    let (program, class, word, remedy) = only(&[
        shell("bd show bd-17 --tree", 1, "Error: unknown flag: --tree\nUsage: bd show"),
        shell("bd show bd-17 --children", 0, "bd-18"),
    ]);
    assert_eq!((program.as_str(), class), ("bd show", ErrorClass::UnknownOption));
    assert_eq!(word.as_deref(), Some("--tree"));
    assert_eq!(remedy, Remedy::Replace { old: "--tree".into(), new: "--children".into() });
}

#[test]
fn a_field_that_is_none() {
    let (program, class, word, remedy) = only(&[
        shell(
            "cd /home/ana/x && gh pr view 12 --json title,reviewThreads",
            1,
            "Unknown JSON field: \"reviewThreads\"\nAvailable fields:\n  title",
        ),
        shell("gh pr view 12 --json title,reviews", 0, "{}"),
    ]);
    assert_eq!((program.as_str(), class), ("gh pr view", ErrorClass::UnknownField));
    assert_eq!(word.as_deref(), Some("reviewThreads"));
    assert_eq!(remedy, Remedy::Replace { old: "reviewThreads".into(), new: "reviews".into() });
}

#[test]
fn a_file_type_that_is_none() {
    let (.., remedy) = only(&[
        shell("rg -t tsx useState src", 2, "rg: unrecognized file type: tsx"),
        shell("rg -g '*.tsx' useState src", 0, "src/a.tsx:1:useState"),
    ]);
    assert_eq!(remedy, Remedy::Replace { old: "-t tsx".into(), new: "-g *.tsx".into() });
}

#[test]
fn a_wrapper_that_gets_in_the_way() {
    let (program, .., remedy) = only(&[
        shell("rtk bun run test", 2, "error: unrecognized subcommand 'bun'"),
        shell("bun run test", 0, "12 pass"),
    ]);
    assert!(program.starts_with("rtk"), "{program}");
    assert_eq!(remedy, Remedy::UseProgram("bun run".into()));
}

#[test]
fn permission_outside_the_sandbox() {
    let mut again = shell("git fetch --all", 0, "ok");
    again.options.outside_sandbox = true;
    let failing = shell(
        "git fetch --all",
        1,
        "error: cannot open '.git/FETCH_HEAD': Operation not permitted",
    );
    let (program, class, _, remedy) = only(&[failing, again]);
    assert_eq!((program.as_str(), class), ("git fetch", ErrorClass::Sandboxed));
    assert_eq!(remedy, Remedy::WithOption("permission outside the sandbox"));
}

#[test]
fn a_directory_and_a_package() {
    let missing =
        "npm error enoent Could not read package.json: Error: ENOENT: no such file or directory";
    let (.., remedy) = only(&[
        shell("npm run build", 254, missing),
        shell("cd packages/app && npm run build", 0, "built"),
    ]);
    assert_eq!(remedy, Remedy::InDirectory("the package's directory"));
    let (.., word, remedy) = only(&[
        shell(
            "python3 run.py",
            1,
            "Traceback (most recent call last):\nModuleNotFoundError: No module named 'yaml'",
        ),
        shell("pip install pyyaml", 0, "Successfully installed"),
        shell("python3 run.py", 0, "ok"),
    ]);
    assert_eq!((word.as_deref(), remedy), (Some("yaml"), Remedy::Install("pyyaml".into())));
}

#[test]
fn what_is_no_failure() {
    let statuses =
        |command: &str, exit: i32, output: &str| of(&[shell(command, exit, output)]).statuses[0];
    assert_eq!(statuses("grep -rn OldName src/", 1, ""), Status::Empty);
    assert_eq!(statuses("cd src && rg -n thing", 1, ""), Status::Empty);
    assert_eq!(statuses("grep -P a b", 2, "grep: b: No such file or directory"), Status::Failed);
    assert_eq!(
        statuses("cargo test", 101, "test result: FAILED. 1 passed; 1 failed"),
        Status::Reported
    );
    assert_eq!(
        statuses("cargo test --foo", 1, "error: unexpected argument '--foo' found"),
        Status::Failed
    );
    assert_eq!(statuses("pnpm run typecheck", 2, "error TS2322"), Status::Reported);
    assert_eq!(statuses("diff a b", 1, "1c1\n< a\n---\n> b"), Status::Reported);
    assert_eq!(
        statuses(
            "git status | head -3",
            0,
            "fatal: not a git repository (or any of the parent directories): .git"
        ),
        Status::Failed
    );
    assert_eq!(statuses("cat log.txt", 0, "fatal: not a git repository"), Status::Ok);
    assert_eq!(statuses("cat log.txt | head", 0, "fatal: not a git repository"), Status::Ok);
}

#[test]
fn a_remedy_is_the_difference_between_failure_and_success() {
    let between = |fail: &str, middle: &[&str], good: &str| -> Vec<String> {
        let mut calls = vec![shell(fail, 1, "error: failed")];
        calls.extend(middle.iter().map(|line| shell(line, 0, "")));
        calls.push(shell(good, 0, ""));
        let found = of(&calls).pitfalls.into_iter();
        found.map(|one| format!("{:?}", one.remedy)).collect()
    };
    let replaced = |old: &str, new: &str| Remedy::Replace { old: old.into(), new: new.into() };
    for (fail, middle, good, remedy) in [
        ("pack -n x", &[][..], "pack -n x --strict", Remedy::AddFlag("--strict".into())),
        ("git push", &[], "git push -u origin one", Remedy::AddFlag("-u".into())),
        ("pack x --fast", &[], "pack x", Remedy::DropFlag("--fast".into())),
        ("pack x --col", &[], "pack x --column", replaced("--col", "--column")),
        ("pack -m red x.txt", &[], "pack -m blue x.txt", replaced("red", "blue")),
        ("pack x", &[], "ZONE=9 pack x", Remedy::SetVariable("ZONE".into())),
        ("pack x", &["export ZONE=9"], "pack x", Remedy::SetVariable("ZONE".into())),
        ("pack x", &["pip install -q boxes"], "pack x", Remedy::Install("boxes".into())),
        ("pack x", &["unlock --all"], "pack x", Remedy::RunFirst("unlock --all".into())),
        (
            "pack close 4711",
            &["pack open 4711"],
            "pack close 4711",
            Remedy::RunFirst("pack open <number>".into()),
        ),
        ("pack x", &["sleep 5"], "pack x", Remedy::Retry),
        ("pack a.txt", &[], "pack b.txt", Remedy::OtherArguments),
    ] {
        assert_eq!(between(fail, middle, good), [format!("{remedy:?}")], "{fail} -> {good}");
    }
    for (fail, middle, good) in [
        ("pack x", &["rm -rf build"][..], "pack x"),
        ("pack x", &[], "sudo pack x"),
        ("git push", &[], "git push -f"),
        ("git push", &[], "git push --force"),
        ("pack x", &[], "fetch y"),
        ("pack x", &["fetch y", "pack x"], "fetch z"),
    ] {
        let found = between(fail, middle, good);
        assert!(
            found.is_empty() || found == ["RunFirst(\"fetch y\")"],
            "{fail} -> {good}: {found:?}"
        );
    }
}

#[test]
fn an_edit_in_between_explains_a_repetition_and_teaches_nothing() {
    let edit = Call {
        tool: "Edit".into(),
        input: "{}".into(),
        output: Some("ok".into()),
        ..Call::default()
    };
    let failing = || shell("node run.js", 1, "Error: Cannot find module './rates'");
    assert_eq!(of(&[failing(), edit, shell("node run.js", 0, "")]).pitfalls, Vec::new());
}

#[test]
fn a_failure_that_comes_again_is_answered_by_what_follows_the_last() {
    let missing = || shell("tool --a", 2, "error: unexpected argument '--a' found");
    let found = of(&[missing(), missing(), shell("tool", 0, "")]);
    assert_eq!(found.failures.len(), 2);
    assert_eq!(
        found.pitfalls.iter().map(|one| (one.at, one.answered_at)).collect::<Vec<_>>(),
        [(1, 2)]
    );
}

/// A message may begin with any character: `✘ [ERROR]` of JavaScript's tools once stopped the reader.
#[test]
fn a_message_of_wide_characters_is_masked() {
    let found = of(&[shell("wrangler whoami", 1, "✘ [ERROR] cannot read \"é\" ✘\"x\"✘ `ü`")]);
    assert!(found.failures[0].1.message.starts_with('✘'), "{:?}", found.failures);
}

#[test]
fn a_pitfall_gives_a_release_one_key_and_supports_candidates_in_both_forms() {
    let keys = |calls: &[Call]| -> Vec<String> {
        crate::keys(&of(calls)).iter().map(ToString::to_string).collect()
    };
    // About the word that failed.
    let field = [
        shell("gh pr view 12 --json reviewThreads", 1, "Unknown JSON field: \"reviewThreads\""),
        shell("gh pr view 12 --json reviews", 0, "{}"),
    ];
    let told = "When `gh pr view` with `reviewThreads` fails: unknown field, use `reviews` instead of \
                `reviewThreads`";
    assert_eq!(keys(&field), [told]);
    let forms = of(&field).pitfalls.iter().flat_map(crate::forms_of).count();
    assert_eq!(forms, 2);
    // About anything else of the program.
    let upstream = "fatal: The current branch mine has no upstream branch.";
    let push = [shell("git push", 128, upstream), shell("git push -u origin mine", 0, "")];
    assert_eq!(keys(&push), ["When `git push` fails: not configured, add `-u`"]);
    // A program of one's own has no key without what its message states.
    let own = [shell("acmectl open --x", 1, "it broke"), shell("acmectl open", 0, "")];
    assert_eq!(keys(&own), Vec::<String>::new());
}

#[test]
fn practice_is_what_worked_beside_failures_and_their_answers() {
    let practices = |calls: &[Call]| -> Vec<String> {
        of(calls).practices.iter().map(|practice| practice.command.clone()).collect()
    };
    let works = || shell("cargo test --workspace", 0, "ok");
    let failing =
        shell("cargo test --workspac", 1, "error: unexpected argument '--workspac' found");
    assert_eq!(practices(&[works()]), ["cargo test --workspace"]);
    assert_eq!(practices(&[shell("test -s out.txt", 0, "")]), Vec::<String>::new());
    assert_eq!(practices(&[failing.clone(), works()]), Vec::<String>::new());
    assert_eq!(practices(&[failing, works(), works()]), ["cargo test --workspace"]);
}
