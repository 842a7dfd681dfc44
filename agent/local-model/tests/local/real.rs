//! The real 0.5B, where `lore model pull qwen2.5-coder-0.5b` has put its file; else the test says so.
//!
//! One thread computes, because the library decides that once for a process, by its environment: the
//! test starts itself again.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use lore_local_model::{
    Ask, ChatMessage, Ended, Generated, Generator as _, LocalError, LocalModel, Role, Step,
};
use serde::Deserialize;

const FILE: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
const INNER: &str = "LORE_LOCAL_MODEL_FILE";
const WINDOW: u32 = 1024;

#[derive(Deserialize)]
struct Golden {
    made_by: String,
    texts: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    tokens: Vec<u32>,
}

fn file() -> Option<PathBuf> {
    let directory = std::env::var_os("LORE_MODELS").map(PathBuf::from).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        Some(cache?.join("commonlore-models"))
    });
    directory.map(|directory| directory.join(FILE)).filter(|file| file.is_file())
}

#[test]
fn the_real_model_reads_answers_and_stops_as_asked() {
    if let Some(file) = std::env::var_os(INNER) {
        return check(Path::new(&file));
    }
    let Some(file) = file() else {
        eprintln!(
            "embedded-model: SKIPPED {FILE} is not here (lore model pull qwen2.5-coder-0.5b)"
        );
        return;
    };
    let name = "real::the_real_model_reads_answers_and_stops_as_asked";
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INNER, file)
        .env("RAYON_NUM_THREADS", "1")
        .status()
        .unwrap();
    assert!(status.success());
}

fn ask(question: &str, most: u32) -> Ask {
    Ask {
        messages: vec![
            ChatMessage::new(Role::System, "You answer with one word."),
            ChatMessage::new(Role::User, question),
        ],
        max_tokens: Some(most),
        temperature_milli: 0,
        seed: 0,
    }
}

fn answer(model: &mut LocalModel, ask: &Ask) -> (String, Generated) {
    let mut text = String::new();
    let mut sink = |step: Step<'_>| {
        if let Step::Text(piece) = step {
            text.push_str(piece);
        }
        ControlFlow::Continue(())
    };
    let generated = model.generate(ask, &mut sink).unwrap();
    (text, generated)
}

fn check(file: &Path) {
    let mut model = LocalModel::load(file, "real", WINDOW).unwrap();
    says_the_golden_tokens(&model);
    let france = ask("What is the capital of France?", 16);
    let (text, first) = answer(&mut model, &france);
    assert_eq!((text.trim_end_matches('.'), first.ended), ("Paris", Ended::Stop));
    assert_eq!(first.cached_tokens, 0);

    // The same again: only the last token is read, and the answer is the same.
    let (again, second) = answer(&mut model, &france);
    assert_eq!((again, second.cached_tokens), (text, first.prompt_tokens - 1));
    // Another question with the same beginning, after a longer one in between.
    let (text, third) = answer(&mut model, &ask("What is the capital of Italy?", 16));
    assert_eq!(text.trim_end_matches('.'), "Rome");
    assert!(third.cached_tokens > 8 && third.cached_tokens < third.prompt_tokens - 1);

    ends_when_it_must(&mut model);
    speed(&mut model);
}

fn says_the_golden_tokens(model: &LocalModel) {
    let golden: Golden = serde_json::from_str(include_str!("golden.json")).unwrap();
    assert!(golden.made_by.starts_with("xllamacpp") && golden.texts.len() > 20);
    for Text { text, tokens } in golden.texts {
        assert_eq!(model.tokens(&text).unwrap(), tokens, "{text:?}");
        assert_eq!(model.text(&tokens), text);
    }
    // What the pre-tokenizer's pattern finds hardest.
    let long = format!("{}x{}", " ".repeat(100_000), "\n \t".repeat(20_000));
    assert_eq!(model.text(&model.tokens(&long).unwrap()), long);
}

fn count(most: u32) -> Ask {
    let mut count = ask("Count from one to one hundred.", most);
    count.messages[0].text = "You write everything that is asked for, in full.".to_owned();
    count
}

fn ends_when_it_must(model: &mut LocalModel) {
    let (_, limited) = answer(model, &count(5));
    assert_eq!((limited.ended, limited.reply_tokens), (Ended::Length, 5));

    let mut told = 0;
    let mut third = |step: Step<'_>| {
        told += u32::from(matches!(step, Step::Text(_)));
        if told == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let cancelled = model.generate(&count(500), &mut third).unwrap();
    assert_eq!((cancelled.ended, cancelled.reply_tokens), (Ended::Cancelled, 3));

    let long = ask(&"word ".repeat(300), 16);
    let mut at_once = |step: Step<'_>| match step {
        Step::Reading { .. } => ControlFlow::Break(()),
        Step::Text(_) => panic!("it was cancelled"),
    };
    let cancelled = model.generate(&long, &mut at_once).unwrap();
    assert_eq!((cancelled.ended, cancelled.reply_tokens), (Ended::Cancelled, 0));

    let mut never = |_: Step<'_>| panic!("nothing is read");
    let failed = model.generate(&ask(&"word ".repeat(2000), 16), &mut never).unwrap_err();
    let LocalError::TooLong { prompt_tokens, window_tokens } = failed else { panic!("{failed}") };
    assert_eq!(window_tokens, WINDOW);
    assert!((2000..2100).contains(&prompt_tokens), "{prompt_tokens}");

    // With a temperature: the same seed, the same draws.
    let warm = |seed| Ask { temperature_milli: 1500, seed, ..ask("Invent a name.", 12) };
    let draws = [7, 7, 8, 9].map(|seed| answer(model, &warm(seed)).0);
    assert_eq!(draws[0], draws[1]);
    assert!(draws[0] != draws[2] || draws[0] != draws[3], "{draws:?}");
}

/// Only printed: how fast it is says nothing about whether it is right.
fn speed(model: &mut LocalModel) {
    let mut asked = ask(&"The quick brown fox jumps over the lazy dog. ".repeat(40), 64);
    asked.messages[0].text = "Write a long story about what follows.".to_owned();
    let (_, generated) = answer(model, &asked);
    let read = generated.prompt_tokens - generated.cached_tokens;
    println!(
        "embedded-model: ran 0.5B on one thread: {read} tokens read at {:.1}/s, {} written at {:.1}/s",
        f64::from(read) / generated.reading.as_secs_f64(),
        generated.reply_tokens,
        f64::from(generated.reply_tokens) / generated.writing.as_secs_f64(),
    );
}
