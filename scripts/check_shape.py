#!/usr/bin/env python3
"""Check the shape of the workspace: arrows between crates, import circles, long files, and paths in docs.

    scripts/check_shape.py              check this workspace
    scripts/check_shape.py --self-test  check that each check finds a planted fault

Four checks:
1. Arrows. A crate depends only on the crates in its row of ARROWS (docs/architecture.md).
2. Circles. Within a crate, modules beside each other do not import each other in a circle in which a
   folder takes part. Folders are discovered. Files of one folder may know each other, and a parent
   may know its children: `mod.rs`, `lib.rs` and tests are not looked at as a source.
3. Lengths. A file has at most MAX_LINES lines of production code: lines before its test module.
4. Paths. What the guides in GUIDES name below a top-level folder is there.

scripts/shape-allowed.txt lists the exceptions, each with a reason. An exception that is not needed is a
fault too.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

MAX_LINES = 400

GUIDES = ("docs/architecture.md", "CONTRIBUTING.md")

LOWER = {
    "lore-protocol",
    "lore-lessons",
    "lore-privacy",
    "lore-session",
    "lore-sandbox",
    "lore-agent",
    "lore-connect",
}
OPTIONAL = {"lore-services", "lore-local-model"}
NODE = {"lore-engine", "lore-control"}

# Crates for tests: every crate's tests may use them.
FOR_TESTS = {"lore-test-endpoint"}

# The crates of this workspace that each crate may depend on, in its tests too.
ARROWS = {
    "lore-protocol": set(),
    "lore-lessons": {"lore-protocol"},
    "lore-privacy": {"lore-protocol"},
    "lore-session": {"lore-protocol", "lore-lessons"},
    "lore-sandbox": set(),
    "lore-agent": {"lore-session", "lore-sandbox", "lore-lessons", "lore-protocol", "lore-privacy"},
    "lore-connect": {"lore-session", "lore-lessons", "lore-protocol", "lore-control"},
    "lore-services": {"lore-agent"},
    "lore-local-model": {"lore-agent"},
    "lore-lab": LOWER | OPTIONAL | NODE,
    "lore-engine": {"lore-protocol", "lore-lessons", "lore-privacy"},
    "lore-control": set(),
    "lore-node": LOWER | OPTIONAL | NODE | {"lore-lab"},
    "lore-simulations": {"lore-engine", "lore-protocol", "lore-lessons", "lore-privacy"},
    "lore-tests": LOWER | OPTIONAL | NODE | {"lore-lab", "lore-node", "lore-simulations"},
    "lore-test-endpoint": set(),
    "lore-fuzz-targets": {"lore-protocol", "lore-lessons", "lore-privacy", "lore-session", "lore-engine"},
}


def is_arrow(dependency, names):
    """Whether a dependency counts: it is of this workspace, and no help for tests that tests use."""
    name = dependency["name"]
    return name in names and not (dependency["kind"] == "dev" and name in FOR_TESTS)


def arrow_faults(packages):
    """Faults of [(crate, [names of crates it depends on])], which are all in this workspace."""
    for crate, dependencies in sorted(packages):
        if crate not in ARROWS:
            yield f"arrow {crate}", f"crate `{crate}` has no row in ARROWS of scripts/check_shape.py"
            continue
        for name in sorted(set(dependencies) - ARROWS[crate]):
            yield f"arrow {crate} {name}", f"crate `{crate}` must not depend on `{name}`"


def strip_comments(text):
    """The code without comments, strings and characters, whose contents could look like paths."""
    token = re.compile(
        r"""//[^\n]*|/\*.*?\*/|r(\#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\[^']+|[^'\\])'""", re.S
    )
    return token.sub(lambda found: "\n" * found[0].count("\n") or " ", text)


def before_tests(text):
    """The lines before the first test module that the file holds to its end."""
    found = re.search(r"^#\[cfg\(test\)\]\n(?:#!?\[[^\n]*\]\n)*mod \w+ \{", text, re.M)
    return text[: found.start()] if found else text


def is_test(path):
    names = path.with_suffix("").parts
    return any(name in ("tests", "test") or name.endswith("_tests") for name in names)


def expand(text, at):
    """Paths of a use tree that begins at `at`, as lists of names, `a::{b, c::d}` as two."""
    names = []
    while found := re.compile(r"\s*(\w+|\*)").match(text, at):
        names.append(found[1])
        at = found.end()
        more = re.compile(r"\s*::").match(text, at)
        if not more:
            # What a name is imported as stands last.
            alias = re.compile(r"\s+as\s+(\w+)").match(text, at)
            return [(names, alias[1] if alias else names[-1])], alias.end() if alias else at
        at = more.end()
    paths = []
    opened = re.compile(r"\s*\{").match(text, at)
    if opened:
        at = opened.end()
        while not (closed := re.compile(r"\s*,?\s*\}").match(text, at)):
            inner, after = expand(text, at)
            paths += [(names + path, alias) for path, alias in inner]
            comma = re.compile(r"\s*,?").match(text, after)
            if comma.end() == at:
                break
            at = comma.end()
        at = closed.end() if closed else at
    return paths or [(names, names[-1] if names else "")], at


class Crate:
    """Modules of a crate and what they import from each other."""

    def __init__(self, source):
        self.modules = {}
        for path in sorted(source.rglob("*.rs")):
            name = path.relative_to(source)
            if is_test(name) or name.parts[0] in ("main.rs", "bin"):
                continue
            module = name.with_suffix("").parts
            if module[-1] in ("mod", "lib"):
                module = module[:-1]
            text = strip_comments(before_tests(path.read_text(encoding="utf-8")))
            self.modules[module] = text
        self.exports = {module: self.exported(module) for module in self.modules}

    def exported(self, module):
        """Names that a module re-exports, with the absolute paths they stand for."""
        names = {}
        text = self.modules[module]
        for found in re.finditer(r"\bpub(?:\([^)]*\))?\s+use\s+", text):
            for path, alias in expand(text, found.end())[0]:
                names[alias] = self.absolute(module, path)
        return names

    def absolute(self, module, path):
        first, rest = path[0], path[1:]
        if first == "crate":
            return tuple(rest)
        if first in ("super", "self"):
            while path and path[0] in ("super", "self"):
                module = module[:-1] if path[0] == "super" else module
                path = path[1:]
            return module + tuple(path)
        return module + tuple(path) if module + (first,) in self.modules else None

    def resolve(self, path, depth=0):
        """The module in which what a path names is defined, as far as it can be seen."""
        module, rest = (), path
        while rest and module + (rest[0],) in self.modules:
            module, rest = module + (rest[0],), rest[1:]
        target = self.exports.get(module, {}).get(rest[0]) if rest else None
        if target is not None and target != path and depth < 8:
            return self.resolve(target + tuple(rest[1:]), depth + 1)
        return module

    def imports(self):
        """(module, module it names something of), for all modules."""
        for module, text in self.modules.items():
            # A path that goes on from a name is no beginning of one.
            for found in re.finditer(r"(?<![\w:])(?:crate|super)\s*::", text):
                for path, _ in expand(text, found.start())[0]:
                    absolute = self.absolute(module, path)
                    if absolute is not None:
                        yield module, self.resolve(absolute)

    def circles(self):
        """The folder of each circle, and its edges: names of a module and of one that it imports."""
        folders = {module[:-1] for module in self.modules if module}
        imports = set(self.imports())
        for parent in sorted(folders):
            depth = len(parent) + 1
            edges = {}
            for source, target in imports:
                if min(len(source), len(target)) < depth:
                    continue
                if source[: depth - 1] == target[: depth - 1] == parent:
                    if source[:depth] != target[:depth]:
                        edges.setdefault(source[:depth], set()).add(target[:depth])
            for circle in components(edges):
                if len(circle) > 1 and any(module in folders for module in circle):
                    pairs = [(a, b) for a in edges for b in edges[a] if {a, b} <= circle]
                    yield "::".join(parent), sorted((a[-1], b[-1]) for a, b in pairs)


def components(edges):
    """Strongly connected components: modules that reach each other."""
    reach = {}
    for start in edges:
        seen, todo = set(), [start]
        while todo:
            for target in edges.get(todo.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        reach[start] = seen
    found = {frozenset({a} | {b for b in reach[a] if a in reach.get(b, ())}) for a in edges}
    return sorted(found, key=sorted)


def circle_faults(name, source):
    for parent, edges in Crate(source).circles():
        place = f"{name}::{parent}" if parent else name
        circle = sorted({module for module, _ in edges})
        shown = ", ".join(f"{source} -> {target}" for source, target in edges)
        yield f"circle {place} {' '.join(circle)}", f"`{place}` has a circle of imports: {shown}"


def length_faults(root, sources):
    for source in sources:
        for path in sorted(source.rglob("*.rs")):
            if is_test(path.relative_to(source)):
                continue
            lines = before_tests(path.read_text(encoding="utf-8")).count("\n")
            if lines > MAX_LINES:
                name = path.relative_to(root).as_posix()
                yield f"long {name}", f"{name} has {lines} lines before its tests, more than {MAX_LINES}"


def path_faults(root, guides):
    folders = "protocol|privacy|agent|node|simulations|tests|scripts|docs"
    for guide in guides:
        for path in re.findall(rf"`((?:{folders})/[^`\s]*)`", (root / guide).read_text(encoding="utf-8")):
            # `NOUN.rs` stands for a file that the reader makes.
            if not (root / path).exists() and not re.search(r"/[A-Z]+\.rs$", path):
                yield f"path {path}", f"{guide} names `{path}`, which is not there"


def allowed(path):
    """The exceptions: what they except, and the line they stand in."""
    entries = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if line and not line.startswith("#"):
            what, _, reason = line.partition(": ")
            if not reason.strip():
                sys.exit(f"{path}:{number}: an exception needs a reason: `{line}`")
            entries[what] = number
    return entries


def check(root):
    """All faults of a workspace, as lines to read."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"]
    metadata = json.loads(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout)
    packages = metadata["packages"]
    names = {package["name"] for package in packages}
    arrows = [
        (package["name"], [d["name"] for d in package["dependencies"] if is_arrow(d, names)])
        for package in packages
    ]
    sources = {p["name"]: Path(p["manifest_path"]).parent / "src" for p in packages}
    faults = dict(arrow_faults(arrows))
    for name, source in sorted(sources.items()):
        faults.update(circle_faults(name, source))
    faults.update(length_faults(root, sorted(sources.values())))
    faults.update(path_faults(root, GUIDES))
    exceptions = allowed(root / "scripts" / "shape-allowed.txt")
    for what, number in exceptions.items():
        if what not in faults:
            yield f"scripts/shape-allowed.txt:{number}: `{what}` is no fault; remove the line"
    for what, fault in faults.items():
        if what not in exceptions:
            yield f"{fault}\n    (an exception would be the line `{what}: REASON` in scripts/shape-allowed.txt)"


def self_test():
    """Each check finds a planted fault, and nothing where there is none."""
    assert list(arrow_faults([("lore-protocol", []), ("lore-privacy", ["lore-protocol"])])) == []
    assert len(list(arrow_faults([("lore-protocol", ["lore-privacy"])]))) == 1
    assert len(list(arrow_faults([("lore-unheard-of", [])]))) == 1

    def circles(files):
        with tempfile.TemporaryDirectory() as directory:
            for name, text in files.items():
                path = Path(directory) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return [what for what, _ in circle_faults("c", Path(directory))]

    tree = {
        "lib.rs": "pub mod a;\npub mod b;\npub mod c;\npub use b::two::Two;\n",
        "a/mod.rs": "mod one;\npub use one::One;\nuse crate::b::Two;\n",
        "a/one.rs": "use crate::{c::C, b::{self, two::{Two as Too}}};\nuse super::X;\n",
        "b/mod.rs": "pub mod two;\npub struct Two;\n",
        "b/two.rs": "// use crate::a::One;\nuse super::super::c::C;\nconst S: &str = \"crate::a::One\";\n"
        "#[cfg(test)]\nmod tests {\n    use crate::a::One;\n}\n",
        "b/tests.rs": "use crate::a::One;\n",
        "c.rs": "pub struct C;\n",
    }
    assert circles(tree) == []
    planted = {
        "a plain use": {"b/two.rs": "use crate::a::One;"},
        "a path in code": {"b/two.rs": "fn f() -> crate::a::one::One {}"},
        "by super": {"b/two.rs": "use super::super::a::one::One;"},
        "a group": {"b/two.rs": "pub use crate::{c::C, a::{One, X}};"},
        "by a re-export of the root": {
            "lib.rs": "pub use a::One;\npub mod a;\npub mod b;",
            "b/two.rs": "use crate::One;",
        },
    }
    for what, files in planted.items():
        assert circles(tree | files) == ["circle c a b"], what
    # Over a file of the root, and between folders of one folder.
    assert circles(tree | {"c.rs": "use crate::a::One;"}) == ["circle c a b c"]
    nested = {
        "lib.rs": "mod a;",
        "a/mod.rs": "mod x;\nmod y;",
        "a/x/mod.rs": "mod z;",
        "a/x/z.rs": "use super::super::y::Y;",
        "a/y/mod.rs": "use crate::a::x::X;",
    }
    assert circles(nested) == ["circle c::a x y"]
    # Files of one folder may know each other.
    assert circles({"lib.rs": "mod a;\nmod b;", "a.rs": "use crate::b::B;", "b.rs": "use crate::a::A;"}) == []

    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory)
        tests = "#[cfg(test)]\nmod tests {\n" + "\n" * MAX_LINES + "}\n"
        (source / "short.rs").write_text("\n" * MAX_LINES + tests, encoding="utf-8")
        assert list(length_faults(source, [source])) == []
        (source / "long.rs").write_text("\n" * (MAX_LINES + 1) + tests, encoding="utf-8")
        assert [what for what, _ in length_faults(source, [source])] == ["long long.rs"]
        guide = "`docs/guide.md` `docs/NOUN.rs` `docs/gone.md` `cargo test`"
        (source / "docs").mkdir()
        (source / "docs" / "guide.md").write_text(guide, encoding="utf-8")
        assert [what for what, _ in path_faults(source, ["docs/guide.md"])] == ["path docs/gone.md"]


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return
    if sys.argv[1:]:
        sys.exit(__doc__)
    faults = list(check(Path(__file__).resolve().parent.parent))
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
