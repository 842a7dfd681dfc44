//! Work that members publish by hand: lessons that a simulated person wrote, and revisions of a few skills.

use lore_protocol::ids::{BlobId, SkillId};
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger};
use lore_protocol::payload::{FileEntry, LessonEntry, Lessons, Origin, Payload, Revision};

use super::WorldError;
use crate::rng::Stream;

/// Next publication of a member.
pub(super) fn work(stream: &mut Stream, payload_bytes: usize) -> Result<Payload, WorldError> {
    if payload_bytes > 0 {
        return long(stream, payload_bytes);
    }
    match stream.below(2) {
        0 => Ok(revision(stream)),
        _ => written(stream),
    }
}

/// A lesson of the simulation: what to try when a tool fails on a port.
pub(super) fn lesson(tool: &str, port: u64, remedy: &str) -> Result<Lesson, WorldError> {
    let trigger = Trigger {
        tool: Token::new(tool)?,
        error: ErrorClass::Other,
        subject: Some(Token::new(port.to_string())?),
    };
    Ok(Lesson::new(None, Op::Fix, trigger, Action::Example(Token::new(remedy)?))?)
}

/// A lesson that a person wrote. Few tools and ports, so that nodes meet each other's skills.
fn written(stream: &mut Stream) -> Result<Payload, WorldError> {
    let port = 8_000 + stream.below(10);
    let tool = ["curl", "tar", "git", "make"][stream.index(4)];
    let lesson = lesson(tool, port, &format!("try port {}", stream.below(1_000)))?;
    Ok(Payload::Lessons(Lessons {
        origin: Origin::Authored,
        window: None,
        entries: vec![LessonEntry { key: LessonKey::Primary(lesson), support: 0 }],
        padding: Vec::new(),
    }))
}

/// Lessons that are about so many bytes long.
fn long(stream: &mut Stream, bytes: usize) -> Result<Payload, WorldError> {
    const EACH: usize = 200;
    let mut entries = Vec::new();
    for place in 0..bytes.div_ceil(EACH) {
        let remedy = format!("try {:x} {place} {}", stream.bits(), "x".repeat(EACH / 2));
        let lesson = lesson("curl", 8_000 + stream.below(10), &remedy)?;
        entries.push(LessonEntry { key: LessonKey::Primary(lesson), support: 0 });
    }
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let lessons = Lessons { origin: Origin::Authored, window: None, entries, padding: Vec::new() };
    Ok(Payload::Lessons(lessons))
}

/// A revision of one of four skills.
fn revision(stream: &mut Stream) -> Payload {
    let skill = stream.below(4);
    let text = stream.bits();
    Payload::Revision(Revision {
        skill: Some(SkillId::derive("commonlore simulations skill", &[&skill.to_le_bytes()])),
        name: format!("skill-{skill}"),
        description: format!("Version {text:x} of a simulated skill."),
        parents: Vec::new(),
        files: vec![FileEntry {
            path: "SKILL.md".into(),
            executable: false,
            len: 100,
            blob: BlobId::derive("commonlore simulations blob", &[&text.to_le_bytes()]),
        }],
    })
}
