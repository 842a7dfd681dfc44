#!/usr/bin/env python3
"""Records what real tools print when they fail, and what then works.

`scripts/corpus/PROGRAM.txt` holds the scenarios, written by hand: how to set up, the command that fails, the one that
then works, and what a knowledgeable person says that this teaches. This script runs them in fresh directories and
writes `protocol/lessons/data/corpus/PROGRAM.jsonl`, and `protocol/lessons/data/codebook.toml` from the scenarios that
have a text. A scenario whose failing command does not fail, or whose working command does not work, is refused.

The tools must be on the PATH (`--path DIR` adds directories). Scenarios run without a network unless they say `net`.

    scripts/record_corpus.py                       # record everything
    scripts/record_corpus.py git uv                # two programs
    scripts/record_corpus.py --show NAME           # run one scenario and print it, write nothing
    scripts/record_corpus.py --codebook            # only write the codebook

Lines of a scenario file: `== NAME` begins a scenario; `version:` gives the program's version command;
`setup:` runs before and is not recorded; `fail:`, `next:` and `works:` are recorded; `net` allows the network;
`expect: PROGRAM | CLASS | WORD or - | REMEDY` or `status: reported` say what is right; `text:` and `source:` make it
an entry of the codebook, `coarse` one without its word, `point:` one with the message as its point; `path:` is
another PATH. A remedy is `KIND WORDS`, `replace OLD => NEW` or `none`.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "scripts" / "corpus"
CORPUS = ROOT / "protocol" / "lessons" / "data" / "corpus"
CODEBOOK = ROOT / "protocol" / "lessons" / "data" / "codebook.toml"
MAX_OUTPUT_BYTES = 4000
MAX_TEXT_CHARACTERS = 200
TIME_LIMIT_SECONDS = 180
# Starts a server whose data are beside the project, with a role `postgres` that everybody may take.
POSTGRES = (
    "mkdir ../pg && chown postgres ../pg && P=$(ls -d /usr/lib/postgresql/*/bin | tail -1) && "
    "(cd / && setpriv --reuid=postgres --clear-groups $P/initdb -A trust -U postgres -D $OLDPWD/../pg && "
    "setpriv --reuid=postgres --clear-groups $P/pg_ctl -w -D $OLDPWD/../pg -l $OLDPWD/../pg/log "
    "-o '-c unix_socket_directories=' start) >/dev/null 2>&1"
)
# Environment that tools need to reach their registries; only given to scenarios with `net`.
NETWORK_VARIABLES = re.compile(r"(?i)^(.*_proxy|pip_.*|uv_.*index.*|npm_config_.*|cargo_(http|registries|source).*|ssl_.*|node_extra_ca_certs|requests_ca_bundle|curl_ca_bundle)$")
PUBLIC_HOSTS = re.compile(
    r"^(?:[a-z0-9-]+\.)*(?:example\.(?:com|org|net|invalid)|localhost|github\.com|git-scm\.com|cli\.github\.com|nodejs\.org"
    r"|typescriptlang\.org|eslint\.org|pnpm\.io|vitest\.dev|vite\.dev|biomejs\.dev|bun\.(?:com|sh)|deno\.com|jestjs\.io|oxc\.rs"
    r"|prisma\.io|pris\.ly|playwright\.dev|nextjs\.org|tailwindcss\.com|docker\.com|kubernetes\.io|terraform\.io|hashicorp\.com"
    r"|astral\.sh|python\.org|python\.dev|readthedocs\.io|readthedocs\.org|python-poetry\.org|pytest\.org|rust-lang\.org|go\.dev|golang\.org|cmake\.org|gnu\.org"
    r"|shellcheck\.net|freedesktop\.org|debian\.org|turborepo\.(?:com|dev)|yarnpkg\.com|npmjs\.com|stylelint\.io|prettier\.io|pyrefly\.org|aka\.ms"
    r"|curl\.se|haxx\.se|postgresql\.org|sqlite\.org|w3\.org|sqlalche\.me|knip\.dev|zizmor\.sh|cloudflare\.com|ansible\.com|mesonbuild\.com|pre-commit\.com)$"
)


class Refused(Exception):
    """A scenario that does not show what it says."""


def parse(path: Path) -> tuple[str | None, list[dict]]:
    version, scenarios, now = None, [], None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("== "):
            now = {"name": line[3:].strip(), "setup": [], "calls": [], "net": False, "coarse": False}
            scenarios.append(now)
            continue
        key, _, value = line.partition(": ")
        if now is None and key == "version":
            version = value
        elif key in ("net", "coarse"):
            now[key] = True
        elif key == "setup":
            now["setup"].append(value)
        elif key in ("fail", "next", "works"):
            now["calls"].append((key, value))
        elif key == "expect":
            program, kind, word, remedy = (part.strip() for part in value.split(" | "))
            now["expect"] = {"program": program, "class": kind, "word": None if word == "-" else word}
            now["expect"]["remedy"] = None if remedy == "none" else remedy_of(remedy)
        elif key in ("status", "text", "source", "point", "path"):
            now[key] = value
        else:
            raise SystemExit(f"{path.name}:{number}: cannot read `{line}`")
    return version, scenarios


def remedy_of(text: str) -> dict:
    kind, _, words = text.partition(" ")
    if kind == "replace":
        old, new = words.split(" => ")
        return {"kind": kind, "old": old, "new": new}
    return {"kind": kind, "words": words} if words else {"kind": kind}


def environment(home: Path, paths: list[str], net: bool) -> dict:
    env = {
        "PATH": os.pathsep.join(paths + [os.environ["PATH"]]),
        "HOME": str(home),
        "USER": "dev",
        "LOGNAME": "dev",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "GIT_AUTHOR_DATE": "2026-01-05T10:00:00Z",
        "GIT_COMMITTER_DATE": "2026-01-05T10:00:00Z",
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
        "RUSTUP_TOOLCHAIN": os.environ.get("RUSTUP_TOOLCHAIN", "stable"),
        "GOTOOLCHAIN": "local",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    }
    if net:
        env |= {name: value for name, value in os.environ.items() if NETWORK_VARIABLES.match(name)}
        for name in (".npmrc", ".config/pip/pip.conf", ".config/uv/uv.toml"):
            source = Path.home() / name
            if source.exists():
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, home / name)
        env["CARGO_HOME"] = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    return env


class Space:
    """A network namespace with nothing but the loopback device; the machine's own network when `net` is true."""

    def __init__(self, net: bool):
        self.holder = None if net else subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up; exec sleep 100000"])
        if self.holder:
            own = os.readlink("/proc/self/ns/net")
            while os.readlink(f"/proc/{self.holder.pid}/ns/net") == own:
                time.sleep(0.01)

    def run(self, command: str, place: Path, env: dict) -> tuple[int, str]:
        line = ["bash", "-c", command]
        if self.holder:
            line = ["nsenter", "-t", str(self.holder.pid), "-n", *line]
        with tempfile.TemporaryFile() as out:
            done = subprocess.run(
                line, cwd=place, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                timeout=TIME_LIMIT_SECONDS, check=False,
            )
            out.seek(0)
            return done.returncode, out.read().decode("utf-8", "replace")

    def close(self) -> None:
        """Ends the servers that a scenario left in its namespace."""
        if not self.holder:
            return
        space = os.readlink(f"/proc/{self.holder.pid}/ns/net")
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "ns" / "net") == space:
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue
        self.holder.wait()


def neutral(text: str, base: Path, paths: list[str]) -> str:
    """An output without what this machine alone has."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07", "", text).replace("\r", "\n")
    for there, here in ((f"{base}/project", "/home/dev/project"), (f"{base}/home", "/home/dev"), (str(base), "/home/dev/tmp")):
        text = text.replace(there, here)
    for path in paths:
        text = text.replace(path, "/usr/local/bin")
        if path.endswith("node_modules/.bin"):
            text = text.replace(str(Path(path).parent.parent), "/usr/local/lib")
    for path in paths:
        text = text.replace(str(Path(path).parent), "/usr/local")
    text = text.replace(str(Path.home()), "/home/dev").replace(socket.gethostname(), "localhost")
    text = re.sub(r"https?://([A-Za-z0-9.-]+)(?::\d+)?(/[^\s'\"<>)]*)?", public_address, text)
    if len(text.encode()) > MAX_OUTPUT_BYTES:
        half = MAX_OUTPUT_BYTES // 2
        data = text.encode()
        text = data[:half].decode("utf-8", "ignore") + "\n[...]\n" + data[-half:].decode("utf-8", "ignore")
    return text


def public_address(found: re.Match) -> str:
    host = found.group(1).rstrip(".")
    if PUBLIC_HOSTS.match(host) or host.startswith("127."):
        return found.group(0)
    return "https://registry.example/" + (found.group(2) or "/").split("/")[-1]


def record(scenario: dict, paths: list[str], version: str | None) -> dict:
    base = Path(tempfile.mkdtemp(prefix="corpus-"))
    base.chmod(0o755)
    space = Space(scenario["net"])
    try:
        place, home = base / "project", base / "home"
        place.mkdir()
        home.mkdir()
        env = environment(home, paths, scenario["net"])
        (home / ".gitconfig").write_text("[user]\nname = Dev\nemail = dev@example.com\n[init]\ndefaultBranch = main\n")
        if "path" in scenario:
            env["PATH"] = os.path.expandvars(scenario["path"])
        modules = [path for path in paths if path.endswith("node_modules/.bin")]
        prepared = env | {"PYTHON3_13": os.environ.get("PYTHON3_13", "python3.13")}
        prepared |= {"MODULES": str(Path(modules[0]).parent)} if modules else {}
        for line in scenario["setup"]:
            status, output = space.run(line.replace("$PGSTART", POSTGRES), place, prepared)
            if status != 0:
                raise Refused(f"setup `{line}` ended with {status}:\n{output}")
        calls = []
        for role, command in scenario["calls"]:
            status, output = space.run(command, place, env)
            hidden = any(mark in command for mark in ("|", ";"))
            if role == "fail" and status == 0 and not hidden:
                raise Refused(f"`{command}` did not fail:\n{output}")
            if role == "works" and status != 0 and "status" not in scenario:
                raise Refused(f"`{command}` ended with {status}:\n{output}")
            calls.append({"command": command, "exit": status, "output": neutral(output, base, paths)})
        line = {"name": scenario["name"], "version": version, "calls": calls}
        return line | {key: scenario[key] for key in ("expect", "status") if key in scenario}
    finally:
        space.close()
        shutil.rmtree(base, ignore_errors=True)


def version_of(command: str | None, paths: list[str]) -> str | None:
    if command is None:
        return None
    home = Path(tempfile.mkdtemp(prefix="corpus-"))
    space = Space(True)
    _, output = space.run(command, home, environment(home, paths, False))
    shutil.rmtree(home, ignore_errors=True)
    return next((line.strip() for line in output.splitlines() if line.strip()), None)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def codebook(files: list[Path]) -> str:
    out = [
        "# The codebook: what is known of public tools before anybody's session is looked at.",
        "# Written by scripts/record_corpus.py from scripts/corpus/. Every entry was seen to fail and to work.",
        "",
        f"date = {quoted(date.today().isoformat())}",
    ]
    for path in files:
        for scenario in parse(path)[1]:
            if "text" not in scenario:
                continue
            if len(scenario["text"]) > MAX_TEXT_CHARACTERS:
                raise SystemExit(f"{scenario['name']}: the text has more than {MAX_TEXT_CHARACTERS} characters")
            expect = scenario["expect"]
            out += ["", "[[entry]]", f"program = {quoted(expect['program'])}", f"class = {quoted(expect['class'])}"]
            point = scenario.get("point") or (None if scenario["coarse"] else expect["word"])
            if point:
                out.append(f"point = {quoted(point)}")
            remedy = ", ".join(f"{key} = {quoted(value)}" for key, value in expect["remedy"].items())
            out += [f"remedy = {{ {remedy} }}", f"text = {quoted(scenario['text'])}"]
            out += [f"source = {quoted(scenario['source'])}", f"seen = {quoted(scenario['name'])}"]
    return "\n".join(out) + "\n"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("programs", nargs="*", help="scenario files, by program; all when none is given")
    arguments.add_argument("--path", action="append", default=[], help="directory that is put before the PATH")
    arguments.add_argument("--show", help="run the scenarios whose name begins so, and print them")
    arguments.add_argument("--codebook", action="store_true", help="only write the codebook")
    given = arguments.parse_args()
    files = sorted(SCENARIOS.glob("*.txt"))
    refused = 0
    for path in [] if given.codebook else files:
        if given.programs and path.stem not in given.programs:
            continue
        command, scenarios = parse(path)
        version = version_of(command, given.path)
        lines = []
        for scenario in scenarios:
            if given.show and not scenario["name"].startswith(given.show):
                continue
            try:
                lines.append(record(scenario, given.path, version))
            except (Refused, subprocess.TimeoutExpired) as fault:
                refused += 1
                print(f"{path.stem}: {scenario['name']}: {fault}", file=sys.stderr)
        if given.show:
            for line in lines:
                for call in line["calls"]:
                    print(f"--- {line['name']}\n$ {call['command']}\n[{call['exit']}]\n{call['output']}")
            continue
        CORPUS.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (CORPUS / f"{path.stem}.jsonl").write_text(text)
        print(f"{path.stem}: {len(lines)} of {len(scenarios)} recorded ({version})")
    if not given.show:
        CODEBOOK.write_text(codebook(files))
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
