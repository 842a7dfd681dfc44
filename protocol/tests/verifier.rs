//! Two implementations judge the same logs alike: the log of this crate, and `verifier/verify.py`, which was written from
//! docs/protocol.md. The logs and their verdicts are committed, so that the crate is compared with them without Python too.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[allow(unreachable_pub)]
mod logs;
#[allow(unreachable_pub)]
mod twists;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use logs::Export;
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Header, Sound};
use lore_protocol::ids::{DeltaId, MemberId};
use lore_protocol::log::{Fault, Ingest, Log};
use serde_json::{Map, Value, json};

/// The class of a fault, as the verifier names it.
fn class(fault: Fault) -> &'static str {
    match fault {
        Fault::Foreign(_) => "foreign",
        Fault::Forged => "forged",
        Fault::NotMember => "not-member",
        Fault::Header(_) => "header",
        Fault::Charter(_) => "charter",
        Fault::Spend(_) => "spend",
        Fault::Forked | Fault::Split | Fault::TooManyWaiting => panic!("{fault} is no invalidity"),
    }
}

/// What this crate says of an export, in the verifier's words.
fn verdict(export: &Export) -> Value {
    let mut log = Log::new(export.charter.clone()).unwrap();
    let mut refused = BTreeMap::new();
    let mut sound: Vec<Sound> = Vec::new();
    for (name, bytes) in &export.files {
        match Delta::parse(bytes) {
            Ok(one) if one.id == *name => sound.push(one),
            Ok(_) | Err(_) => drop(refused.insert(*name, "malformed")),
        }
    }
    sound.sort_by_key(|one| (one.header().epoch, one.header().depth, one.id));
    // Valid, and excluded by a fork or a new key: not kept, but no fault of its bytes.
    let mut excluded = BTreeSet::new();
    let mut waiting = BTreeSet::new();
    let mut before = None;
    while before != Some((log.len(), excluded.clone(), waiting.clone())) {
        before = Some((log.len(), excluded.clone(), waiting.clone()));
        for one in &sound {
            if refused.contains_key(&one.id) {
                continue;
            }
            excluded.remove(&one.id);
            waiting.remove(&one.id);
            match log.ingest(one.clone()) {
                Ingest::Accepted(_) | Ingest::Known => {}
                Ingest::Waiting(_) => drop(waiting.insert(one.id)),
                Ingest::Refused(Fault::Forked) => drop(excluded.insert(one.id)),
                Ingest::Refused(fault) => drop(refused.insert(one.id, class(fault))),
            }
        }
    }
    waiting.retain(|id| log.get(id).is_none());
    // A log refuses what is excluded before it could wait; the verifier says that it waits.
    for one in sound.iter().filter(|one| excluded.contains(&one.id)).cloned().collect::<Vec<_>>() {
        if !is_whole(&log, &excluded, one.header()) {
            excluded.remove(&one.id);
            waiting.insert(one.id);
        }
    }
    shown(&log, &excluded, &refused, &waiting)
}

/// Returns true when all ancestors of an excluded delta are here, or excluded themselves. They come before it in the order
/// in which this is asked.
fn is_whole(log: &Log, excluded: &BTreeSet<DeltaId>, header: &Header) -> bool {
    let mut ids = header.prev.iter().chain(&header.deps);
    let line = log.sealed().iter().map(|sealed| sealed.id);
    let mut anchors = line.chain(log.entries().map(|(_, entry)| entry.header().anchor));
    ids.all(|id| log.get(id).is_some() || excluded.contains(id))
        && anchors.any(|id| id == header.anchor)
}

fn shown(
    log: &Log,
    excluded: &BTreeSet<DeltaId>,
    refused: &BTreeMap<DeltaId, &'static str>,
    waiting: &BTreeSet<DeltaId>,
) -> Value {
    let chains: BTreeSet<MemberId> = log.entries().map(|(_, entry)| entry.chain).collect();
    let mut counted = BTreeSet::new();
    for chain in &chains {
        let mut next = log.head(*chain).map(|(_, id)| id);
        while let Some(id) = next {
            counted.insert(id);
            next = log.get(&id).unwrap().header().prev;
        }
    }
    let beside = log.entries().map(|(id, _)| *id).filter(|id| !counted.contains(id));
    let uncounted: BTreeSet<DeltaId> = beside.chain(excluded.iter().copied()).collect();
    let tip = log.tip();
    let spend = |member: &MemberId| {
        let spend = log.spend(*member);
        json!({ "period": spend.period, "rho_nano": spend.rho_nano, "delta_e18": spend.delta_e18 })
    };
    json!({
        "federation": log.federation(),
        "deltas": {
            "accepted": log.len() + excluded.len(),
            "uncounted": uncounted,
            "refused": refused.iter().map(|(id, why)| (id.to_string(), json!(why))).collect::<Map<_, _>>(),
            "waiting": waiting,
        },
        "sealed": log.sealed().iter().map(|sealed| sealed.id).collect::<Vec<_>>(),
        "splits": log.splits(),
        "open_epoch": log.open_epoch(),
        "roster": tip.roster.values()
            .map(|entry| json!({ "member": entry.member, "key": entry.key })).collect::<Vec<_>>(),
        "signers": tip.signers,
        "removed": tip.body.removed.iter().map(|one| one.member).collect::<Vec<_>>(),
        "excluded": tip.body.excluded.iter().map(|one| one.member).collect::<Vec<_>>(),
        "forks": log.forks().into_iter()
            .map(|(member, height)| (member.to_string(), json!(height))).collect::<Map<_, _>>(),
        "spend": tip.roster.keys()
            .map(|member| (member.to_string(), spend(member))).collect::<Map<_, _>>(),
        "state_root": "not checked",
    })
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/logs").join(name)
}

fn committed(name: &str) -> (Export, Value) {
    let read = |file: &str| {
        let path = directory(name).join(file);
        std::fs::read(&path).unwrap_or_else(|error| {
            panic!("{}: {error}; write it: LORE_WRITE_LOGS=1 cargo test -p lore-protocol --test verifier", path.display())
        })
    };
    let export = Export::unpacked(&read("charter.bin"), &read("deltas.bin"));
    (export, serde_json::from_slice(&read("expected.json")).unwrap())
}

/// The logs as they are built now; written where they are committed when that is asked for.
static BUILT: LazyLock<[(&str, Export); 9]> = LazyLock::new(|| {
    let built = logs::all();
    if std::env::var_os("LORE_WRITE_LOGS").is_some() {
        built.iter().for_each(|(name, export)| write_committed(name, export));
    }
    built
});

fn write_committed(name: &str, export: &Export) {
    let directory = directory(name);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("charter.bin"), codec::encode(&export.charter)).unwrap();
    std::fs::write(directory.join("deltas.bin"), export.packed()).unwrap();
    let text = serde_json::to_string_pretty(&verdict(export)).unwrap() + "\n";
    std::fs::write(directory.join("expected.json"), text).unwrap();
}

#[test]
fn the_log_judges_the_committed_logs_as_they_say() {
    for (name, built) in &*BUILT {
        let (export, expected) = committed(name);
        assert!(
            export.files == built.files,
            "{name}: the log is built otherwise than it was committed"
        );
        assert_eq!(verdict(&export), expected, "{name}");
    }
}

#[test]
fn the_committed_logs_hold_every_verdict() {
    let verdicts: Vec<Value> = BUILT.iter().map(|(name, _)| committed(name).1).collect();
    let some = |pointer: &str| {
        let held = verdicts.iter().filter_map(|one| one.pointer(pointer));
        assert!(
            held.clone().any(|one| match one {
                Value::Array(items) => !items.is_empty(),
                Value::Object(items) => !items.is_empty(),
                _ => panic!("{pointer} is no list"),
            }),
            "no log has any of {pointer}"
        );
    };
    for pointer in [
        "/deltas/uncounted",
        "/deltas/refused",
        "/deltas/waiting",
        "/removed",
        "/excluded",
        "/forks",
    ] {
        some(pointer);
    }
    let refused = verdicts.iter().filter_map(|one| one["deltas"]["refused"].as_object());
    let classes: BTreeSet<&str> =
        refused.flat_map(|all| all.values().filter_map(Value::as_str)).collect();
    let all = ["charter", "foreign", "forged", "header", "malformed", "spend"];
    assert_eq!(classes, BTreeSet::from(all));
}

/// A Python with the verifier's packages; none when there is not, which one line says.
fn python() -> Option<String> {
    let named = std::env::var("LORE_VERIFIER_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".into());
    let probe = Command::new(&python).args(["-c", "import blake3, cryptography, tomllib"]).output();
    let works = probe.is_ok_and(|probe| probe.status.success());
    assert!(
        works || named.is_none(),
        "LORE_VERIFIER_PYTHON={python} lacks the verifier's packages"
    );
    if !works {
        eprintln!(
            "skipped: python3 has no packages of verifier/requirements.txt; LORE_VERIFIER_PYTHON names another"
        );
    }
    works.then_some(python)
}

/// Writes an export as `lore federation export-log` does.
fn exported(name: &str, export: &Export) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("verifier-{name}"));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("charter.bin"), codec::encode(&export.charter)).unwrap();
    for (id, bytes) in &export.files {
        std::fs::write(directory.join(format!("{id}.delta")), bytes).unwrap();
    }
    directory
}

fn run(python: &str, directory: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifier/verify.py");
    Command::new(python).arg("-B").arg(script).arg(directory).output().unwrap()
}

/// What the verifier says of an export, its faults by their class alone.
fn second_verdict(python: &str, name: &str, export: &Export) -> Value {
    let output = run(python, &exported(name, export));
    let mut verdict: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    let refused = verdict["deltas"]["refused"].as_object_mut().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!refused.is_empty())), "{name}");
    for why in refused.values_mut() {
        *why = json!(why.as_str().unwrap().split_once(": ").unwrap().0);
    }
    verdict
}

#[test]
fn the_verifier_judges_every_log_as_this_crate_does() {
    let Some(python) = python() else { return };
    for (name, _) in &*BUILT {
        let (export, expected) = committed(name);
        assert_eq!(second_verdict(&python, name, &export), expected, "{name}");
    }
}

/// Changes one byte of some files, and cuts others short.
fn damaged(export: &Export, seed: u64) -> Export {
    let mut state = seed | 1;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut files = BTreeMap::new();
    for (id, bytes) in &export.files {
        let mut bytes = bytes.clone();
        match draw(40) {
            0 => bytes.truncate(draw(bytes.len())),
            1 | 2 => {
                let at = draw(bytes.len());
                bytes[at] ^= 1 << draw(8);
            }
            _ => {}
        }
        // Under the name that its own bytes give it, so that more than the name is looked at.
        let name = Delta::parse(&bytes).map_or(*id, |sound| sound.id);
        files.insert(name, bytes);
    }
    Export { charter: export.charter.clone(), files }
}

#[test]
fn both_judge_damaged_logs_alike_and_neither_ends() {
    let python = python();
    for seed in 1..=12 {
        for (name, export) in &*BUILT {
            let damaged = damaged(export, seed);
            let ours = verdict(&damaged);
            if let Some(python) = &python {
                let theirs = second_verdict(python, &format!("{name}-{seed}"), &damaged);
                assert_eq!(theirs, ours, "{name}, seed {seed}");
            }
        }
    }
}

/// Returns true when a log refuses a delta for a fault of its own: then nothing else depends on it.
fn is_faulty(log: &Log, delta: &Delta) -> bool {
    let Ok(sound) = delta.clone().sound() else { return true };
    matches!(log.clone().ingest(sound), Ingest::Refused(fault) if fault != Fault::Forked)
}

#[test]
fn both_judge_a_delta_alike_that_its_author_signed_with_another_field() {
    let Some(python) = python() else { return };
    let with = |export: &Export, twisted: &[&Delta]| {
        let mut files = export.files.clone();
        files.extend(twisted.iter().map(|delta| (delta.header.id(), delta.to_bytes())));
        Export { charter: export.charter.clone(), files }
    };
    let compare = |name: &str, export: &Export, twisted: &[&Delta]| {
        let export = with(export, twisted);
        let ours = verdict(&export);
        assert_eq!(
            second_verdict(&python, &format!("{name}-twisted"), &export),
            ours,
            "{twisted:?}"
        );
        let refused = ours["deltas"]["refused"].as_object().unwrap();
        refused.values().map(|why| why.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut seen = BTreeMap::<String, usize>::new();
    for (name, export) in BUILT.iter().filter(|(name, _)| ["members", "signers"].contains(name)) {
        let sound: Vec<Sound> =
            export.files.values().map(|bytes| Delta::parse(bytes).unwrap()).collect();
        let mut log = Log::new(export.charter.clone()).unwrap();
        for _ in 0..sound.len() {
            sound.iter().for_each(|one| drop(log.ingest(one.clone())));
        }
        let twisted: Vec<Delta> = sound.iter().flat_map(|one| twists::of(one, &sound)).collect();
        let (faulty, valid): (Vec<&Delta>, Vec<&Delta>) =
            twisted.iter().partition(|delta| is_faulty(&log, delta));
        for class in compare(name, export, &faulty) {
            *seen.entry(class).or_default() += 1;
        }
        // Valid, but forks: what a log keeps of them all is its own choice, and none may be refused. What follows one
        // alone is judged otherwise than before.
        let all = second_verdict(&python, &format!("{name}-valid"), &with(export, &valid));
        assert_eq!(all["deltas"]["refused"], json!({}), "{name}");
        for delta in valid.iter().step_by(5) {
            compare(name, export, &[delta]);
        }
    }
    for class in ["charter", "foreign", "header", "malformed", "spend"] {
        assert!(seen.get(class).is_some_and(|count| *count >= 10), "{class}: {seen:?}");
    }
}

#[test]
fn a_directory_that_is_no_export_is_named_with_what_to_do() {
    let Some(python) = python() else { return };
    let (_, export) = &BUILT[0];
    let directory = exported("damaged-charter", export);
    let charter = directory.join("charter.bin");
    let whole = std::fs::read(&charter).unwrap();
    let mut bent = whole.clone();
    bent[40] ^= 1;
    for bytes in [Some(&whole[..100]), Some(&[][..]), Some(&bent[..]), None] {
        match bytes {
            Some(bytes) => std::fs::write(&charter, bytes).unwrap(),
            None => std::fs::remove_file(&charter).unwrap(),
        }
        let output = run(&python, &directory);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("error: ") && said.contains("charter.bin"), "{said}");
        assert!(said.contains("lore federation export-log --dir DIR"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
