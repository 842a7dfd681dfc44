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
units = ["user", "personal"]
epochs_per_period = 4
lessons_at = [1]
outcomes_at = [0, 1, 2, 3]
l0 = 3
sessions_per_item = 1
lessons_min_sigma_micros = 3000000
lessons_min_threshold = 10
outcomes_min_sigma_micros = 4000000
lessons_payload_bytes = 2048
votes_at = [0, 1, 2, 3]
votes_min_deviation_micros = 4000000

[privacy.costs]
at = [0, 1, 2, 3]
bound = 7
min_sigma_micros = 100000000

[[privacy.costs.kinds]]
measure = "tokens"
per = 1000

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
const FEDERATION: &str = "3b520f3cbd031b49c1e3bf423d408d1da8f3b8f37dc9847543efd1640a3c765f";
const CHARTER_SIGNATURE: &str = "f6dab366e0742628166239b232971e0e1e6cd7498deb9cdd2bd1ede2249eae9b461a984bcbf0ce9104cf9da9caa9a44dea485b74fc409fabe9516098cb28eb08";
const DELTAS: &str = "
Join c875d36308795d2519e13aa6f7927256807278f2302769926f04c66563dc6cec 279 2bba36ad4dd88cb8a96f587e98dc781beacca42df63477896906f64d62f17b5c
Vouch 859640c2f924ff31bfa9132a88b4a3ad9003e9f6b397a1d523fe518388580572 336 19fe750bf3d68f26a1f593fa346c139d62c6f32fe552f9aea86e3fbfe44a1ccb
Join a9a5edeb7a1422ad41aca8defb5716128d91de49aa64e83fb59057619e9be694 306 aeec37f88fb56e2c9cd569586e0139fcac74a101f196f1900cd6252bd42fa2ba
Vouch a9f5f81b1e2a6a2c5f2fb4b3404bfec3ebb1260ad828d785b95a3e2f6d8077f3 336 f042fa24365166b6e06b7d80ec7c68cbd5152ff7134cae270b2e8fb3f9eb16a8
Join 252189acd8c7ba341dfb13ed11d12c37ae6cbad4cc0118bf2d4f30a3eaf57d91 306 1b7f49416da92b21c483cf0a342f2bcdd7e63ee3ef72e1bfdbeda9d6bafd2035
Checkpoint b75c82dd25a7497b83bdffc7779d893f93e2258c96a5968645515f4e684ee888 829 4164c5a1f75db01ef7d4157b76901b11a5141b0e759a843ead1ea70134801030
Lessons 87de8605a641ad1ffc417a5b9886655f528a5f4c0006b634bc8457b08e6455bc 298 7aa75b1291caa7309cc970c28371bf4da9a5107800a781983a36d8928c297243
Checkpoint c8fd9c27f2ceeba3478aa1c33fb03dd7084abf1bd34aeaa294b5568b03f6cef4 829 ad026c69c2574d90f899a9ee9574985b7ee498242946a943ea23ba71be46032e
Outcomes d966bfb928eb1c363b5abbd0c6a9ccde98c4acb2fe9db34217cc8c0bce24d877 343 57bfdae6c5683094ebbf04ffc4c8b12c9096eb6d08be05f185545c1d7851ebdd
Outcomes 4f992306909f9aecf414102adbfee28bedc84c730fad380840e9415926a56275 343 18f1b7cb6143113d56cd12947321e8b315ddd21b1f5e9c797fd5c60354e9449d
Checkpoint 6413c07d8b3dd4244a2077c10fd87db35374c7a1dcaff826252949344b072994 829 56b9070c06c0bf240b43aadee1b5bb11b75729a3660323b5b30e6a848c8693e6
";
const SIGNED_BYTES: &str = "636f6d6d6f6e6c6f72652f64656c74612f7631013b520f3cbd031b49c1e3bf423d408d1da8f3b8f37dc9847543efd1640a3c765fa9a5edeb7a1422ad41aca8defb5716128d91de49aa64e83fb59057619e9be6940101a9a5edeb7a1422ad41aca8defb5716128d91de49aa64e83fb59057619e9be6948529ce4a5bb507cee76311775258cbf168beabc2cd6a3c8d5f1e72df1ced3034000202000000093d1d63e89d92af5f15204703deaabe0bd6c3cc90b2a5255f88283479426c930557";
const ROOT: &str = "73b39973277d5edd4b88d4631135bca7b6dee83230b711141511c8758810cba6";
const CHECKPOINT: &str = "816182769d0cb64c9010deb7ef96bbdd9f5866cbb4b00c301eecff538d18ca0b";
const DIGEST: &str = "95c72fbf0e6a0d90d3651f977645fa49a061710d0de232e2538d7abcf853e096";
const INVITATION: &str = "lore-invite-1-O1IPPL0DG0nB479CPUCNHajzuPN9yYR1Q-_RZAo8dl-KiOPddAnxlf1S2y08ul1yymcJvx2UEhvzdIgBtA9vXAEfL2lwNC8xMjcuMC4wLjEvdWRwLzQwMDEvcXVpYy12MQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFAwc9avj0";
const INVITATION_ID: &str = "93f6695b97418431117ac1331092c193076502b0daeb7b7407a7499fbcd94c36";
const PROOF: &str = "c061c931b2ec6d3113a8cf2273508196d7a1c8f985302671b495761123604e5c";
const DERIVED: &str = "7537a6187cd8a1ff0b7a576781183f963633ccc195f1c93d1eb0bdf8ba95e971";
