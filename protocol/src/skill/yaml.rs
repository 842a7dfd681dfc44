//! A bounded reader of YAML frontmatter: events in, a small tree of strings out.
//!
//! Built on parser events rather than on a loader, so that nothing recurses and nothing is expanded:
//! depth, nodes and resolved bytes are counted before they are spent. Every scalar is a string, as in
//! strictyaml; what a strict reader would refuse is recorded as an [`Oddity`] and read all the same.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 16;
/// Most nodes that are read.
pub const MAX_NODES: usize = 4096;
/// Most bytes that aliases may repeat. Ordinary frontmatter repeats none.
const MAX_ALIAS_BYTES: usize = 64 << 10;

/// A value; all scalars are text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yaml {
    /// A scalar of any style.
    Text(String),
    /// A sequence.
    Sequence(Vec<Self>),
    /// A mapping in the order of the file. A key that came twice is here twice.
    Mapping(Vec<(String, Self)>),
}

impl Yaml {
    /// The text of a scalar.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Sequence(_) | Self::Mapping(_) => None,
        }
    }
}

/// Something that YAML allows and a strict reader of skills does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OddityKind {
    /// `{a: b}` or `[a, b]`.
    FlowStyle,
    /// `&name`.
    Anchor,
    /// `*name`.
    Alias,
    /// `!tag`.
    Tag,
    /// One key twice in a mapping.
    DuplicateKey,
    /// Mappings of one level indented by different amounts.
    UnevenIndentation,
    /// A tab within an unquoted value.
    Tab,
    /// The key `<<`, which asks for a merge in older YAML.
    MergeKey,
}

impl OddityKind {
    /// For people.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::FlowStyle => "a value in braces or brackets",
            Self::Anchor => "an anchor",
            Self::Alias => "an alias",
            Self::Tag => "a tag",
            Self::DuplicateKey => "a key that is there twice",
            Self::UnevenIndentation => "nested mappings with different indentation",
            Self::Tab => "a tab in an unquoted value",
            Self::MergeKey => "the merge key `<<`",
        }
    }
}

/// An [`OddityKind`] and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Oddity {
    /// Its kind.
    pub kind: OddityKind,
    /// Line of the frontmatter, from 1.
    pub line: usize,
}

/// Why frontmatter could not be read at all. Never quotes the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// Not YAML.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Line of the frontmatter, from 1.
        line: usize,
        /// Message of the YAML parser.
        reason: String,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("line {0}: nested deeper than {MAX_DEPTH} levels")]
    TooDeep(usize),
    /// More than [`MAX_NODES`].
    #[error("more than {MAX_NODES} values")]
    TooManyNodes,
    /// An alias of a collection, or aliases that repeat too much.
    #[error("line {0}: an alias that is not read; write the value out")]
    Alias(usize),
    /// A mapping key that is a collection.
    #[error("line {0}: a mapping key is not a string")]
    Key(usize),
    /// A second document.
    #[error("line {0}: more than one YAML document")]
    SecondDocument(usize),
    /// A character that YAML does not allow unescaped.
    #[error("line {0}: a control character")]
    Unprintable(usize),
}

/// A collection that is still open.
enum Open {
    Sequence(Vec<Yaml>),
    Mapping {
        entries: Vec<(String, Yaml)>,
        key: Option<String>,
        /// Column of the first nested mapping, which later ones must share.
        child_column: Option<usize>,
    },
}

struct Builder {
    lines: Vec<Vec<char>>,
    stack: Vec<Open>,
    root: Option<Yaml>,
    anchors: BTreeMap<usize, String>,
    alias_bytes: usize,
    nodes: usize,
    oddities: Vec<Oddity>,
}

/// Reads one document. An empty one is the empty text.
///
/// # Errors
/// Anything that is not one YAML document within the limits.
pub(super) fn read(text: &str) -> Result<(Yaml, Vec<Oddity>), YamlError> {
    if let Some(line) = unprintable_line(text) {
        return Err(YamlError::Unprintable(line));
    }
    let mut builder = Builder {
        lines: text.lines().map(|line| line.chars().collect()).collect(),
        stack: Vec::new(),
        root: None,
        anchors: BTreeMap::new(),
        alias_bytes: 0,
        nodes: 0,
        oddities: Vec::new(),
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError::Syntax {
            line: error.marker().line(),
            reason: error.info().to_owned(),
        })?;
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                return Err(YamlError::SecondDocument(span.start.line()));
            }
        }
        builder.event(event, span)?;
    }
    let root = builder.root.unwrap_or_else(|| Yaml::Text(String::new()));
    builder.oddities.sort_unstable();
    Ok((root, builder.oddities))
}

/// Line of the first character outside YAML 1.2's `c-printable` (section 5.1).
fn unprintable_line(text: &str) -> Option<usize> {
    let printable = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}')
            || (c >= '\u{A0}' && !matches!(c, '\u{FFFE}' | '\u{FFFF}'))
    };
    let at = text.find(|c: char| !printable(c))?;
    Some(1 + text[..at].matches('\n').count())
}

impl Builder {
    fn odd(&mut self, kind: OddityKind, span: Span) {
        self.oddities.push(Oddity { kind, line: span.start.line() });
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if style == ScalarStyle::Plain && text.contains('\t') {
                    self.odd(OddityKind::Tab, span);
                }
                if style == ScalarStyle::Plain && text == "<<" {
                    self.odd(OddityKind::MergeKey, span);
                }
                self.decorations(anchor, tag.is_some(), span);
                let text = text.into_owned();
                if anchor != 0 {
                    self.anchors.insert(anchor, text.clone());
                }
                self.place(Yaml::Text(text), span)
            }
            Event::Alias(anchor) => {
                self.odd(OddityKind::Alias, span);
                let refused = YamlError::Alias(span.start.line());
                let text = self.anchors.get(&anchor).ok_or(refused.clone())?.clone();
                self.alias_bytes += text.len();
                if self.alias_bytes > MAX_ALIAS_BYTES {
                    return Err(refused);
                }
                self.place(Yaml::Text(text), span)
            }
            Event::SequenceStart(anchor, tag) => {
                self.decorations(anchor, tag.is_some(), span);
                self.open(Open::Sequence(Vec::new()), span)
            }
            Event::MappingStart(anchor, tag) => {
                self.decorations(anchor, tag.is_some(), span);
                self.check_indentation(span);
                let entries = Vec::new();
                self.open(Open::Mapping { entries, key: None, child_column: None }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn decorations(&mut self, anchor: usize, tag: bool, span: Span) {
        if anchor != 0 {
            self.odd(OddityKind::Anchor, span);
        }
        if tag {
            self.odd(OddityKind::Tag, span);
        }
    }

    fn check_indentation(&mut self, span: Span) {
        let column = span.start.col();
        if let Some(Open::Mapping { child_column, .. }) = self.stack.last_mut()
            && *child_column.get_or_insert(column) != column
        {
            self.odd(OddityKind::UnevenIndentation, span);
        }
    }

    fn open(&mut self, open: Open, span: Span) -> Result<(), YamlError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(YamlError::TooDeep(span.start.line()));
        }
        let line = self.lines.get(span.start.line().saturating_sub(1));
        if let Some('{' | '[') = line.and_then(|line| line.get(span.start.col())) {
            self.odd(OddityKind::FlowStyle, span);
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), YamlError> {
        let value = match self.stack.pop() {
            Some(Open::Sequence(items)) => Yaml::Sequence(items),
            Some(Open::Mapping { entries, .. }) => Yaml::Mapping(entries),
            None => return Ok(()),
        };
        self.place(value, span)
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, value: Yaml, span: Span) -> Result<(), YamlError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(YamlError::TooManyNodes);
        }
        let mut duplicate = false;
        match self.stack.last_mut() {
            None => self.root = Some(value),
            Some(Open::Sequence(items)) => items.push(value),
            Some(Open::Mapping { entries, key, .. }) => match (key.take(), value) {
                (Some(key), value) => {
                    duplicate = entries.iter().any(|(other, _)| *other == key);
                    entries.push((key, value));
                }
                (None, Yaml::Text(text)) => *key = Some(text),
                (None, _) => return Err(YamlError::Key(span.start.line())),
            },
        }
        if duplicate {
            self.odd(OddityKind::DuplicateKey, span);
        }
        Ok(())
    }
}
