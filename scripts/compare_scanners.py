#!/usr/bin/env python3
"""Compare the content scan of the shelf with PyPI `cisco-ai-skill-scanner` on this repository's fixtures.

    scripts/compare_scanners.py SKILL_SCANNER    path of the program `skill-scanner`

Install it first, into a place of its own:

    python3 -m venv DIR && DIR/bin/pip install cisco-ai-skill-scanner

Two groups of fixtures: those that the patterns were written with, and `unseen`, which were written afterwards and to which
no pattern was fitted. A skill counts as found when a scanner has a finding; of the other scanner, one of severity LOW or
more, and of MEDIUM or more. It runs without a model and without its services. Prints a table in Markdown.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "node/engine/fixtures/scan"
GROUPS = {"written with": FIXTURES, "unseen": FIXTURES / "unseen"}
SEVERITIES = ["INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"]


def found_by_ours(directory):
    """Names of the skills below a directory in which our scan finds something."""
    command = ["cargo", "run", "--quiet", "--locked", "-p", "lore-engine", "--example", "scan", "--", directory]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    lines = (line.split("\t") for line in out.splitlines())
    return {name for name, kinds in lines if kinds}


def severities(program, directory):
    """The highest severity that the other scanner gives each skill below a directory."""
    found = {}
    for skill in sorted(directory.iterdir()):
        command = [program, "scan", skill, "--format", "json", "--compact"]
        out = subprocess.run(command, capture_output=True, text=True).stdout
        findings = json.loads(out)["findings"]
        ranks = [SEVERITIES.index(one["severity"]) for one in findings if one["severity"] in SEVERITIES]
        found[skill.name] = max(ranks, default=0)
    return found


def row(group, scanner, bad_found, bad, good_found, good):
    """One line of the table."""
    flagged = bad_found + good_found
    precision = f"{bad_found / flagged:.2f}" if flagged else "-"
    return (
        f"| {group} | {scanner} | {bad_found} of {bad} | {good_found} of {good} | {precision} | "
        f"{bad_found / bad:.2f} |"
    )


def main():
    """Prints the table."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print("| fixtures | scanner | bad found | good found | precision | recall |")
    print("|---|---|---|---|---|---|")
    for group, root in GROUPS.items():
        bad, good = (root / "bad", root / "good")
        bads, goods = (len(list(one.iterdir())) for one in (bad, good))
        ours = [found_by_ours(one) for one in (bad, good)]
        print(row(group, "ours", len(ours[0]), bads, len(ours[1]), goods))
        theirs = [severities(sys.argv[1], one) for one in (bad, good)]
        for least in ("LOW", "MEDIUM"):
            rank = SEVERITIES.index(least)
            counts = [sum(one >= rank for one in part.values()) for part in theirs]
            scanner = f"cisco-ai-skill-scanner, {least} or more"
            print(row(group, scanner, counts[0], bads, counts[1], goods))
        missed = sorted({one.name for one in bad.iterdir()} - ours[0])
        print(f"ours missed in `{group}`: {', '.join(missed) or 'none'}; good found: {sorted(ours[1])}", file=sys.stderr)


if __name__ == "__main__":
    main()
