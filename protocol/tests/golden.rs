//! Golden vectors of version 1. A changed vector is a new protocol version, never a fix of this file.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::identity::Signer;
use lore_protocol::ids::{Hash, MemberId, PublicKey};
use lore_protocol::invitation::{Challenge, Invitation};
use lore_protocol::payload::{ItemId, PayloadKind};
use world::{World, authored, key, lesson, refold};

/// One line per delta: kind, id, length and hash of its bytes.
fn line(delta: &Delta) -> String {
    let bytes = delta.to_bytes();
    let kind = format!("{:?}", delta.header.payload_kind);
    format!("{kind} {} {} {}", delta.header.id(), bytes.len(), blake3::hash(&bytes).to_hex())
}

/// A founder and two members, a lesson, a checkpoint, outcomes for what is active, a checkpoint.
fn small_world() -> World {
    let mut world = World::with_members(2);
    world.publish(1, &authored(lesson("curl", "curl -s http://127.0.0.1:<port>/v1 -o <out>")));
    world.checkpoint();
    let items = world.library().active_items();
    let cells: Vec<(ItemId, i64, i64)> = items.into_iter().map(|item| (item, 17, -3)).collect();
    world.outcomes(1, &cells);
    world.outcomes(2, &cells);
    world.checkpoint();
    world
}

#[test]
fn a_charter_names_its_federation() {
    let world = World::found();
    let signed = world.log.signed_charter();
    assert_eq!(signed.text, CHARTER);
    assert_eq!(world.log.federation().to_string(), FEDERATION);
    assert_eq!(hex::encode(signed.signatures[0].0), CHARTER_SIGNATURE);
}

#[test]
fn deltas_have_these_bytes() {
    let lines: Vec<String> = small_world().deltas.iter().map(line).collect();
    assert_eq!(lines.join("\n"), DELTAS.trim());
}

#[test]
fn a_header_is_written_field_by_field() {
    let world = small_world();
    let is_lesson = |delta: &&Delta| delta.header.payload_kind == PayloadKind::Lessons;
    let delta = world.deltas.iter().find(is_lesson);
    assert_eq!(hex::encode(delta.unwrap().header.signed_bytes()), SIGNED_BYTES);
}

#[test]
fn the_library_has_this_root() {
    let world = small_world();
    assert_eq!(refold(&world.log).root().to_string(), ROOT);
    assert_eq!(world.log.tip().id.to_string(), CHECKPOINT);
    assert_eq!(world.log.digest().to_string(), DIGEST);
}

#[test]
fn an_invitation_is_this_line() {
    let invitation = Invitation {
        federation: World::found().log.federation(),
        inviter: key(1).public_key(),
        addresses: vec!["/ip4/127.0.0.1/udp/4001/quic-v1".into()],
        secret: [5; 32],
        uses: 3,
        expires_epoch: 7,
    };
    assert_eq!(invitation.to_line(), INVITATION);
    assert_eq!(invitation.id().to_string(), INVITATION_ID);
    let challenge = Challenge { joiner: [1; 32], inviter: [2; 32] };
    assert_eq!(invitation.proof(&key(2).public_key(), &challenge).to_string(), PROOF);
}

#[test]
fn numbers_are_written_this_way() {
    assert_eq!(hex::encode(codec::encode(&250_u64)), "fa");
    assert_eq!(hex::encode(codec::encode(&251_u64)), "fbfb00");
    assert_eq!(hex::encode(codec::encode(&65_536_u64)), "fc00000100");
    assert_eq!(hex::encode(codec::encode(&(1_u64 << 32))), "fd0000000001000000");
    assert_eq!(hex::encode(codec::encode(&-1_i64)), "01");
    assert_eq!(hex::encode(codec::encode(&1_i64)), "02");
    assert_eq!(hex::encode(codec::encode(&Some(7_u64))), "0107");
    assert_eq!(hex::encode(codec::encode(&None::<u64>)), "00");
    assert_eq!(hex::encode(codec::encode(&"ab".to_owned())), "026162");
    assert_eq!(hex::encode(codec::encode(&MemberId(Hash([9; 32]).0))), "09".repeat(32));
    assert_eq!(PublicKey::derive("tag", &[b"a", b"bc"]).to_string(), DERIVED);
}

const CHARTER: &str = r#"version = 1
name = "test"
nonce = "0707070707070707070707070707070707070707070707070707070707070707"
epoch = "rounds"
vouchers = "members"
scripts = false
contexts = ["any"]

[privacy]
rho_nano = 937500000
delta_e18 = 1000000000000
epsilon_display = "4"
units = ["user"]
epochs_per_period = 4
lessons_at = [1]
outcomes_at = [0, 1, 2, 3]
l0 = 3
sessions_per_item = 1
lessons_min_sigma_micros = 3000000
lessons_min_threshold = 10
outcomes_min_sigma_micros = 4000000
lessons_payload_bytes = 2048

[limits]
members = 50
deltas_per_epoch = 256
evidence_cap = 1000
revokers = 2
promotion_margin_micros = 0

[[founders]]
key = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"
recovery = "0000000000000000000000000000000000000000000000000000000000000000"
"#;
const FEDERATION: &str = "2a1844384f869e20b764dfd3439a5d71252b4d42152d00b3a94aa8763953538f";
const CHARTER_SIGNATURE: &str = "f0554b99ff32b0028abdf19cfa0bd7e5ffcb2309f087d2ea24e57922ba56feecc40891e6e9c9b4761617b19df5f2efaa1ea6ecad4bde222d9fc3bd29eb52c50c";
const DELTAS: &str = "
Join 4c73a2b3772a00874e74f04b71c886eed8f26a989b7d6e172cd21529459a778a 279 4c8ba970bfd40a199d229abc34aba3b9f65c50ac493d720a09494b6f11915ff9
Vouch 6bc48b93aa9fddff9669976027e812c3c062572b85a3272523d4f5118bd0c651 336 c4690987f8194da69989d510c701449ba430740cd1002e6ad80b9e710e53654b
Join aff4422950b59e6c57669aaf42a5b9b52e3517fc48b3f1912ebfa6bf51385383 306 225c0f10e8ae3e5bdff23bfe092b430f3a7f64f172b012f5a5361b0122a1dc3a
Vouch ede6201c7f8146c50de852dec82113b62c988c92c80a8b25bfc4d027c2b045d5 336 d18448e692006228b9d4a10f4b83273c16b693b2640bbc685d2269cc024b2600
Join 98c6410de13678a448527d839b8b246bee2eb4d0fce1954033ef0a8d1ed3619f 306 39c9013fcbf2eef6e61f2168464bbd1f774258dbd9f3a06f5f50570fb7235280
Checkpoint d88dfa9cff0c98afee09227e45412d10a48749f16c97c2a47d94a8526e5d33c7 829 86e92d28eb2618de2f41a716bf3a26b661b9056eac56b43e5baafc9d96b19478
Lessons 3b310d2fecd2a4d949691b77a52a59815a6fe61d152dd1b9530b6978f6d4b3b0 298 e5433916bd309787c3a3b619295bb14c40f9b79115c1e869f005cfabc2e864d2
Checkpoint 1d966090a49172ea2693393f294e8760131be76d3f55fa33177d9871811370d7 829 7cf2e5177b196736356503a900b0c5cea8bb523203cd9cc241d91363b05dca2b
Outcomes a82c7e2090ca2d9c20da115311398ba0fa77c298ba3eb34163a20622e8fca7db 329 898cd9667d8148670c5386476144251e90fcbc4dc94bbbd25e6694416dfb671a
Outcomes ba0fb703a81f8e32754a81f81cedab9a13d3c647bca1d25b351959d271bf4475 329 d6a07e54fb2665641d91eaa855847ec29d174c9b32c4942fed554b99428bafc0
Checkpoint 68141eb14774d7b737b8bd45e57e4798046994a36b597ab24c91b6faa045bdb8 829 b7f6066dbed52eaaf1a03a847166a5acb28cb380c6c878a13d0b476cd3aafcbc
";
const SIGNED_BYTES: &str = "636f6d6d6f6e6c6f72652f64656c74612f7631012a1844384f869e20b764dfd3439a5d71252b4d42152d00b3a94aa8763953538faff4422950b59e6c57669aaf42a5b9b52e3517fc48b3f1912ebfa6bf513853830101aff4422950b59e6c57669aaf42a5b9b52e3517fc48b3f1912ebfa6bf51385383e37c74fe6aaceadcab9c61ec19477e0b5850d5bf28e3d05a6d71c74171b5efba000202000000093d1d63e89d92af5f15204703deaabe0bd6c3cc90b2a5255f88283479426c930557";
const ROOT: &str = "f27ae0cf408d6976da61ea24e829e91755aee9fa31f01182f7332f0d0636fdd5";
const CHECKPOINT: &str = "0a7f148a74b001bfb52349c816f8af231e290f2a95dab338cea9d0ea54cf7f0e";
const DIGEST: &str = "a05a2d8dde8ccf6928f990be01e84b4e093942f14ad533c5239f6f3f360109fc";
const INVITATION: &str = "lore-invite-1-KhhEOE-GniC3ZN_TQ5pdcSUrTUIVLQCzqUqodjlTU4-KiOPddAnxlf1S2y08ul1yymcJvx2UEhvzdIgBtA9vXAEfL2lwNC8xMjcuMC4wLjEvdWRwLzQwMDEvcXVpYy12MQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFAwc0rKW4";
const INVITATION_ID: &str = "93f6695b97418431117ac1331092c193076502b0daeb7b7407a7499fbcd94c36";
const PROOF: &str = "6ca201d5d03328043ee511d9f6c95135c9620d156748c676095ab747f8b8bd45";
const DERIVED: &str = "7537a6187cd8a1ff0b7a576781183f963633ccc195f1c93d1eb0bdf8ba95e971";
