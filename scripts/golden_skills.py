#!/usr/bin/env python3
"""Asks the reference validator of Agent Skills about many SKILL.md texts and writes down what it said.

The result, protocol/src/skill/golden/skills_ref.json, is committed; the Rust tests read it and need no
Python. To make it again, from the root of the repository, with the validator on PATH:

    python3 -m venv VENV && VENV/bin/pip install skills-ref==0.1.1
    PATH=VENV/bin:$PATH python3 scripts/golden_skills.py
"""

import datetime
import json
import pathlib
import shutil
import subprocess
import tempfile

VERSION = "0.1.1"
ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "protocol/src/skill/golden/skills_ref.json"

GOOD = "name: good\ndescription: Does things."


def md(frontmatter, body="# Good\n"):
    return f"---\n{frontmatter}\n---\n{body}"


def named(name):
    return md(f"name: {name}\ndescription: d")


# (case, directory, text); where a text is bytes it is not UTF-8.
CASES = [
    ("minimal", "good", md(GOOD)),
    ("no body", "good", "---\n" + GOOD + "\n---\n"),
    ("no line feed at the end", "good", "---\n" + GOOD + "\n---"),
    ("empty file", "good", ""),
    ("no frontmatter", "good", "# Good\n"),
    ("not closed", "good", "---\n" + GOOD + "\n"),
    ("blank line first", "good", "\n" + md(GOOD)),
    ("byte order mark", "good", "\ufeff" + md(GOOD)),
    ("carriage returns", "good", md(GOOD).replace("\n", "\r\n")),
    ("lone carriage returns", "good", md(GOOD).replace("\n", "\r")),
    ("not UTF-8", "good", md(GOOD).encode() + b"\xff\xfe"),
    ("empty frontmatter", "good", "---\n---\nbody\n"),
    ("frontmatter is a text", "good", md("just words")),
    ("frontmatter is a list", "good", md("- name: good\n- description: d")),
    ("comments", "good", md("# about\n" + GOOD + " # trailing")),
    ("blank lines", "good", md("\n" + GOOD + "\n\n")),
    ("fence with spaces after", "good", "---  \n" + GOOD + "\n---  \nbody\n"),
    ("fence with a word after", "good", "--- x\n" + GOOD + "\n---\nbody\n"),
    ("key on the opening line", "good", "---name: good\ndescription: d\n---\n"),
    ("closed in the middle of a line", "good", "---\n" + GOOD + " --- body\n"),
    ("hyphens in the description", "good", md("name: good\ndescription: before --- after")),
    ("hyphens in a quoted description", "good", md('name: good\ndescription: "before --- after"')),
    ("hyphens in the body", "good", md(GOOD, "a\n---\nb\n")),
    # Names.
    ("no name", "good", md("description: d")),
    ("empty name", "good", named("")),
    ("blank name", "good", named('"  "')),
    ("spaces around the name", "good", named('"  good "')),
    ("upper case", "Good", named("Good")),
    ("digits", "a1-2b", named("a1-2b")),
    ("only digits", "123", named("123")),
    ("exponent", "1e3", named("1e3")),
    ("null", "null", named("null")),
    ("hyphen first", "-good", named('"-good"')),
    ("hyphen last", "good-", named("good-")),
    ("two hyphens", "go--od", named("go--od")),
    ("underscore", "go_od", named("go_od")),
    ("space", "go od", named("go od")),
    ("dot", "go.od", named("go.od")),
    ("slash", "od", named("go/od")),
    ("64 characters", "a" * 64, named("a" * 64)),
    ("65 characters", "a" * 65, named("a" * 65)),
    ("64 characters of two bytes", "é" * 64, named("é" * 64)),
    ("other directory", "other", md(GOOD)),
    ("cyrillic", "навык", named("навык")),
    ("cyrillic upper case", "Навык", named("Навык")),
    ("chinese", "技能", named("技能")),
    ("full width letters", "good", named("ｇｏｏｄ")),
    ("ligature", "office", named("oﬃce")),
    ("decomposed accent", "café", named("cafe\u0301")),
    ("decomposed directory", "cafe\u0301", named("café")),
    ("accent that does not compose", "q\u0301", named("q\u0301")),
    ("devanagari with vowel signs", "हिन्दी", named("हिन्दी")),
    ("thai with marks", "ที่", named("ที่")),
    ("arabic", "مهارة", named("مهارة")),
    ("circled letter", "ⓐ", named("ⓐ")),
    ("negative circled letter", "🅐", named("🅐")),
    ("superscript two", "x2", named("x²")),
    ("roman numeral", "ⅳ", named("ⅳ")),
    ("letter number without decomposition", "ↀ", named("ↀ")),
    ("small letter number", "ↄ", named("ↄ")),
    ("fraction", "½", named("½")),
    ("dingbat digit", "❶", named("❶")),
    ("sharp s", "straße", named("straße")),
    ("dotted capital i", "İ", named("İ")),
    ("title case letter", "ǅ", named("ǅ")),
    ("modifier letter", "ʰ", named("ʰ")),
    ("modifier without decomposition", "ʻ", named("ʻ")),
    ("emoji", "😀", named("😀")),
    ("zero width joiner", "a\u200db", named("a\u200db")),
    ("tibetan digit half", "༪", named("༪")),
    ("name is a list", "good", md("name:\n  - good\ndescription: d")),
    ("name is a mapping", "good", md("name:\n  a: b\ndescription: d")),
    # Descriptions.
    ("no description", "good", md("name: good")),
    ("empty description", "good", md("name: good\ndescription:")),
    ("blank description", "good", md('name: good\ndescription: "  "')),
    ("1024 characters", "good", md("name: good\ndescription: " + "d" * 1024)),
    ("1025 characters", "good", md("name: good\ndescription: " + "d" * 1025)),
    ("1024 of four bytes", "good", md("name: good\ndescription: " + "😀" * 1024)),
    ("1025 with spaces around", "good", md('name: good\ndescription: " ' + "d" * 1024 + '"')),
    ("literal block", "good", md("name: good\ndescription: |\n  one\n  two")),
    ("folded block", "good", md("name: good\ndescription: >-\n  one\n  two")),
    ("continued plain", "good", md("name: good\ndescription: one\n  two\n  three")),
    ("single quotes", "good", md("name: good\ndescription: 'it''s: fine # really'")),
    ("double quotes", "good", md('name: good\ndescription: "a \\"b\\" \\n \\u00e9 \\x2d"')),
    ("unknown escape", "good", md('name: good\ndescription: "a \\q"')),
    ("quote not closed", "good", md('name: good\ndescription: "a')),
    ("colon in plain text", "good", md("name: good\ndescription: Use when: always")),
    ("colon at the end", "good", md("name: good\ndescription: Use when:")),
    ("colon without a space", "good", md("name: good\ndescription: see http://localhost:80")),
    ("number", "good", md("name: good\ndescription: 12")),
    ("boolean", "good", md("name: good\ndescription: true")),
    ("tilde", "good", md("name: good\ndescription: ~")),
    ("date", "good", md("name: good\ndescription: 2024-01-02")),
    ("description is a list", "good", md("name: good\ndescription:\n  - d")),
    ("begins with an at sign", "good", md("name: good\ndescription: @you")),
    ("begins with a backtick", "good", md("name: good\ndescription: `you`")),
    ("begins with a percent sign", "good", md("name: good\ndescription: %you")),
    ("tab within", "good", md("name: good\ndescription: a\tb")),
    ("tab before", "good", md("name: good\ndescription:\tb")),
    ("tab as indentation", "good", md(GOOD + "\nmetadata:\n\ta: b")),
    ("bell", "good", md("name: good\ndescription: a\x07b")),
    ("next line character", "good", md("name: good\ndescription: a\x85b")),
    ("line separator", "good", md("name: good\ndescription: a\u2028b")),
    # Other keys.
    ("unknown key", "good", md(GOOD + "\nversion: 1.0")),
    ("key in upper case", "good", md("Name: good\ndescription: d")),
    ("all keys", "good", md(GOOD + "\nlicense: MIT\ncompatibility: curl\nallowed-tools: Read Bash(git:*)\nmetadata:\n  a: b\n  c: d")),
    ("empty license", "good", md(GOOD + "\nlicense:")),
    ("license is a list", "good", md(GOOD + "\nlicense:\n  - MIT")),
    ("compatibility of 500", "good", md(GOOD + "\ncompatibility: " + "c" * 500)),
    ("compatibility of 501", "good", md(GOOD + "\ncompatibility: " + "c" * 501)),
    ("empty compatibility", "good", md(GOOD + "\ncompatibility:")),
    ("compatibility is a list", "good", md(GOOD + "\ncompatibility:\n  - c")),
    ("allowed-tools is a list", "good", md(GOOD + "\nallowed-tools:\n  - Read")),
    ("allowed-tools with commas", "good", md(GOOD + "\nallowed-tools: Read, Write")),
    ("metadata with numbers", "good", md(GOOD + "\nmetadata:\n  version: 1.0\n  stable: true")),
    ("metadata is a text", "good", md(GOOD + "\nmetadata: x")),
    ("metadata is empty", "good", md(GOOD + "\nmetadata:")),
    ("metadata is a list", "good", md(GOOD + "\nmetadata:\n  - a")),
    ("nested metadata", "good", md(GOOD + "\nmetadata:\n  a:\n    b: c")),
    ("list in metadata", "good", md(GOOD + "\nmetadata:\n  a:\n    - b")),
    ("quoted keys", "good", md('"name": good\n"description": d')),
    ("keys in metadata quoted", "good", md(GOOD + '\nmetadata:\n  "a b": "c"')),
    # YAML that strict readers refuse.
    ("flow mapping", "good", md(GOOD + "\nmetadata: {a: b}")),
    ("flow sequence", "good", md(GOOD + "\nallowed-tools: [Read, Write]")),
    ("all in braces", "good", md("{name: good, description: d}")),
    ("anchor", "good", md("name: &n good\ndescription: d")),
    ("anchor and alias", "good", md("name: &n good\ndescription: *n")),
    ("alias of nothing", "good", md("name: good\ndescription: *n")),
    ("tag", "good", md("name: !!str good\ndescription: d")),
    ("own tag", "good", md("name: !own good\ndescription: d")),
    ("merge key", "good", md(GOOD + "\nmetadata:\n  <<: x")),
    ("duplicate key", "good", md(GOOD + "\ndescription: again")),
    ("duplicate key in metadata", "good", md(GOOD + "\nmetadata:\n  a: b\n  a: c")),
    ("explicit key", "good", md("? name\n: good\n? description\n: d")),
    ("document end", "good", md(GOOD + "\n...")),
    ("text after document end", "good", md(GOOD + "\n...\nmore: x")),
    ("directive", "good", md("%YAML 1.2\n" + GOOD)),
    ("uneven indentation", "good", md(GOOD + "\nmetadata:\n  a: b\n   c: d")),
    ("indented frontmatter", "good", md("  name: good\n  description: d")),
    ("no space after the colon", "good", md("name:good\ndescription: d")),
    ("space before the colon", "good", md("name : good\ndescription : d")),
    ("key without colon", "good", md("name: good\ndescription: d\nlicense")),
    ("nested mappings of two depths", "good", md(GOOD + "\nmetadata:\n  a: b\nlicense:\n    c: d")),
]

# Fields that the strict writer must write so that the reference validator accepts them.
WRITTEN = [
    {"description": "Plain words."},
    {"description": 'Use when: "quotes" and \'single\' ones'},
    {"description": "before --- after ---- and -----"},
    {"description": "backslash \\ and \\n that is no line feed"},
    {"description": "two\nlines"},
    {"description": "\ttabs\tinside\t"},
    {"description": "# no comment"},
    {"description": "{braces} [brackets] & * ! | > % @ `"},
    {"description": "true"},
    {"description": "null"},
    {"description": "1e3"},
    {"description": "- a list?"},
    {"description": "ünïcödé 技能 😀 \u2028 \ufeff"},
    {"description": "d" * 1024},
    {"description": "trailing colon:"},
    {"description": "d", "license": "Apache-2.0 OR MIT", "compatibility": "needs: curl"},
    {"description": "d", "compatibility": "c" * 500},
    {"description": "d", "allowed_tools": ["Bash(git:*)", "Read", "*"]},
    {"description": "d", "metadata": {"lore-skill": "0" * 64, "a key": "a: value", "#": "---", "-": "", "n": "1.0"}},
    {"description": "d", "metadata": {"k" * 128: "v" * 3000}, "body": "---\n\ntext\n---\nmore\n"},
]


def ask(directory, text):
    """The validator's verdict: accepted, rejected or crashed, and its last line."""
    with tempfile.TemporaryDirectory() as scratch:
        skill = pathlib.Path(scratch) / directory
        skill.mkdir()
        data = text if isinstance(text, bytes) else text.encode()
        (skill / "SKILL.md").write_bytes(data)
        run = subprocess.run(["agentskills", "validate", str(skill)], capture_output=True, text=True)
        said = (run.stdout + run.stderr).replace(scratch, "")
    if run.returncode == 0:
        return "accepted", ""
    if "Traceback" in said:
        return "crashed", said.strip().splitlines()[-1]
    lines = [line.strip() for line in said.strip().splitlines()]
    return "rejected", " ".join(lines[1:])[:200]


def main():
    version = installed_version()
    assert version == VERSION, f"skills-ref {VERSION} is needed, found {version}"
    cases = []
    for case, directory, text in CASES:
        verdict, said = ask(directory, text)
        entry = {"case": case, "directory": directory, "verdict": verdict, "said": said}
        if isinstance(text, bytes):
            entry["hex"] = text.hex()
        else:
            entry["text"] = text
        cases.append(entry)
    fields = []
    for index, entry in enumerate(WRITTEN):
        fields.append({"name": f"written-{index}", "body": "# Title\n\nText.\n", **entry})
    command = ["cargo", "run", "--quiet", "-p", "lore-protocol", "--example", "write_skills"]
    run = subprocess.run(command, cwd=ROOT, input=json.dumps(fields), capture_output=True, text=True, check=True)
    written = []
    for entry, text in zip(fields, json.loads(run.stdout), strict=True):
        verdict, said = ask(entry["name"], text)
        written.append({"fields": entry, "text": text, "verdict": verdict, "said": said})
    golden = {
        "oracle": f"skills-ref {VERSION}",
        "date": datetime.date.today().isoformat(),
        "cases": cases,
        "written": written,
    }
    TARGET.write_text(json.dumps(golden, indent=1, ensure_ascii=True) + "\n")
    refused = [entry["fields"]["name"] for entry in written if entry["verdict"] != "accepted"]
    print(f"{len(cases)} cases, {len(written)} written skills, refused among them: {refused}")


def installed_version():
    """The version of the validator on PATH, which may belong to another interpreter than this one."""
    script = shutil.which("agentskills")
    assert script, "agentskills is not on PATH: pip install skills-ref==" + VERSION
    interpreter = pathlib.Path(script).read_text().splitlines()[0].removeprefix("#!")
    code = "import importlib.metadata as m; print(m.version('skills-ref'))"
    return subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
