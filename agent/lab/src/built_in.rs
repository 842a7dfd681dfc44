//! The list of the families that this program brings.

use serde::{Deserialize, Serialize};

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident => $file:literal, $control:literal;)*) => {
        /// The families that this program brings.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum BuiltIn { $($(#[$doc])* $name,)* }

        impl BuiltIn {
            /// All of them, in the order of tables.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in files and tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $file,)* }
            }

            /// Returns true when its documented command works, so that no skill is needed.
            #[must_use]
            pub const fn is_control(self) -> bool {
                match self { $(Self::$name => $control,)* }
            }

            /// Its specification.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$name => include_str!(concat!("families/", $file, ".toml")),)* }
            }
        }
    };
}

families! {
    /// A service on another port and path.
    Service => "service", false;
    /// A service that wants a header.
    Header => "header", false;
    /// A service that wants a field in the body.
    Field => "field", false;
    /// A file format with a checker.
    Format => "format", false;
    /// A tool with mandatory flags.
    Flags => "flags", false;
    /// A stale lock file.
    Lock => "lock", false;
    /// A step that must come first.
    Order => "order", false;
    /// An identifier that is a digest.
    Digest => "digest", false;
    /// An option with a new name.
    Renamed => "renamed", false;
    /// A log that moved.
    Moved => "moved", false;
    /// A measurement in another unit.
    Unit => "unit", false;
    /// A day in the site's own way.
    Stamp => "stamp", false;
    /// A number in another base.
    Radix => "radix", false;
    /// A number with its remainder.
    Remainder => "remainder", false;
    /// A variable of the environment.
    Variable => "variable", false;
    /// A directory to work in.
    Workdir => "workdir", false;
    /// A header whose value must be got first.
    Ticket => "ticket", false;
    /// A parameter with another name.
    Pages => "pages", false;
    /// An order of lines.
    Sorted => "sorted", false;
    /// A checksum at the end of a file.
    Trailer => "trailer", false;
    /// Another exit status for success.
    Verdict => "verdict", false;
    /// An option without which nothing is done.
    Rehearsal => "rehearsal", false;
    /// A number of things at once.
    Batches => "batches", false;
    /// Counting lines; nothing is odd.
    CountLines => "count_lines", true;
    /// Sorting a list; nothing is odd.
    SortList => "sort_list", true;
    /// The beginning of a file; nothing is odd.
    HeadLines => "head_lines", true;
    /// Capital letters; nothing is odd.
    UpperCase => "upper_case", true;
}
