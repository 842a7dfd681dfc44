//! The public taxonomy of failures, with a recogniser for each class.
//!
//! A recogniser is a list of phrases over the lower-case output; the first class in the table whose
//! phrase occurs wins, so that narrow classes stand before wide ones. What no phrase catches goes by
//! HTTP status, then by exit status. The classes without phrases are recognised by program, in another room.

use crate::codec::{Decode, Encode};
use crate::steps::Steps;
use std::sync::LazyLock;

use regex_lite::Regex;

macro_rules! classes {
    ($($name:ident, $words:literal, [$($phrase:literal),* $(,)?];)*) => {
        /// The public taxonomy of failures.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorClass {
            $(#[doc = concat!("In words: ", $words, ".")] $name,)*
        }

        impl ErrorClass {
            /// Every class, in the order in which recognisers are tried.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in lower case with underscores, as data files have it.
            #[must_use]
            pub fn name(self) -> String {
                let mut name = String::new();
                for c in format!("{self:?}").chars() {
                    if c.is_ascii_uppercase() && !name.is_empty() {
                        name.push('_');
                    }
                    name.push(c.to_ascii_lowercase());
                }
                name
            }

            /// Phrases of lower-case output that show the class.
            /// Words of outputs by which it is recognised, in lower case; none for classes that a program's own
            /// recognisers know.
            #[must_use]
            pub const fn phrases(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($phrase),*],)* }
            }

            const fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

classes! {
    None, "no failure", [];
    CommandNotFound, "command not found", ["command not found", ": not found\n", "is not recognized as an internal", "no such command", "unknown command"];
    MissingModule, "missing module", ["no module named", "modulenotfounderror", "cannot find module", "can't find crate", "unresolved import", "cannot find package", "importerror", "package not found"];
    MissingLibrary, "missing shared library", ["error while loading shared libraries", "cannot open shared object", "cannot find -l", "library not loaded"];
    MissingHeader, "missing required header", ["missing header", "missing required header", "header required", "header is required", "requires header", "requires the header", "header missing"];
    MissingField, "missing required field", ["missing field", "missing required field", "field required", "field is required", "required property", "requires field", "requires the field", "missing property"];
    MissingArgument, "missing argument", ["missing argument", "missing required argument", "missing required option", "missing required flag", "the following arguments are required", "required arguments were not provided", "missing operand", "requires an argument", "missing mandatory", "flag is required", "option is required", "expected one argument"];
    UnknownOption, "unknown option", ["unknown option", "unrecognized option", "unrecognized argument", "invalid option", "illegal option", "unexpected argument", "no such option", "unknown flag", "flag provided but not defined", "renamed option", "option was renamed", "option renamed"];
    BadArgument, "bad argument", ["invalid argument", "invalid value", "invalid choice", "bad argument", "illegal argument", "must be one of", "not a valid", "argument error", "valueerror", "usage:"];
    ConnectionRefused, "connection refused", ["connection refused", "econnrefused", "could not connect", "couldn't connect", "failed to connect"];
    ConnectionReset, "connection reset", ["connection reset", "econnreset", "broken pipe", "connection aborted", "empty reply from server", "remote end closed"];
    NameResolution, "host name not resolved", ["could not resolve host", "name or service not known", "enotfound", "temporary failure in name resolution", "nodename nor servname", "no such host"];
    NetworkUnreachable, "network unreachable", ["network is unreachable", "no route to host", "enetunreach", "host unreachable"];
    Tls, "TLS or certificate error", ["certificate verify failed", "ssl certificate problem", "self-signed certificate", "self signed certificate", "tls handshake", "sslerror", "certificate has expired", "certificate expired"];
    TooManyRequests, "rate limited", ["429 too many requests", "rate limit", "too many requests", "quota exceeded", "throttl"];
    Timeout, "timeout", ["timed out", "timeout", "etimedout", "deadline exceeded"];
    Unauthorized, "not authenticated", ["401 unauthorized", "unauthorized", "authentication failed", "authentication required", "invalid credentials", "not logged in", "bad credentials"];
    Forbidden, "forbidden", ["403 forbidden", "forbidden", "access denied", "not authorized"];
    PermissionDenied, "permission denied", ["permission denied", "eacces", "operation not permitted", "must be root"];
    Locked, "locked by another", ["resource temporarily unavailable", "could not get lock", "unable to lock", "unable to acquire lock", "is locked", "lock file", "lockfile", "lock is held", "locked by", "database is locked", "already running", "409 lock", "text file busy", "device or resource busy"];
    OrderViolated, "a step must come first", ["must be run first", "must run first", "run first", "not initialized", "not initialised", "before running", "step out of order", "must be called before", "prerequisite", "has not been", "no open session"];
    AlreadyExists, "already exists", ["already exists", "file exists", "eexist", "duplicate key", "duplicate entry"];
    AddressInUse, "address in use", ["address already in use", "eaddrinuse", "port is already allocated"];
    IsDirectory, "is a directory", ["is a directory", "eisdir"];
    NotDirectory, "not a directory", ["not a directory", "enotdir"];
    FileNotFound, "no such file", ["no such file or directory", "enoent", "filenotfounderror", "cannot find the file", "file not found", "cannot open"];
    MethodNotAllowed, "method not allowed", ["405 method not allowed", "method not allowed"];
    NotAcceptable, "format not accepted", ["406 not acceptable", "not acceptable", "415 unsupported media type", "unsupported media type", "unsupported content type"];
    NotFound, "not found", ["404 not found", "not found", "does not exist", "no match", "unknown resource", "nothing here"];
    Gone, "moved or gone", ["410 gone", "has moved", "moved permanently", "no longer available", "deprecated and removed"];
    Conflict, "conflict", ["409 conflict", "merge conflict", "version conflict"];
    Encoding, "wrong encoding", ["codec can't decode", "invalid utf-8", "unicodedecodeerror", "illegal byte sequence", "invalid byte"];
    ParseError, "parse error", ["parse error", "parsing error", "failed to parse", "cannot parse", "syntax error", "syntaxerror", "unexpected token", "unexpected end of", "invalid json", "jsondecodeerror", "malformed", "unterminated"];
    TypeError, "type error", ["typeerror", "mismatched types", "type mismatch", "is not a function", "has no attribute", "attributeerror"];
    ChecksumMismatch, "checksum mismatch", ["checksum mismatch", "hash mismatch", "integrity check", "bad checksum", "digest mismatch"];
    ValidationFailed, "validation failed", ["validation failed", "validation error", "422 unprocessable", "unprocessable", "does not match the schema", "schema violation", "invalid format", "wrong format", "check failed", "wrong unit", "invalid record"];
    VersionMismatch, "version mismatch", ["version mismatch", "incompatible version", "requires version", "unsupported version", "requires python", "version conflict"];
    DependencyConflict, "dependency conflict", ["dependency conflict", "unable to resolve dependency", "eresolve", "conflicting requirements", "resolutionimpossible"];
    AssertionFailed, "assertion or test failed", ["assertionerror", "assertion failed", "test failed", "tests failed", "panicked at", "failures:"];
    OutOfMemory, "out of memory", ["out of memory", "cannot allocate memory", "enomem", "memoryerror", "oom-kill"];
    DiskFull, "disk full", ["no space left on device", "enospc", "disk quota exceeded"];
    Crashed, "crashed", ["segmentation fault", "core dumped", "illegal instruction", "bus error"];
    BadRequest, "HTTP status 4xx", ["400 bad request", "bad request"];
    ServerError, "HTTP status 5xx", ["500 internal server error", "internal server error", "502 bad gateway", "bad gateway", "503 service unavailable", "service unavailable", "504 gateway"];
    Interrupted, "interrupted", ["interrupted", "terminated", "killed"];
    UnknownSubcommand, "unknown sub-command", [];
    MissingScript, "no such script or target", [];
    UnknownField, "unknown field", [];
    UnknownName, "unknown name", [];
    UnknownType, "unknown type of file", [];
    NotAProject, "not in a project or repository", [];
    NotConfigured, "not configured", [];
    MissingComponent, "missing component", [];
    ServiceDown, "the service does not run", [];
    Sandboxed, "refused by the sandbox", [];
    ExternallyManaged, "the environment is managed by the system", [];
    OutdatedLock, "the lock file is out of date", [];
    Rejected, "rejected by the other side", [];
    DirtyTree, "uncommitted changes are in the way", [];
    Ignored, "ignored by a rule", [];
    NotEmpty, "not empty", [];
    TextNotFound, "the text to change was not found", [];
    AmbiguousText, "the text to change stands there several times", [];
    Stale, "changed since it was read", [];
    NothingToDo, "nothing to do", [];
    TooLarge, "too large", [];
    WrongModuleKind, "wrong kind of module", [];
    CompileError, "compile error", [];
    Unsupported, "not supported here", [];
    ExitStatus, "non-zero exit status", [];
    Other, "a failure", [];
}

static HTTP_STATUS: LazyLock<Regex> = LazyLock::new(|| {
    // SAFETY: a constant pattern, compiled by the tests.
    #[allow(clippy::expect_used)]
    Regex::new(r"(?:\bhttp(?:/[0-9.]+)?[ :]+(?:status[ :]+|error[ :]+)?|\bstatus(?: code)?[ :=]+|returned error: )([45]\d\d)\b")
        .expect("constant pattern")
});

/// Most bytes of a call's output that are looked at, from its end: errors stand last.
pub const MAX_OUTPUT_BYTES: usize = 8 << 10;

impl ErrorClass {
    /// The class of a failing call's output and exit status. Never [`Self::None`].
    #[must_use]
    pub fn recognise(output: &str, exit: Option<i32>) -> Self {
        Self::recognise_within(output, exit, &Steps::unbounded())
    }

    /// As [`Self::recognise`], and counts its steps.
    pub(super) fn recognise_within(output: &str, exit: Option<i32>, steps: &Steps) -> Self {
        let mut from = output.len().saturating_sub(MAX_OUTPUT_BYTES);
        while !output.is_char_boundary(from) {
            from += 1;
        }
        let mut text = output[from..].to_lowercase();
        text.push('\n');
        let shows = |class: &&Self| {
            class.phrases().iter().any(|phrase| {
                // A search for a fixed text looks at several bytes at once.
                steps.take(text.len() / 8 + 1);
                text.contains(phrase)
            })
        };
        if let Some(class) = Self::ALL.iter().find(shows) {
            return *class;
        }
        steps.take_regex(text.len(), 1);
        let status = HTTP_STATUS.captures(&text).and_then(|found| found[1].parse::<u16>().ok());
        match (status, exit) {
            (Some(401), _) => Self::Unauthorized,
            (Some(403), _) => Self::Forbidden,
            (Some(404), _) => Self::NotFound,
            (Some(405), _) => Self::MethodNotAllowed,
            (Some(406 | 415), _) => Self::NotAcceptable,
            (Some(408 | 504), _) => Self::Timeout,
            (Some(409), _) => Self::Conflict,
            (Some(410), _) => Self::Gone,
            (Some(422), _) => Self::ValidationFailed,
            (Some(423), _) => Self::Locked,
            (Some(428), _) => Self::OrderViolated,
            (Some(429), _) => Self::TooManyRequests,
            (Some(500..), _) => Self::ServerError,
            (Some(_), _) => Self::BadRequest,
            (None, Some(124)) => Self::Timeout,
            (None, Some(126)) => Self::PermissionDenied,
            (None, Some(127)) => Self::CommandNotFound,
            (None, Some(130 | 143)) => Self::Interrupted,
            (None, Some(137)) => Self::OutOfMemory,
            (None, Some(132 | 134 | 136 | 139)) => Self::Crashed,
            (None, Some(code)) if code != 0 => Self::ExitStatus,
            (None, _) => Self::Other,
        }
    }
}

impl std::fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.words())
    }
}
