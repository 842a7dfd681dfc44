//! A charter's text, and the line that invites to it.

use lore_protocol::charter::SignedCharter;
use lore_protocol::identity::Signer as _;
use lore_protocol::invitation::Invitation;
use lore_protocol::log::Log;

use crate::guild::key;
use crate::seeds::{CHARTER, vectors};

const SIGN_TAG: &[u8] = b"commonlore/charter-signature/v1";

/// First byte odd: an invitation line. Even: the text of a charter, which its founder signs.
pub(crate) fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    if first % 2 == 1 {
        if let Ok(invitation) = Invitation::from_line(&text) {
            assert_eq!(invitation.to_line(), text.trim(), "an invitation has one line");
        }
        return;
    }
    let signature = key(1).sign(&[SIGN_TAG, text.as_bytes()].concat());
    let signed = SignedCharter { text: text.into_owned(), signatures: vec![signature] };
    let Ok(charter) = signed.open() else {
        assert!(Log::new(signed).is_err(), "no log has a charter that does not open");
        return;
    };
    assert_eq!(charter.to_text(), signed.text, "a charter has one text");
    assert_eq!(charter.sign(&key(1)).as_ref(), Ok(&signed));
    let _ = charter.period(u32::MAX);
    let log = Log::new(signed).expect("a charter that opens has a log");
    assert_eq!(charter.founder_members(log.federation()), log.founders());
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let charter = |name: &str, text: &str| (name.to_owned(), [&[0], text.as_bytes()].concat());
    let invitation = &vectors("Invitation", 1)[0].1;
    let invitation: Invitation = lore_protocol::codec::decode(invitation).expect("an invitation");
    let (before, after) = CHARTER.split_once("epoch = \"rounds\"").expect("a charter in rounds");
    let daily = format!("{before}epoch = {{ hours = 24 }}{after}");
    let (without_costs, rest) = CHARTER.split_once("[privacy.costs]").expect("costs");
    let limits = rest.split_once("[limits]").expect("limits").1;
    vec![
        charter("rounds", CHARTER),
        charter("daily", &daily),
        charter("without-costs", &format!("{without_costs}[limits]{limits}")),
        ("invitation".into(), [&[1], invitation.to_line().as_bytes()].concat()),
    ]
}
