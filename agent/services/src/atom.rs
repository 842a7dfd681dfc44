//! The Atom feeds of arXiv (RFC 4287 with OpenSearch and arXiv's own elements), read from bytes.
//!
//! Elements are known by their local names, whatever prefix a feed gives them. Entities of a document's own
//! making are not expanded.

use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};

/// Deepest nesting that is read; a feed has four levels.
const MAX_DEPTH: usize = 32;
/// Most entries that are read.
const MAX_ENTRIES: usize = 2000;

/// A feed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Feed {
    /// Number of all entries.
    pub(super) total: Option<u64>,
    /// Those of this page.
    pub(super) entries: Vec<Entry>,
}

/// One entry; texts are on one line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) published: String,
    pub(super) updated: String,
    pub(super) authors: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) doi: Option<String>,
    pub(super) journal: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) pdf: Option<String>,
}

impl Feed {
    /// Reads a feed.
    ///
    /// # Errors
    /// In words, when the bytes are no whole feed.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
        let mut reader = Reader::from_str(text);
        let mut state = State::default();
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(element) => state.begin(&element)?,
                Event::Empty(element) => {
                    state.begin(&element)?;
                    state.end();
                }
                Event::End(_) => state.end(),
                Event::Text(text) => {
                    state.text.push_str(&text.xml10_content());
                }
                Event::CData(text) => {
                    state.text.push_str(&text.xml10_content());
                }
                Event::GeneralRef(reference) => {
                    let name = reference.xml10_content();
                    match reference.resolve_char_ref() {
                        Ok(Some(letter)) => state.text.push(letter),
                        _ => state.text.push_str(resolve_predefined_entity(&name).unwrap_or("?")),
                    }
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        if !state.path.is_empty() {
            return Err(format!("it ends within <{}>", state.path.join("><")));
        }
        if !state.is_feed {
            return Err("there is no feed in it".to_owned());
        }
        Ok(state.feed)
    }
}

/// The state of reading so far.
#[derive(Default)]
struct State {
    /// Elements that are open, outermost first.
    path: Vec<String>,
    /// Text since the last tag.
    text: String,
    feed: Feed,
    entry: Option<Entry>,
    is_feed: bool,
}

impl State {
    fn begin(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        let name = element.local_name();
        let name: &str = name.as_ref();
        let name = name.to_owned();
        if self.path.len() >= MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} elements"));
        }
        match (self.path.len(), name.as_str()) {
            (0, "feed") => self.is_feed = true,
            (0, other) => return Err(format!("it begins with <{other}> and not with <feed>")),
            (1, "entry") => self.entry = Some(Entry::default()),
            (2, "category") => {
                let term = attribute(element, "term");
                if let (Some(entry), Some(term)) = (&mut self.entry, term) {
                    entry.categories.push(term);
                }
            }
            (2, "link") => {
                let is_pdf = attribute(element, "title").as_deref() == Some("pdf");
                if let (Some(entry), true) = (&mut self.entry, is_pdf) {
                    entry.pdf = attribute(element, "href");
                }
            }
            _ => {}
        }
        self.path.push(name);
        self.text.clear();
        Ok(())
    }

    fn end(&mut self) {
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.text.clear();
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match (path.as_slice(), &mut self.entry) {
            (["feed", "totalResults"], _) => self.feed.total = text.parse().ok(),
            (["feed", "entry"], entry) => {
                let entry = entry.take().unwrap_or_default();
                if self.feed.entries.len() < MAX_ENTRIES {
                    self.feed.entries.push(entry);
                }
            }
            (["feed", "entry", "author", "name"], Some(entry)) => entry.authors.push(text),
            (["feed", "entry", field], Some(entry)) => match *field {
                "id" => entry.id = text,
                "title" => entry.title = text,
                "summary" => entry.summary = text,
                "published" => entry.published = text,
                "updated" => entry.updated = text,
                "doi" => entry.doi = Some(text),
                "journal_ref" => entry.journal = Some(text),
                "comment" => entry.comment = Some(text),
                _ => {}
            },
            _ => {}
        }
        self.path.pop();
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten();
    let value = found.into_iter().find(|one| one.key.local_name().as_ref() == name)?.value;
    Some(unescape(&value).map_or_else(|_| value.to_string(), std::borrow::Cow::into_owned))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_count_without_their_prefixes_and_references_are_resolved() {
        let feed = r#"<?xml version="1.0"?>
            <a:feed xmlns:a="http://www.w3.org/2005/Atom" xmlns:o="http://a9.com/-/spec/opensearch/1.1/">
              <o:totalResults>2</o:totalResults><a:title>not an entry's</a:title>
              <a:entry><a:title>P &amp; NP, 1 &lt; 2,
                 &#233;t&#xE9; &own;</a:title><a:author><a:name>A</a:name></a:author>
                 <a:author><a:name>B</a:name></a:author>
                 <a:category term="cs.CC"/><a:link title="pdf" href="http://x/?a=1&amp;b=2"/>
                 <a:summary><![CDATA[<b>raw</b>]]></a:summary></a:entry>
            </a:feed>"#;
        let feed = Feed::parse(feed.as_bytes()).unwrap();
        assert_eq!(feed.total, Some(2));
        let [entry] = feed.entries.as_slice() else {
            panic!("{feed:?}");
        };
        assert_eq!(entry.title, "P & NP, 1 < 2, été ?");
        assert_eq!(entry.authors, ["A", "B"]);
        assert_eq!(entry.categories, ["cs.CC"]);
        assert_eq!(entry.pdf.as_deref(), Some("http://x/?a=1&b=2"));
        assert_eq!(entry.summary, "<b>raw</b>");
    }

    #[test]
    fn what_is_no_whole_feed_is_refused() {
        let deep = format!("<feed>{}", "<a>".repeat(100_000));
        for text in [
            "",
            "no xml",
            "<html><body>busy</body></html>",
            "<feed><entry><title>cut",
            "<feed><entry></feed>",
            &deep,
        ] {
            assert!(Feed::parse(text.as_bytes()).is_err(), "{}", &text[..text.len().min(40)]);
        }
        assert!(Feed::parse(b"<feed>\xff</feed>").is_err());
    }

    #[test]
    fn entities_that_grow_are_not_expanded() {
        let bomb = r#"<!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
            <feed><entry><title>&b;&b;&b;</title></entry></feed>"#;
        let feed = Feed::parse(bomb.as_bytes()).unwrap();
        assert_eq!(feed.entries[0].title, "???");
    }
}
