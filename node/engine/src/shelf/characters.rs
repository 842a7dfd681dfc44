//! Characters that hide text or pass for others.

use super::scan::FindingKind;

/// Finds each kind of suspicious character: the kind, and the byte at which it begins.
pub(super) fn suspicious(text: &str) -> Vec<(FindingKind, usize)> {
    let mut found = Vec::new();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if let Some(kind) = kind_of(c, before, at) {
            found.push((kind, at));
        }
        before = c;
    }
    found.extend(lookalikes(text));
    found
}

/// The kind of a character that should not be there; `before` is the one before it.
fn kind_of(c: char, before: char, at: usize) -> Option<FindingKind> {
    let kind = match c {
        '\t' | '\n' | '\r' => return None,
        '\u{e0000}'..='\u{e007f}' => FindingKind::TagCharacters,
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            FindingKind::Bidi
        }
        c if c.is_control() => FindingKind::ControlCharacters,
        '\u{feff}' if at == 0 => return None,
        // Joins pictures into one, and shapes letters of some scripts.
        '\u{200d}' if before >= '\u{2190}' => return None,
        '\u{200c}' | '\u{200d}' if ('\u{600}'..='\u{dff}').contains(&before) => return None,
        // Chooses the picture form of the sign before it.
        '\u{fe0e}' | '\u{fe0f}' if before >= '\u{a9}' || before.is_ascii_digit() => return None,
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{2060}'..='\u{2064}'
        | '\u{206a}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{e0080}'..='\u{10ffff}' => FindingKind::HiddenText,
        _ => return None,
    };
    Some(kind)
}

/// Returns true for a letter of another alphabet that is drawn like a Latin one.
fn is_lookalike(c: char) -> bool {
    const CYRILLIC: &str = "авекмнорстухіјѕԁԛԝһӏցԍАВЕКМНОРСТУХІЈЅԌ";
    const GREEK: &str = "αινορτυκχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ";
    const OTHER: &str = "օսոցքհɡıɑⅼⅰⅴⅹ";
    matches!(c, '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d6a3}')
        || [CYRILLIC, GREEK, OTHER].iter().any(|letters| letters.contains(c))
}

/// Words that mix Latin letters with lookalikes, and words made of lookalikes alone in a text that is otherwise Latin.
fn lookalikes(text: &str) -> Vec<(FindingKind, usize)> {
    let foreign = text.chars().any(|c| c.is_alphabetic() && c > '\u{24f}' && !is_lookalike(c));
    let mut found = Vec::new();
    let mut at = 0;
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if word.chars().any(is_lookalike) {
            let latin = word.chars().any(|c| c.is_ascii_alphabetic());
            let letters = word.chars().filter(|c| c.is_alphabetic());
            let only = letters.clone().count() > 1 && letters.clone().all(is_lookalike);
            if latin || (only && !foreign) {
                found.push((FindingKind::Homoglyphs, at));
            }
        }
        at += word.len();
        at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<FindingKind> {
        suspicious(text).into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn each_kind_is_found() {
        assert_eq!(kinds("a\u{200b}b"), [FindingKind::HiddenText]);
        assert_eq!(kinds("a\u{202e}b"), [FindingKind::Bidi]);
        assert_eq!(kinds("a\u{e0041}"), [FindingKind::TagCharacters]);
        assert_eq!(kinds("a\u{1b}[2J"), [FindingKind::ControlCharacters]);
        assert_eq!(kinds("use p\u{443}thon"), [FindingKind::Homoglyphs]);
        assert_eq!(kinds("run \u{441}\u{443}\u{440} now"), [FindingKind::Homoglyphs]);
    }

    #[test]
    fn honest_text_of_any_script_has_none() {
        for text in [
            "\u{feff}plain\ttext\r\n",
            "Grüße, naïve façade",
            "Привет, мир: запусти тесты",
            "από εδώ και πέρα",
            "می\u{200c}خواهم",
            "done \u{2714}\u{fe0f} \u{1f468}\u{200d}\u{1f469}",
            "日本語のテスト",
            "1\u{fe0f}\u{20e3} first",
        ] {
            assert_eq!(kinds(text), [], "{text}");
        }
    }
}
