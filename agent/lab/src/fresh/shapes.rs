//! The shapes of fresh families: the parts of its files. `@W1@` to `@W9@` are made-up names.

/// One kind of quirk.
pub(super) struct Shape {
    /// The command that a handbook gives.
    pub(super) documented: &'static str,
    /// Added to each prompt.
    pub(super) more: &'static str,
    /// Lines of `[values]` and of `[quirk]`.
    pub(super) values: &'static str,
    pub(super) quirk: &'static str,
    /// Commands of `setup`, in sh.
    pub(super) setup: &'static str,
    /// Parts of the tool, in sh: lines of its help, branches for its options, what it refuses.
    pub(super) help: &'static str,
    pub(super) options: &'static str,
    pub(super) guard: &'static str,
    /// Ways to refuse, `@REFUSAL@` in the guard.
    pub(super) refusals: &'static [&'static str],
    /// Ways to list values, `@LISTING@`.
    pub(super) listings: &'static [&'static str],
}

const PLAIN: Shape = Shape {
    documented: "@TOOL@ @VERB@ {id} -o {out}",
    more: "",
    values: "",
    quirk: "",
    setup: ":",
    help: "",
    options: "",
    guard: "",
    refusals: &[""],
    listings: &[""],
};

const THREE_NAMES: &str = r#"right = { kind = "choice", of = ["@W4@", "@W5@"] }
other = { kind = "choice", of = ["@W6@", "@W7@"] }
another = { kind = "choice", of = ["@W8@", "@W9@"] }"#;

const STEP_HELP: &str = r#"        for name in "$LAB_QUIRK_RIGHT" "$LAB_QUIRK_OTHER" "$LAB_QUIRK_ANOTHER"; do
            echo "  $name ID"
        done | sort"#;
const OPTION_HELP: &str = r#"        for name in "$LAB_QUIRK_RIGHT" "$LAB_QUIRK_OTHER" "$LAB_QUIRK_ANOTHER"; do
            echo "  --$name"
        done | sort"#;

pub(super) const SHAPES: [Shape; 7] = [
    // An option that must be given.
    Shape {
        quirk: concat!(
            "option = { kind = \"choice\", of = [\"@W1@\", \"@W2@\", \"@W3@\"] }\n",
            "right = { kind = \"choice\", of = [\"@W4@\", \"@W5@\"] }\n",
            "other = { kind = \"choice\", of = [\"@W6@\", \"@W7@\"] }",
        ),
        help: concat!(
            "        names=$(printf '%s\\n' \"$LAB_QUIRK_RIGHT\" \"$LAB_QUIRK_OTHER\" | sort | paste -s -d@LISTING@)\n",
            "        echo \"  --$LAB_QUIRK_OPTION {$names}\""
        ),
        options: "    \"--$LAB_QUIRK_OPTION\") given=${2-} && shift ;;",
        guard: concat!(
            "[ -n \"$given\" ] || say \"@REFUSAL@\"\n",
            "[ \"$given\" = \"$LAB_QUIRK_RIGHT\" ] || say \"$given is closed today\"",
        ),
        refusals: &[
            "--$LAB_QUIRK_OPTION is required; try @TOOL@ --help",
            "cannot go on without --$LAB_QUIRK_OPTION; try @TOOL@ --help",
            "--$LAB_QUIRK_OPTION must be given, @TOOL@ --help says how",
        ],
        listings: &["'|'", ","],
        ..PLAIN
    },
    // A variable that must be set.
    Shape {
        quirk: THREE_NAMES,
        guard: concat!(
            "name=$(echo @W1@_@W2@ | tr a-z A-Z)\n",
            "eval \"given=\\${$name-}\"\n",
            "[ -n \"$given\" ] || say \"@REFUSAL@\"\n",
            "[ \"$given\" != \"$LAB_QUIRK_RIGHT\" ] || given=\n",
            "for known in \"$LAB_QUIRK_OTHER\" \"$LAB_QUIRK_ANOTHER\"; do\n",
            "    [ \"$given\" != \"$known\" ] || say \"$known is closed today\"\n",
            "done\n",
            "names=$(printf '%s\\n' \"$LAB_QUIRK_RIGHT\" \"$LAB_QUIRK_OTHER\" \"$LAB_QUIRK_ANOTHER\" | sort)\n",
            "[ -z \"$given\" ] || say \"'$given' is not known here, @LISTING@ $(echo $names | sed 's/ /, /g')\"",
        ),
        refusals: &[
            "the variable $name must be set",
            "variable $name is missing",
            "set the environment variable $name before",
        ],
        listings: &["there are:", "choose from", "one of:"],
        ..PLAIN
    },
    // A directory to work in.
    Shape {
        quirk: r#"place = { kind = "choice", of = ["@W1@/@W2@", "@W3@/@W4@", "@W5@", "@W6@/@W7@/@W8@"] }"#,
        setup: "mkdir -p \"$LAB_QUIRK_PLACE\"",
        guard: concat!(
            "case $PWD in\n",
            "*/\"$LAB_QUIRK_PLACE\") ;;\n",
            "*) say \"@REFUSAL@\" ;;\n",
            "esac",
        ),
        refusals: &[
            "works in the directory $LAB_QUIRK_PLACE only",
            "start me from the directory $LAB_QUIRK_PLACE",
            "is to be used inside the directory $LAB_QUIRK_PLACE",
        ],
        ..PLAIN
    },
    // A number with a remainder.
    Shape {
        documented: "@TOOL@ @VERB@ {id} --@W1@ {n} -o {out}",
        more: " It counts {n}.",
        values: "n = { kind = \"integer\", from = 10001, to = 99999 }\n",
        quirk: concat!(
            "divisor = { kind = \"integer\", from = 12, to = 998 }\n",
            "mark = { kind = \"choice\", of = [\"dash\", \"dot\", \"slash\", \"colon\"] }",
        ),
        setup: "echo \"$LAB_VALUE_N\" > \"$LAB_VALUE_ID.count\"",
        options: "    --@W1@) given=${2-} && shift ;;",
        guard: concat!(
            "case $LAB_QUIRK_MARK in dash) mark=- ;; dot) mark=. ;; slash) mark=/ ;; *) mark=: ;; esac\n",
            "n=$(cat \"$id.count\")\n",
            "[ \"$given\" = \"$n$mark$((n % LAB_QUIRK_DIVISOR))\" ] || say \"--@W1@ '$given' @REFUSAL@: \
             it is followed by a $LAB_QUIRK_MARK and its remainder by $LAB_QUIRK_DIVISOR\"",
        ),
        refusals: &["rejected", "was refused", "is not accepted"],
        ..PLAIN
    },
    // A lock that nobody holds.
    Shape {
        quirk: r#"place = { kind = "choice", of = ["@W1@/@W2@", "@W3@/@W4@", "@W5@/@W6@", "@W7@/@W8@"] }"#,
        setup: "mkdir -p \"${LAB_QUIRK_PLACE%/*}\"\necho nobody > \"$LAB_QUIRK_PLACE\"",
        guard: "[ ! -e \"$LAB_QUIRK_PLACE\" ] || say \"@REFUSAL@\"",
        refusals: &[
            "somebody who is gone left the lock at $LAB_QUIRK_PLACE",
            "found a lock of nobody: $LAB_QUIRK_PLACE",
        ],
        ..PLAIN
    },
    // A step that must come before.
    Shape {
        quirk: THREE_NAMES,
        help: STEP_HELP,
        guard: concat!(
            "mark=\"@STORE@-$id\"\n",
            "if [ \"$verb\" = \"$LAB_QUIRK_RIGHT\" ]; then\n",
            "    echo ready > \"$mark\"\n",
            "    exit 0\n",
            "fi\n",
            "[ \"$verb\" != @VERB@ ] || [ -e \"$mark\" ] || say \"@REFUSAL@\"",
        ),
        refusals: &[
            "$id wants another step before (@TOOL@ --help)",
            "first comes a step that was left out, see @TOOL@ --help",
        ],
        ..PLAIN
    },
    // A rehearsal unless it is meant.
    Shape {
        quirk: THREE_NAMES,
        help: OPTION_HELP,
        options: concat!(
            "    \"--$LAB_QUIRK_RIGHT\") sure=yes ;;\n",
            "    \"--$LAB_QUIRK_OTHER\" | \"--$LAB_QUIRK_ANOTHER\") say \"$1 is closed today\" ;;",
        ),
        guard: concat!(
            "if [ -z \"$sure\" ]; then\n",
            "    echo \"@REFUSAL@\"\n",
            "    exit 0\n",
            "fi",
        ),
        refusals: &[
            "this was a rehearsal; @TOOL@ --help tells more",
            "only simulated, see @TOOL@ --help",
            "that was a preview (@TOOL@ --help)",
        ],
        ..PLAIN
    },
];
