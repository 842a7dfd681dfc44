//! Lessons: command templates, the miner, and what recognises failures and remedies.

use lore_protocol::ids::FederationId;
use lore_protocol::lesson::{
    Action, ErrorClass, Lesson, MAX_TOKEN_BYTES, Op, Proposal, ProposedKind, Token, Trigger, admit,
    documented_command, group_key, instantiate, mine, normalise, normalise_command, skill_id,
    templatise, topics, values,
};
use lore_protocol::trace::{self, Outcome, Trace};

use crate::script::{Script, text};

/// A task, and calls with their answers.
pub(crate) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let task = words(&mut script);
    let _ = (values(&task), topics(&task), documented_command(&task));
    let mut calls = Vec::new();
    while !script.is_over() && calls.len() < 32 {
        let failed = script.byte();
        let (command, output) = (words(&mut script), words(&mut script));
        template(&command, &task);
        grammar(&command, &output, failed);
        calls.push((command, output, failed % 2 == 1));
    }
    session(&task, &calls);
}

fn words(script: &mut Script<'_>) -> String {
    String::from_utf8_lossy(script.text()).into_owned()
}

fn template(command: &str, task: &str) {
    if let Ok(once) = normalise_command(command) {
        assert_eq!(normalise_command(once.as_str()), Ok(once.clone()), "one spelling");
    }
    if let Ok(once) = normalise(command) {
        assert_eq!(normalise(once.as_str()), Ok(once.clone()), "one spelling");
    }
    let Ok(template) = templatise(command, task) else { return };
    assert!(template.as_str().len() <= MAX_TOKEN_BYTES);
    let _ = instantiate(template.as_str(), task);
}

/// A lesson of these words is one that its own bytes give again.
fn grammar(command: &str, output: &str, choice: u8) {
    let error = ErrorClass::recognise(output, Some(i32::from(choice)));
    let mut tokens = command.splitn(3, ' ').map(Token::new);
    let (Some(Ok(tool)), Some(Ok(subject))) = (tokens.next(), tokens.next()) else { return };
    let Some(Ok(words)) = tokens.next() else { return };
    let action = match choice % 4 {
        0 => Action::Example(words),
        1 => Action::AddFlag(words),
        2 => Action::UseEndpoint(words),
        _ => Action::UseArgument { old: subject.clone(), new: words },
    };
    let op = if choice.is_multiple_of(2) { Op::Fix } else { Op::Prefer };
    let trigger = Trigger { tool, error, subject: Some(subject) };
    let Ok(lesson) = Lesson::new(None, op, trigger, action) else { return };
    let bytes = lore_protocol::codec::encode(&lesson);
    assert_eq!(lore_protocol::codec::decode::<Lesson>(&bytes).as_ref(), Ok(&lesson));
    let _ = (
        group_key(&lesson),
        skill_id(FederationId::ZERO, &lesson),
        lore_lessons::is_shaped(&lesson),
    );
    let _ = lore_engine::shelf::Capabilities::of_lesson(&lesson);
}

fn session(task: &str, calls: &[(String, String, bool)]) {
    let call = |(command, output, failed): &(String, String, bool)| trace::Call {
        tool: "bash".into(),
        input: command.clone(),
        output: output.clone(),
        exit: Some(i32::from(*failed)),
        failed: *failed,
    };
    let trace = Trace {
        task: task.to_owned(),
        calls: calls.iter().map(call).collect(),
        outcome: Outcome::Success,
    };
    if let Some(bundle) = mine(&trace) {
        assert_eq!(mine(&trace).map(|again| again.keys()), Some(bundle.keys()));
    }
    let proposals: Vec<Proposal> = calls
        .iter()
        .map(|(command, ..)| Proposal {
            kind: ProposedKind::Example,
            text: command.clone(),
            then: None,
        })
        .collect();
    let _ = admit(&trace, &proposals);
    let call = |(command, output, failed): &(String, String, bool)| lore_lessons::Call {
        tool: "Bash".into(),
        command: Some(command.clone()),
        exit: Some(i32::from(*failed)),
        failed: *failed,
        output: Some(output.clone()),
        ..lore_lessons::Call::default()
    };
    let calls: Vec<lore_lessons::Call> = calls.iter().map(call).collect();
    let found = lore_lessons::findings(&calls, task);
    for lesson in lore_lessons::keys(&found) {
        let bytes = lore_protocol::codec::encode(&lesson);
        assert_eq!(lore_protocol::codec::decode::<Lesson>(&bytes), Ok(lesson), "a key decodes");
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let call = |failed: u8, command: &str, output: &str| {
        [&[failed][..], &text(command.as_bytes()), &text(output.as_bytes())].concat()
    };
    let session = |name: &str, task: &str, calls: &[Vec<u8>]| {
        (name.to_owned(), [text(task.as_bytes()), calls.concat()].concat())
    };
    vec![
        session(
            "flag",
            "Fetch the invoices of 'north wind' into out.json",
            &[
                call(1, "fetch --all \"north wind\" -o out.json", "error: unknown option '--all'"),
                call(0, "fetch \"north wind\" -o out.json", "12 invoices"),
            ],
        ),
        session(
            "install",
            "Run the tests",
            &[
                call(1, "python3 -m pytest -q", "/usr/bin/python3: No module named pytest"),
                call(0, "pip install pytest && python3 -m pytest -q 2>&1 | tail -n 3", "3 passed"),
            ],
        ),
        session(
            "shell",
            "Count `a` in <b> and $(c) until 5",
            &[
                call(
                    0,
                    "for i in $((1+5)); do echo \"$i\" >> 'out put'; done; ls *.txt | wc -l",
                    "5",
                ),
                call(1, "cat <<EOF\n$HOME ${X:-y}\nEOF", "sh: 1: Syntax error"),
                call(0, "http_get {\"url\":\"http://127.0.0.1:8080/v1?q=5\"}", "{}"),
            ],
        ),
        session("words", "Use this", &[call(2, "git push --force-with-lease origin main", "ok")]),
    ]
}
