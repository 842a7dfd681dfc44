//! A person's consent to publish a text, and the delay before it counts.

use std::fmt;
use std::io::{BufRead, IsTerminal, Write};

use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::ids::{FederationId, Hash};
use lore_protocol::payload::{Origin, Payload};

use crate::PrivacyError;

/// Delay before consent counts, in seconds; within that time it can be withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay(u64);

impl Delay {
    /// The shortest delay, and the default: ten minutes. It cannot be set lower, since a program that can type
    /// at a terminal can also edit a setting.
    pub const LEAST_SECONDS: u64 = 600;
    /// The longest delay: thirty days.
    pub const MOST_SECONDS: u64 = 30 * 86_400;

    /// A delay of so many seconds; none outside of the range.
    #[must_use]
    pub const fn new(seconds: u64) -> Option<Self> {
        if seconds < Self::LEAST_SECONDS || seconds > Self::MOST_SECONDS {
            return None;
        }
        Some(Self(seconds))
    }

    /// Its seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl Default for Delay {
    fn default() -> Self {
        Self(Self::LEAST_SECONDS)
    }
}

/// Digest of a code that a person types beside `yes`, as a file of another account holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeHash(Hash);

const CODE_LINE: &str = "lore-consent-v1 ";

impl CodeHash {
    /// The digest of a code; case, spaces and dashes do not count. The code must be random: the digest
    /// is quick to compute, and a word of a person's choice could be found by trying.
    #[must_use]
    pub fn of(code: &str) -> Self {
        let kept = code.chars().filter(char::is_ascii_alphanumeric);
        let code: String = kept.map(|letter| letter.to_ascii_lowercase()).collect();
        Self(Hash::derive("commonlore/consent-code/v1", &[code.as_bytes()]))
    }

    /// Reads the line of a consent file that [`fmt::Display`] writes; none for any other text.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        text.trim().strip_prefix(CODE_LINE)?.parse().ok().map(Self)
    }
}

impl fmt::Display for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{CODE_LINE}{}", self.0)
    }
}

/// Question to a person, with its terms.
#[derive(Debug)]
pub struct Question<'a> {
    /// Federation in which the text is published.
    pub federation: FederationId,
    /// Text to be published.
    pub payload: Payload,
    /// The same in words.
    pub shown: &'a str,
    /// Delay before the answer counts.
    pub delay: Delay,
    /// The code that must be typed as well; none where no file of another account asks for it.
    pub code: Option<&'a CodeHash>,
}

/// A person's explicit consent to publish one payload in one federation, byte for byte. Only a person at a
/// terminal gives it: no model, tool or remote call makes one. It counts from [`Authored::due_seconds`] on:
/// a pseudo-terminal can type `yes` for a person, but until then the person can see it and withdraw it.
///
/// There is no way to make one outside, and none to make one count early:
/// ```compile_fail,E0451
/// use lore_privacy::Authored;
/// fn early(mine: Authored) -> Authored {
///     Authored { due_seconds: 0, ..mine }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Authored {
    federation: FederationId,
    payload: Payload,
    given_seconds: u64,
    due_seconds: u64,
}

impl Authored {
    /// Shows the question on standard error and asks at the terminal. The person types `yes`, and the
    /// code where there is one. `now` gives seconds since the Unix epoch, after the answer.
    ///
    /// # Errors
    /// [`PrivacyError::NoConsent`] without a terminal, at any other answer, and for a payload that only a
    /// mechanism makes; [`PrivacyError::WrongCode`] when the code is another.
    pub fn ask(question: Question<'_>, now: impl FnOnce() -> u64) -> Result<Self, PrivacyError> {
        let Question { federation, payload, shown, delay, code } = question;
        let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
        if !stdin.is_terminal() || !stderr.is_terminal() || !is_personal(&payload) {
            return Err(PrivacyError::NoConsent);
        }
        let mut answered = |question: &str| -> std::io::Result<String> {
            let mut answer = String::new();
            writeln!(stderr, "{question}")?;
            stdin.lock().read_line(&mut answer)?;
            Ok(answer)
        };
        let question = format!("{shown}\nPublish this, for ever and to everybody? Type yes: ");
        if answered(&question).map_err(|_| PrivacyError::NoConsent)?.trim() != "yes" {
            return Err(PrivacyError::NoConsent);
        }
        if let Some(code) = code {
            let typed = answered("Type the consent code of this machine: ");
            if CodeHash::of(&typed.map_err(|_| PrivacyError::NoConsent)?) != *code {
                return Err(PrivacyError::WrongCode);
            }
        }
        Ok(Self::given(federation, payload, now(), delay))
    }

    fn given(federation: FederationId, payload: Payload, now_seconds: u64, delay: Delay) -> Self {
        let due_seconds = now_seconds.saturating_add(delay.seconds());
        Self { federation, payload, given_seconds: now_seconds, due_seconds }
    }

    /// A name for it: the hash of all that it says.
    #[must_use]
    pub fn id(&self) -> Hash {
        Hash::derive("commonlore/consent/v2", &[&self.record()])
    }

    /// Federation in which the text is published.
    #[must_use]
    pub const fn federation(&self) -> FederationId {
        self.federation
    }

    /// Text to be published.
    #[must_use]
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Time at which it was given, in seconds since the Unix epoch.
    #[must_use]
    pub const fn given_seconds(&self) -> u64 {
        self.given_seconds
    }

    /// From when on it counts, likewise.
    #[must_use]
    pub const fn due_seconds(&self) -> u64 {
        self.due_seconds
    }

    /// Returns true when it counts at this time, likewise.
    #[must_use]
    pub const fn counts(&self, now_seconds: u64) -> bool {
        let waited = self.due_seconds.saturating_sub(self.given_seconds);
        waited >= Delay::LEAST_SECONDS && now_seconds >= self.due_seconds
    }

    /// The bytes that the node's store keeps while it waits.
    #[must_use]
    pub fn record(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads what the node's store kept under `id`.
    ///
    /// # Errors
    /// [`PrivacyError::NoConsent`] when the bytes are other ones.
    pub fn read(id: &Hash, record: &[u8]) -> Result<Self, PrivacyError> {
        let found: Self = codec::decode(record).map_err(|_| PrivacyError::NoConsent)?;
        if found.id() == *id { Ok(found) } else { Err(PrivacyError::NoConsent) }
    }
}

/// Returns true when a payload is of a kind that a person writes: lessons with [`Origin::Authored`], or a revision.
pub(crate) fn is_personal(payload: &Payload) -> bool {
    match payload {
        Payload::Lessons(lessons) => {
            lessons.origin == Origin::Authored
                && lessons.window.is_none()
                && lessons.entries.iter().all(|entry| entry.support == 0)
        }
        Payload::Revision(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use lore_protocol::payload::{Lessons, Void};

    use super::*;
    use crate::Released;

    fn lessons(origin: Origin) -> Payload {
        Payload::Lessons(Lessons { origin, window: None, entries: Vec::new(), padding: Vec::new() })
    }

    fn given(payload: Payload) -> Authored {
        Authored::given(FederationId(Hash::ZERO.0), payload, 1_000, Delay::default())
    }

    #[test]
    fn consent_counts_after_its_delay_and_not_a_second_earlier() {
        let mine = given(lessons(Origin::Authored));
        assert!(matches!(Released::authored(&mine, 1_599), Err(PrivacyError::ConsentWaits { .. })));
        assert!(Released::authored(&mine, 0).is_err());
        assert_eq!(Released::authored(&mine, 1_600).unwrap().get(), mine.payload());
    }

    #[test]
    fn consent_without_the_least_delay_never_counts() {
        let mut mine = given(lessons(Origin::Authored));
        mine.due_seconds -= 1;
        assert!(Released::authored(&mine, u64::MAX).is_err());
        assert_eq!((Delay::new(599), Delay::new(2_592_001)), (None, None));
        assert_eq!(Delay::new(600), Some(Delay::default()));
    }

    #[test]
    fn a_person_cannot_author_what_only_a_mechanism_makes() {
        let mechanism = crate::mechanism::gaussian(
            lore_protocol::payload::Unit::User,
            crate::Bounds::cells(3, 1),
            3_182_867,
            19,
        )
        .unwrap();
        for made in
            [lessons(Origin::Mechanism(mechanism)), Payload::Void(Void { release: Hash::ZERO })]
        {
            assert!(matches!(
                Released::authored(&given(made), 9_999),
                Err(PrivacyError::NoConsent)
            ));
        }
    }

    #[test]
    fn a_record_is_read_back_under_its_own_id_only() {
        let mine = given(lessons(Origin::Authored));
        let record = mine.record();
        assert_eq!(Authored::read(&mine.id(), &record).unwrap(), mine);
        assert!(Authored::read(&Hash::ZERO, &record).is_err());
        let mut early = mine.clone();
        early.due_seconds -= 1;
        assert!(Authored::read(&mine.id(), &early.record()).is_err());
        assert!(Authored::read(&mine.id(), &record[1..]).is_err());
    }

    #[test]
    fn a_code_is_known_by_its_line_however_it_is_typed() {
        let code = CodeHash::of("ab12-cd34");
        assert_eq!(CodeHash::read(&format!("{code}\n")), Some(code.clone()));
        assert_eq!(CodeHash::of(" AB12 CD34\n"), code);
        assert_ne!(CodeHash::of("ab12-cd35"), code);
        assert_eq!(CodeHash::read("ab12-cd34"), None);
        assert_eq!(CodeHash::read(CODE_LINE), None);
    }
}
