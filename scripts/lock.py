"""Resolves the pinned requirements again; run by `make lock` with the uv pinned in requirements/lock.txt.

The files name versions and hashes and no address: which mirror a machine installs from is that machine's business,
and a hash is what makes the mirror's answer trustworthy.
The newest versions are taken (`--upgrade`), for every platform and every Python from 3.11 on (`--universal`).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
# Each file, what it is resolved from, and what it may not contradict.
FILES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("run.txt", ("pyproject.toml", "requirements/build.in", "requirements/demo.in"), ()),
    (
        "dev.txt",
        ("pyproject.toml", "requirements/build.in", "requirements/demo.in", "requirements/dev.in"),
        ("run.txt",),
    ),
    ("lock.txt", ("requirements/lock.in",), ()),
)
HEADER = "# Made by `make lock`. Versions and hashes only; no line may hold an address.\n"
# A line is a requirement with a marker, a hash, a comment naming who asks for it, or nothing.
ALLOWED_LINE = re.compile(
    r"[a-z0-9][a-z0-9._-]*==[a-z0-9.!+]+( ; [A-Za-z0-9_.'<>=!() ]+)? \\"
    r"| {4}--hash=sha256:[0-9a-f]{64}( \\)?"
    r"|( {4})?#( via)? [A-Za-z0-9 ._()/`,;-]+"
    r"|"
)


def main() -> int:
    """Write the files, or none of them."""
    with tempfile.TemporaryDirectory() as work:
        resolved: dict[str, str] = {}
        for name, sources, constraints in FILES:
            found = Path(work) / name
            command = [
                "uv", "pip", "compile", *sources, "--output-file", str(found),
                "--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade", "--only-binary", ":all:",
                "--no-emit-index-url", "--no-emit-find-links", "--no-emit-build-options", "--no-header",
                "--annotation-style", "line", "--quiet",
            ]  # fmt: skip
            for constraint in constraints:
                command += ["--constraint", str(Path(work) / constraint)]
            command[0] = str(Path(sys.executable).with_name("uv"))
            subprocess.run(command, cwd=ROOT, check=True)
            text = found.read_text(encoding="utf-8").replace(work + "/", "")
            wrong = [line for line in text.splitlines() if not ALLOWED_LINE.fullmatch(line)]
            if wrong:
                print(f"error: {name} would hold a line that is no pinned requirement: {wrong[0]!r}", file=sys.stderr)
                return 1
            resolved[name] = HEADER + text
    for name, text in resolved.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"requirements/{name}: {text.count(chr(10) + '    # via')} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
