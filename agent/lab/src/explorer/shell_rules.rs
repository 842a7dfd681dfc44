//! Repairs that have to do with how a command is run: its variables, its directory, its exit status,
//! how much it is given at once.

use super::candidate::Candidate;
use super::http_rules::ANY_VALUE;
use super::rules::{Look, Situation, patterns};

patterns! {
    UNSET_VARIABLE = concat!(
        r"\bvariable '?([A-Z][A-Z0-9_]*)'? (?:is|was|must|has|needs)\b",
        r"|\b(?:[Ss]et|[Ee]xport|[Dd]efine|[Nn]o) (?:the )?(?:environment )?variable '?([A-Z][A-Z0-9_]*)",
    );
    RUN_IN = concat!(
        r"(?i)\b(?:run|runs|start|starts|called|works?|used?)\b[^\n]*?\b(?:in|from|inside)(?: the)? ",
        r"directory '?([\w.-]+(?:/[\w.-]+)*)",
    );
    RELATIVE_OUT = r"(-o|>) ([\w.][\w./-]*)";
    EXIT_MEANS = r"(?i)\bexit (?:status|code) (\d+) (?:means|is|stands for) [^\n]*\b(?:success|done)\b";
    BATCHES_OF = r"(?i)\b(?:batches|groups|lots|packs) of (\d+)\b";
}

/// A variable is wanted: set it for this command.
pub(super) fn unset_variable(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = UNSET_VARIABLE.find(s.output) else {
        return Vec::new();
    };
    let name = found.get(1).or_else(|| found.get(2)).map_or("", |name| name.as_str());
    if s.command.contains(&format!("{name}=")) {
        return Vec::new();
    }
    vec![Candidate::new(format!("{name}={ANY_VALUE} {}", s.command))]
}

/// Another directory is wanted: go there, and let the result lie where it was asked for.
pub(super) fn other_directory(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = RUN_IN.find(s.output) else {
        return Vec::new();
    };
    let directory = &found[1];
    if s.command.contains(&format!("cd {directory} ")) {
        return Vec::new();
    }
    let back = RELATIVE_OUT.replace(s.command, r#"$1 "$$OLDPWD/$2""#);
    vec![Candidate::new(format!("cd {directory} && {back}"))]
}

/// An exit status other than 0 that means success: continue after that one.
pub(super) fn exit_status(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = EXIT_MEANS.find(s.output) else {
        return Vec::new();
    };
    let Some((first, rest)) = s.command.split_once(" && ") else {
        return Vec::new();
    };
    vec![Candidate::new(format!("{first}; [ $? -eq {} ] && {rest}", &found[1]))]
}

/// So many at once: xargs can do that.
pub(super) fn batches(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = BATCHES_OF.find(s.output) else {
        return Vec::new();
    };
    if !s.command.contains("xargs ") || s.command.contains("xargs -n") {
        return Vec::new();
    }
    vec![Candidate::new(s.command.replacen("xargs ", &format!("xargs -n {} ", &found[1]), 1))]
}
