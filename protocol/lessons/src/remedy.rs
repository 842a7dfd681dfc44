//! What then worked: the kinds of remedies.

/// A remedy. Its words are public or cleaned: it holds no edit's text, no value of the task, no path of a home.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remedy {
    /// Another program did it: its path.
    UseProgram(String),
    /// A flag was added, with its value when that is nobody's.
    AddFlag(String),
    /// A flag or a field was left out.
    DropFlag(String),
    /// One word was replaced by another.
    Replace {
        /// The word that failed.
        old: String,
        /// The word that worked.
        new: String,
    },
    /// Another command ran in between; it is cleaned.
    RunFirst(String),
    /// The same in another directory, by its class.
    InDirectory(&'static str),
    /// The same with an option of the harness: a permission, a longer time limit.
    WithOption(&'static str),
    /// An environment variable was set, by name.
    SetVariable(String),
    /// A package was installed in between.
    Install(String),
    /// The file was read in between.
    ReadFirst,
    /// The same again after a pause, or once a lock was gone.
    Retry,
    /// Other arguments, which are the task's own.
    OtherArguments,
}

impl Remedy {
    /// Returns true when it tells an agent something that the failure's own message does not.
    #[must_use]
    pub const fn is_advice(&self) -> bool {
        !matches!(self, Self::OtherArguments | Self::ReadFirst)
    }

    /// Name of its kind, as data files and tables have it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::UseProgram(_) => "use_program",
            Self::AddFlag(_) => "add_flag",
            Self::DropFlag(_) => "drop_flag",
            Self::Replace { .. } => "replace",
            Self::RunFirst(_) => "run_first",
            Self::InDirectory(_) => "in_directory",
            Self::WithOption(_) => "with_option",
            Self::SetVariable(_) => "set_variable",
            Self::Install(_) => "install",
            Self::ReadFirst => "read_first",
            Self::Retry => "retry",
            Self::OtherArguments => "other_arguments",
        }
    }
}
