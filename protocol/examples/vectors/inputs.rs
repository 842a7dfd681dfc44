//! The values behind the golden vectors: for every structure on the wire its fields and its bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

use lore_protocol::codec::{self, Wire};
use lore_protocol::delta::{Delta, Spend};
use lore_protocol::identity::{SecretKey, Signature, Signer};
use lore_protocol::ids::{
    BlobId, CheckpointId, DeltaId, FederationId, Hash, InvitationId, LessonId, MemberId, PublicKey,
    RevisionId, SkillId,
};
use lore_protocol::invitation::{Challenge, Invitation};
use lore_protocol::lesson::{
    Action, ErrorClass, GroupKey, Lesson, LessonKey, Op, Token, Trigger, Word, group_key, skill_id,
    virtual_base,
};
use lore_protocol::library::{Counts, LessonState, Library, Trials, Watch};
use lore_protocol::log::{Frontier, Place};
use lore_protocol::payload::{
    Body, Cell, Checkpoint, Codebook, CostCell, Costs, FileEntry, FrontierEntry, ItemId, Join,
    Leave, LessonEntry, Lessons, Mechanism, Noise, Origin, Outcomes, Payload, Phase, Removal,
    Revision, Revoke, RevokeTarget, RosterEntry, RotateKey, Signers, Unit, Void, VoteEntry, Votes,
    Vouch, Window,
};
use lore_protocol::spread::{Frame, ShortId};
use lore_protocol::sync::{Answer, Ask, End, Part, Range};
use lore_protocol::wire::{Reply, Request, lost_bytes};
use serde::Serialize;
use serde_json::{Value, json};

use crate::world::{World, authored, key, lesson, refold};

/// One file of vectors, in order.
#[derive(Default)]
struct File(Vec<Value>);

impl File {
    /// A value that shows its own fields.
    fn add<T: Wire + Serialize>(&mut self, name: &str, structure: &str, value: &T) {
        let shown = serde_json::to_value(value).unwrap();
        self.add_shown(name, structure, &shown, value);
    }

    /// A value whose fields are shown by `shown`; null shows none.
    fn add_shown<T: Wire>(&mut self, name: &str, structure: &str, shown: &Value, value: &T) {
        let bytes = hex::encode(codec::encode(value));
        self.0
            .push(json!({ "name": name, "structure": structure, "value": shown, "bytes": bytes }));
    }

    /// A state with its root. Its fields are shown by no value: the bytes have them.
    fn add_library(&mut self, name: &str, library: &Library) {
        self.add_shown(name, "Library", &Value::Null, library);
        if let Some(vector) = self.0.last_mut() {
            vector["root"] = json!(library.root());
        }
    }

    fn text(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap() + "\n"
    }
}

/// The name and the text of every file.
pub fn files() -> Vec<(String, String)> {
    let world = small_world();
    let file = |name: &str, file: File| (format!("{name}.json"), file.text());
    vec![
        ("charter.toml".into(), world.log.signed_charter().text.clone()),
        file("numbers", numbers()),
        file("payloads", payloads()),
        file("lessons", lessons()),
        file("deltas", deltas(&world)),
        file("admission", admission(&world)),
        file("wire", wire(&world)),
        file("library", library(&world)),
        ("ids.json".into(), serde_json::to_string_pretty(&ids(&world)).unwrap() + "\n"),
    ]
}

/// A founder and two members, a lesson, a checkpoint, outcomes for what is active, a checkpoint.
fn small_world() -> World {
    let mut world = World::with_members(2);
    world.publish(1, &authored(lesson("curl", "curl -s http://127.0.0.1:<port>/v1 -o <out>")));
    world.checkpoint();
    let items = world.library().active_items(1);
    let cells: Vec<(ItemId, i64, i64)> = items.into_iter().map(|item| (item, 17, -3)).collect();
    world.outcomes(1, &cells);
    world.outcomes(2, &cells);
    world.checkpoint();
    world
}

fn numbers() -> File {
    let mut file = File::default();
    for n in [0, 1, 250, 251, 65_535, 65_536, 1 << 32, (1 << 53) - 1_u64] {
        file.add(&format!("u64 {n}"), "u64", &n);
    }
    for n in [0, -1, 1, -2, 125, -126, 1_000_000, -(1_i64 << 40)] {
        file.add(&format!("i64 {n}"), "i64", &n);
    }
    file.add("u8 251 is one byte", "u8", &251_u8);
    file.add("u16", "u16", &251_u16);
    file.add("true", "bool", &true);
    file.add("none", "option of u32", &None::<u32>);
    file.add("some", "option of u32", &Some(7_u32));
    file.add("a string", "string", &"a\u{e9}".to_owned());
    file.add("a list", "list of string", &vec![String::new(), "b".to_owned()]);
    file
}

const fn id(n: u8) -> [u8; 32] {
    [n; 32]
}

const WINDOW: Window = Window { start_seconds: 1_790_000_000, end_seconds: 1_790_086_400 };

const fn mechanism() -> Mechanism {
    Mechanism {
        unit: Unit::User,
        noise: Noise::Gaussian,
        scale_micros: 4_000_000,
        l0: 3,
        linf: 1,
        l2_square: 3,
        threshold: 0,
        rho_nano: 93_750_000,
        delta_e18: 0,
    }
}

/// One payload of every kind, and more where a payload has variants of its own.
fn payload_values() -> Vec<(&'static str, Payload)> {
    let revoke = |target| Payload::Revoke(Revoke { target, reason: "it is harmful".into() });
    let item = ItemId::Revision(RevisionId(id(3)));
    let found = LessonKey::Primary(lesson("curl", "curl -s <arg>"));
    let word = Word::new("invoice").unwrap();
    let topic = LessonKey::Topic { lesson: LessonId(id(4)), word };
    vec![
        (
            "join",
            Payload::Join(Join {
                key: key(2).public_key(),
                recovery: Hash(id(8)),
                invitation: Some(InvitationId(id(9))),
                name: "Anna".into(),
            }),
        ),
        (
            "vouch",
            Payload::Vouch(Vouch {
                join: DeltaId(id(1)),
                key: key(2).public_key(),
                invitation: InvitationId(id(9)),
                uses: 300,
                expires_epoch: 70_000,
            }),
        ),
        ("leave", Payload::Leave(Leave { reason: "moved on".into() })),
        ("revoke a revision", revoke(RevokeTarget::Revision(RevisionId(id(3))))),
        ("revoke a lesson", revoke(RevokeTarget::Lesson(LessonId(id(4))))),
        ("revoke a member", revoke(RevokeTarget::Member(MemberId(id(5))))),
        (
            "rotate a key",
            Payload::RotateKey(RotateKey {
                member: MemberId(id(5)),
                new_key: key(3).public_key(),
                last_good: (12, DeltaId(id(1))),
                keeps: vec![CheckpointId(id(8))],
                recovery_key: key(4).public_key(),
                recovery_signature: Signature([6; 64]),
            }),
        ),
        ("checkpoint", Payload::Checkpoint(checkpoint(Phase::Commit))),
        ("checkpoint, first phase", Payload::Checkpoint(checkpoint(Phase::Prepare))),
        ("signers", Payload::Signers(Signers { members: vec![MemberId(id(4)), MemberId(id(5))] })),
        ("void", Payload::Void(Void { release: Hash(id(7)) })),
        (
            "outcomes",
            Payload::Outcomes(Outcomes {
                mechanism: mechanism(),
                window: WINDOW,
                items_root: Hash(id(7)),
                cells: vec![
                    Cell { item, context: 1, successes: 17, failures: -3 },
                    Cell {
                        item: ItemId::Given(LessonId(id(4))),
                        context: 0,
                        successes: 9,
                        failures: 2,
                    },
                ],
            }),
        ),
        (
            "votes, with Laplace noise, of a personal node",
            Payload::Votes(Votes {
                mechanism: Mechanism {
                    unit: Unit::Personal,
                    noise: Noise::Laplace,
                    l0: 2,
                    l2_square: 2,
                    ..mechanism()
                },
                window: WINDOW,
                items_root: Hash(id(7)),
                votes: vec![
                    VoteEntry { item, votes: 12 },
                    VoteEntry { item: ItemId::Lesson(LessonId(id(4))), votes: -1 },
                ],
            }),
        ),
        (
            "lessons that a person wrote",
            Payload::Lessons(Lessons {
                origin: Origin::Authored,
                window: None,
                entries: vec![LessonEntry { key: found.clone(), support: 0 }],
                padding: Vec::new(),
            }),
        ),
        (
            "lessons of a release, by session",
            Payload::Lessons(Lessons {
                origin: Origin::Mechanism(Mechanism {
                    unit: Unit::Session,
                    threshold: 10,
                    delta_e18: 5,
                    ..mechanism()
                }),
                window: Some(WINDOW),
                entries: vec![
                    LessonEntry { key: found, support: 12 },
                    LessonEntry { key: topic, support: 11 },
                ],
                padding: vec![0; 20],
            }),
        ),
        (
            "revision",
            Payload::Revision(Revision {
                skill: Some(SkillId(id(2))),
                name: "fetch-invoices".into(),
                description: "Use this to fetch invoices.".into(),
                parents: vec![RevisionId(id(3))],
                files: vec![FileEntry {
                    path: "SKILL.md".into(),
                    executable: false,
                    len: 4_000,
                    blob: BlobId(id(6)),
                }],
            }),
        ),
        (
            "costs",
            Payload::Costs(Costs {
                mechanism: Mechanism { linf: 7, l2_square: 147, ..mechanism() },
                window: WINDOW,
                items_root: Hash(id(7)),
                cells: vec![CostCell { item, context: 0, sums: vec![40, -7] }],
            }),
        ),
        (
            "codebook",
            Payload::Codebook(Codebook::of([
                lesson("curl", "curl -s <arg>"),
                lesson("git push", "git push -u origin <arg>"),
            ])),
        ),
    ]
}

fn checkpoint(phase: Phase) -> Checkpoint {
    let removal = |n: u8| Removal { member: MemberId(id(n)), key: PublicKey(id(n)), from_seq: 9 };
    let body = Body {
        epoch: 2,
        parent: CheckpointId(id(1)),
        frontier: vec![FrontierEntry { author: MemberId(id(5)), seq: 3, id: DeltaId(id(1)) }],
        roster: vec![RosterEntry {
            member: MemberId(id(5)),
            key: key(2).public_key(),
            sponsor: MemberId(id(4)),
        }],
        signers: vec![MemberId(id(4))],
        removed: vec![removal(10)],
        excluded: vec![removal(11)],
        healed: vec![CheckpointId(id(8))],
        state_root: Hash(id(7)),
    };
    Checkpoint { round: 0, phase, body }
}

fn payloads() -> File {
    let mut file = File::default();
    for (name, payload) in payload_values() {
        payload.check().expect("a payload that a peer takes");
        file.add(name, "Payload", &payload);
        file.add(&format!("kind of: {name}"), "PayloadKind", &payload.kind());
    }
    file
}

fn token(text: &str) -> Token {
    Token::new(text).unwrap()
}

/// Every variant of the grammar.
fn lessons() -> File {
    let mut file = File::default();
    let trigger = |error, subject: Option<&str>| Trigger {
        tool: token("curl"),
        error,
        subject: subject.map(token),
    };
    let actions = [
        Action::Example(token("curl -s http://127.0.0.1:<port>/v1 -o <out>")),
        Action::UseArgument { old: token("-d"), new: token("--json") },
        Action::AddFlag(token("--fail")),
        Action::DropFlag(token("-k")),
        Action::RunFirst(token("lorectl login")),
        Action::UseTool(token("wget")),
        Action::SetEnv(token("HTTPS_PROXY")),
        Action::Install(token("jq")),
        Action::UseEndpoint(token("127.0.0.1:<port>/v2")),
        Action::CheckThat(token("the answer has a total")),
        Action::Order { first: token("open"), then: token("close") },
        Action::InDirectory(token("the repository's root")),
        Action::WithOption(token("a longer time limit")),
        Action::Retry(token("timeout")),
    ];
    let make = |skill, op, trigger: &Trigger, action: &Action| {
        Lesson::new(skill, op, trigger.clone(), action.clone()).unwrap()
    };
    let plain = trigger(ErrorClass::None, None);
    for (place, action) in actions.iter().enumerate() {
        let lesson = make(None, Op::Prefer, &plain, action);
        file.add(&format!("action {place}"), "Lesson", &lesson);
    }
    for (place, op) in
        [Op::Fix, Op::Prefer, Op::Avoid, Op::Precondition, Op::Verify].into_iter().enumerate()
    {
        let lesson = make(
            Some(SkillId(id(2))),
            op,
            &trigger(ErrorClass::Timeout, Some("<port>")),
            &actions[2],
        );
        file.add(&format!("op {place}"), "Lesson", &lesson);
    }
    for (place, error) in ErrorClass::ALL.iter().enumerate() {
        let lesson = make(None, Op::Fix, &trigger(*error, None), &actions[3]);
        file.add(&format!("error class {place}"), "Lesson", &lesson);
    }
    let key = GroupKey { tool: token("curl"), subject: Some(token("-k")) };
    file.add("group key", "GroupKey", &key);
    file
}

fn deltas(world: &World) -> File {
    let mut file = File::default();
    for (place, delta) in world.deltas.iter().enumerate() {
        let kind = format!("{:?}", delta.header.payload_kind);
        file.add(&format!("{place} {kind}, header"), "Header", &delta.header);
        file.add(&format!("{place} {kind}"), "Delta", delta);
    }
    let mut header = world.deltas[1].header.clone();
    header.deps = vec![DeltaId(id(1)), DeltaId(id(2))];
    header.spend = Spend { period: 3, rho_nano: 93_750_000, delta_e18: 5 };
    file.add("a header with deps and spend", "Header", &header);
    file
}

fn admission(world: &World) -> File {
    let mut file = File::default();
    let signed = world.log.signed_charter();
    file.add("charter", "SignedCharter", signed);
    let invitation = invitation(world);
    // An invitation holds a secret, so that it has no form as JSON but this one.
    let Invitation { federation, inviter, addresses, secret, uses, expires_epoch } = &invitation;
    let shown = json!({
        "federation": federation,
        "inviter": inviter,
        "addresses": addresses,
        "secret": hex::encode(secret),
        "uses": uses,
        "expires_epoch": expires_epoch,
    });
    file.add_shown("invitation", "Invitation", &shown, &invitation);
    file
}

fn invitation(world: &World) -> Invitation {
    Invitation {
        federation: world.log.federation(),
        inviter: key(1).public_key(),
        addresses: vec!["/ip4/127.0.0.1/udp/4001/quic-v1".into()],
        secret: [5; 32],
        uses: 3,
        expires_epoch: 7,
    }
}

fn wire(world: &World) -> File {
    let mut file = File::default();
    let federation = FederationId(id(1));
    let (invitation, proof) = (InvitationId(id(9)), Hash(id(7)));
    let delta = &world.deltas[1];
    let frontier = Frontier {
        author: MemberId(id(5)),
        seq: 3,
        tip: DeltaId(id(1)),
        fork: Some(2),
        branches: Some(Hash(id(7))),
    };
    let end = |epoch, id: &[u8]| Some(End { epoch, depth: 300, id: id.to_vec() });
    let ranges = vec![
        Range { end: end(2, &[]), part: Part::Skip },
        Range { end: end(3, &[7]), part: Part::Print(u64::MAX - 5) },
        Range { end: end(3, &[7, 1]), part: Part::Have(vec![1, 2, 3, 4, 5, 6, 7, 8]) },
        Range { end: None, part: Part::Want(vec![9, 8, 7, 6]) },
    ];
    let asks = [
        Ask::Digest(Hash(id(7))),
        Ask::Missing { frontiers: vec![frontier], wants: vec![DeltaId(id(1))] },
        Ask::Compare { salt: Hash(id(8)), ranges: ranges.clone() },
    ];
    let requests = asks.into_iter().map(|ask| Request::Sync { federation, ask }).chain([
        Request::Peers { federation },
        Request::Knock { federation, nonce: id(3) },
        Request::Charter { federation, invitation, proof },
        Request::Admit { federation, invitation, proof, join: Box::new(world.deltas[2].clone()) },
        Request::Lost {
            federation,
            recovery_key: key(4).public_key(),
            proof: key(4).sign(&lost_bytes(federation, &key(2).public_key())),
        },
        Request::Rotate { federation, delta: Box::new(world.deltas[2].clone()) },
        Request::Blob { federation, blob: BlobId(id(6)) },
    ]);
    for (place, request) in requests.enumerate() {
        file.add(&format!("request {place}"), "Request", &request);
    }
    let answers = [
        Answer::Equal,
        Answer::Different { before: Hash(id(6)), epochs: vec![(7, Hash(id(5)))] },
        Answer::Deltas { deltas: vec![delta.clone()], more: true, digest: Hash(id(7)) },
        Answer::Compared {
            ranges,
            deltas: vec![delta.clone()],
            rest: end(4, &[1]),
            digest: Hash(id(7)),
        },
    ];
    let replies = answers.into_iter().map(|answer| Reply::Sync(Box::new(answer))).chain([
        Reply::Peers(vec![(PublicKey(id(2)), vec!["/ip4/127.0.0.1/tcp/4001".into()])]),
        Reply::Challenge { nonce: id(4) },
        Reply::Charter(world.log.signed_charter().clone()),
        Reply::Admitted,
        Reply::Found {
            charter: world.log.signed_charter().clone(),
            member: MemberId(id(5)),
            header: Some(Box::new(delta.header.clone())),
            keeps: vec![CheckpointId(id(8))],
        },
        Reply::Refused("ask a member for an invitation".into()),
        Reply::Blob(Some(b"text".to_vec())),
        Reply::Blob(None),
    ]);
    for (place, reply) in replies.enumerate() {
        file.add(&format!("reply {place}"), "Reply", &reply);
    }
    let head = Delta { payload: None, ..delta.clone() };
    file.add("frame, full", "Frame", &Frame::Full(delta.clone()));
    file.add("frame, head", "Frame", &Frame::Head(head));
    let ids = vec![ShortId::from(delta.header.id()), ShortId([9; 8])];
    file.add("frame, have", "Frame", &Frame::Have(ids.clone()));
    file.add("frame, want", "Frame", &Frame::Want(ids));
    file.add("frame, prune", "Frame", &Frame::Prune);
    file.add("frame, enter", "Frame", &Frame::Enter);
    file.add("frame, welcome", "Frame", &Frame::Welcome);
    file.add("frame, leave", "Frame", &Frame::Leave);
    file
}

/// States that roots are over.
fn library(world: &World) -> File {
    let mut file = File::default();
    let mut library = refold(&world.log);
    file.add_library("after the small federation", &library);
    let mut voted = small_world();
    let lesson = ItemId::Lesson(*library.lessons.keys().next().unwrap());
    let revision = library.active_items(1)[0];
    voted.votes(1, &[(lesson, 30)]);
    voted.costs(1, &[(revision, 40)]);
    file.add_library("with votes and costs", &refold(&voted.log));
    let candidate = crate::world::lesson("git push", "git push -u origin <arg>");
    library.candidates.insert(candidate.id(), candidate);
    let mut watched = library.clone();
    let counts = [(MemberId(id(1)), Counts { successes: 9, failures: -1, variance_micros: 4 })];
    let states = [
        LessonState::Steady,
        LessonState::Dormant { since: 7 },
        LessonState::Drifting { since: 300 },
    ];
    for (context, state) in (0..).zip(states) {
        let trials = Trials { count: -8, variance_micros: 16, epochs: 2 };
        let watch = Watch {
            state,
            recent: counts.into(),
            sum_micros: 1_500_000,
            rising_since: 5,
            heard: trials,
            quiet: trials,
            quiet_since: 6,
        };
        watched.watches.or_default(LessonId(id(4))).insert(context, watch);
    }
    file.add_library("with watched lessons", &watched);
    library.revoked.insert(RevokeTarget::Lesson(LessonId(id(4))));
    library.revocations.or_default(RevokeTarget::Member(MemberId(id(5))));
    file.add_library("with revocations", &library);
    file
}

/// A derivation: the tag, the parts, and what they hash to.
fn derived(name: &str, tag: &str, parts: &[&[u8]], id: impl std::fmt::Display) -> Value {
    let parts: Vec<String> = parts.iter().map(hex::encode).collect();
    json!({ "name": name, "rule": "H", "tag": tag, "parts": parts, "id": id.to_string() })
}

fn ids(world: &World) -> Vec<Value> {
    let federation = world.log.federation();
    let signed = world.log.signed_charter();
    let sealed = world.log.tip();
    let found = lesson("curl", "curl -s http://127.0.0.1:<port>/v1 -o <out>");
    let skill = skill_id(federation, &found);
    let group = codec::encode(&group_key(&found));
    let invitation = invitation(world);
    let file = FileEntry {
        path: "SKILL.md".into(),
        executable: false,
        len: 4,
        blob: lore_protocol::skill::blob_id(b"text"),
    };
    let revision = Revision {
        skill: None,
        name: "fetch".into(),
        description: "How to fetch.".into(),
        parents: vec![RevisionId(id(3))],
        files: vec![file.clone()],
    };
    let items = world.log.items();
    let epochs: Vec<(u32, Hash)> = items.epochs().collect();
    let ids: Vec<u8> =
        items.range(Place::epoch(1), Some(Place::epoch(2))).flat_map(|place| place.id.0).collect();
    let mut found_ids = vec![
        derived("federation", "commonlore/charter/v1", &[signed.text.as_bytes()], federation),
        derived(
            "checkpoint",
            "commonlore/checkpoint/v1",
            &[&codec::encode(&sealed.body)],
            sealed.id,
        ),
        derived("lesson", "commonlore/lesson/v1", &[&codec::encode(&found)], found.id()),
        derived("skill", "commonlore/skill/group/v1", &[federation.as_bytes(), &group], skill),
        derived(
            "virtual base",
            "commonlore/revision/virtual/v1",
            &[skill.as_bytes()],
            virtual_base(skill),
        ),
        derived("blob", "commonlore/blob/v1", &[b"text"], file.blob),
        derived(
            "revision",
            "commonlore/revision/v1",
            &[
                revision.name.as_bytes(),
                revision.description.as_bytes(),
                &codec::encode(&revision.parents),
                &codec::encode(&revision.files),
            ],
            revision.id(),
        ),
        derived("invitation", "commonlore/invitation/v1", &[&invitation.secret], invitation.id()),
        derived("epoch digest", "commonlore/epoch/v1", &[&ids], epochs[0].1),
        derived(
            "digest of everything",
            "commonlore/frontiers/v2",
            &[&codec::encode(&epochs)],
            world.log.digest(),
        ),
    ];
    for (place, delta) in world.deltas.iter().enumerate() {
        let bytes = delta.header.signed_bytes();
        found_ids.push(json!({
            "name": format!("delta {place}"),
            "rule": "BLAKE3",
            "bytes": hex::encode(&bytes),
            "id": delta.header.id(),
            "key": signer(world, delta),
            "signature": delta.signature,
        }));
    }
    let text = [b"commonlore/charter-signature/v1", signed.text.as_bytes()].concat();
    found_ids.push(json!({
        "name": "charter signature",
        "rule": "BLAKE3",
        "bytes": hex::encode(&text),
        "id": Hash(*blake3::hash(&text).as_bytes()),
        "key": key(1).public_key(),
        "signature": signed.signatures[0],
    }));
    let challenge = Challenge { joiner: [1; 32], inviter: [2; 32] };
    found_ids.push(json!({
        "name": "invitation, as a line and proven",
        "rule": "invitation",
        "bytes": hex::encode(codec::encode(&invitation)),
        "line": invitation.to_line(),
        "joiner": key(2).public_key(),
        "joiner_nonce": hex::encode(challenge.joiner),
        "inviter_nonce": hex::encode(challenge.inviter),
        "id": invitation.proof(&key(2).public_key(), &challenge),
    }));
    found_ids
}

fn signer(world: &World, delta: &Delta) -> PublicKey {
    let bytes = delta.header.signed_bytes();
    let mut keys = world.keys.iter().map(SecretKey::public_key);
    keys.find(|key| key.verify(&bytes, &delta.signature)).unwrap()
}
