"""Shows that the tests of the ASVS map would notice: breaks the framework on purpose, row by row, in a copy of its source.

    python -m scripts.patches                    every row, a few minutes
    python -m scripts.patches V6.2.1 V3.4        some

A patch is a table in `tests/asvs/patches/v06.toml`, named by the requirement whose protection it takes away. `file` lies in
`src/fastness`; `old` stands there exactly once (TOML drops a newline right after the opening quotes):

    ["V6.2.1"]
    breaks = "any length will do"
    file = "auth/passwordpolicy.py"
    old = '''if length < minimum:'''
    new = '''if False:'''
    test = "test_v6_2_1_a_short_password_is_refused"     # optional: only this one of the row's tests, where others are slow

First the tests of those rows are run on an untouched copy, where they must pass. Then each patch is applied alone and
the tests of its row are run: one of them must fail, by an assertion or an error of its own and not because the framework
can no longer be imported. The table shows what failed, to be judged by a person.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from scripts.proofs import ROOT, collect, order

SOURCE = ROOT / "src" / "fastness"
PATCHES = ROOT / "tests" / "asvs" / "patches"
WORKERS = 2
SECONDS = 300
SECONDS_FOR_ALL = 3600
FAILED = 1  # pytest's exit code: tests ran, and some failed
OWN_FAULT = re.compile(
    r": (?:NameError|UnboundLocalError|ImportError|ModuleNotFoundError|SyntaxError|IndentationError)\b"
)
"""A patch that is not right Python shows nothing."""
OPTIONS = ("-q", "-n0", "-x", "-p", "no:cacheprovider", "--no-header", "--tb=line", "--color=no")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One protection taken away."""

    requirement: str
    breaks: str
    file: str
    old: str
    new: str
    test: str = ""

    def chosen_of(self, tests: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of the row's tests that have to notice."""
        return tuple(test for test in tests if test.endswith(f"::{self.test}")) if self.test else tests

    def applied_to(self, text: str) -> str:
        """Return the patched text; raises `ValueError` where the place is not there exactly once."""
        if text.count(self.old) != 1:
            message = f"{self.requirement}: its old text stands {text.count(self.old)} times in {self.file}"
            raise ValueError(message)
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the tests of one row under its patch."""

    patch: Patch
    is_noticed: bool
    said: str


def main(names: list[str]) -> int:
    """Run the patches that were asked for; 0 if each is noticed and nothing fails without one."""
    proofs = collect()
    chosen = [patch for patch in patches() if not names or any(is_within(patch.requirement, name) for name in names)]
    with tempfile.TemporaryDirectory() as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            copies.put(copy_of_source(Path(folder) / str(number)))
        tests_of = {patch.requirement: patch.chosen_of(proofs.get(patch.requirement, ())) for patch in chosen}
        before = tests_pass(copies, sorted({test for tests in tests_of.values() for test in tests}))
        if before is not None:
            print(f"Without any patch:\n{before}")
            return 1
        with ThreadPoolExecutor(WORKERS) as pool:
            outcomes = []
            for outcome in pool.map(lambda patch: try_out(patch, tests_of[patch.requirement], copies), chosen):
                mark = "noticed" if outcome.is_noticed else "MISSED "
                print(
                    f"{mark}  {outcome.patch.requirement:8} {outcome.patch.breaks}\n{' ' * 18}{outcome.said}",
                    flush=True,
                )
                outcomes.append(outcome)
    missed = [outcome.patch.requirement for outcome in outcomes if not outcome.is_noticed]
    print(f"{len(outcomes) - len(missed)} of {len(outcomes)} patches noticed. {' '.join(missed)}")
    return 1 if missed else 0


def is_within(requirement: str, name: str) -> bool:
    """Return whether a requirement is the one named, or of the chapter or section named."""
    return requirement == name or requirement.startswith(f"{name}.")


def patches(folder: Path = PATCHES) -> Iterator[Patch]:
    """Yield the patches of all chapters."""
    for file in sorted(folder.glob("*.toml")):
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        for requirement in sorted(table, key=order):
            yield Patch(requirement=requirement, **table[requirement])


def copy_of_source(folder: Path) -> Path:
    """Copy the framework, compiled so that a patched file is never mistaken for the one before it."""
    shutil.copytree(SOURCE, folder / "fastness", ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        sys.executable,
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "checked-hash",
        str(folder / "fastness"),
    ]
    subprocess.run(command, check=True)
    asked = subprocess.run(
        [sys.executable, "-c", "import fastness; print(fastness.__file__)"],
        check=True, capture_output=True, text=True, cwd=ROOT, env=environment(folder),
    )  # fmt: skip
    if not Path(asked.stdout.strip()).is_relative_to(folder):
        message = f"Python imports {asked.stdout.strip()} instead of the copy in {folder}"
        raise RuntimeError(message)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which Python finds the copy first, before an editable installation."""
    return os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def try_out(patch: Patch, tests: tuple[str, ...], copies: SimpleQueue[Path]) -> Outcome:
    """Apply a patch in a free copy, run the tests of its row there, and put the file back."""
    if not tests:
        return Outcome(patch=patch, is_noticed=False, said="no test names this row")
    folder = copies.get()
    file = folder / "fastness" / patch.file
    untouched = file.read_text(encoding="utf-8")
    try:
        file.write_text(patch.applied_to(untouched), encoding="utf-8")
        code, output = run_tests(folder, tests)
    except (ValueError, subprocess.TimeoutExpired) as error:
        return Outcome(patch=patch, is_noticed=False, said=str(error))
    finally:
        file.write_text(untouched, encoding="utf-8")
        copies.put(folder)
    if fault := OWN_FAULT.search(output):
        return Outcome(patch=patch, is_noticed=False, said=f"the patch itself is broken{fault.group()}")
    is_noticed = code == FAILED and re.search(r"\b\d+ failed", output) is not None
    return Outcome(patch=patch, is_noticed=is_noticed, said=reason_in(output))


def tests_pass(copies: SimpleQueue[Path], tests: list[str]) -> str | None:
    """Run tests on an untouched copy; None if they pass, otherwise what pytest said."""
    if not tests:
        return "there is nothing to run"
    folder = copies.get()
    try:
        code, output = run_tests(folder, tuple(tests), seconds=SECONDS_FOR_ALL)
    finally:
        copies.put(folder)
    return None if code == 0 else output


def run_tests(folder: Path, tests: tuple[str, ...], *, seconds: int = SECONDS) -> tuple[int, str]:
    """Run tests against a copy; the exit code and the output."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *tests],
        check=False, capture_output=True, text=True, cwd=ROOT, env=environment(folder), timeout=seconds,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def reason_in(output: str) -> str:
    """Return the line that says what failed."""
    lines = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return (lines or output.strip().splitlines() or ["no output"])[-1][:200]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
