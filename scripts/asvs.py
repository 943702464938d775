"""Writes what the tests prove of ASVS 5.0: docs/security/asvs.md, and the data that `fastness check --asvs` reads.

    python -m scripts.asvs

The tests are found by name and mark in their source, so that one that is renamed or removed changes both files, and a test
that makes them again fails until somebody has looked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from fastness.checks.asvs import CHAPTERS, LEVELS, Requirement, Who, requirements_from
from scripts.patches import patches
from scripts.proofs import ROOT, collect

DATA = ROOT / "src" / "fastness" / "checks"
PROOFS = DATA / "asvs_tests.json"
PAGE = ROOT / "docs" / "security" / "asvs.md"

HEAD = """# ASVS 5.0, row by row

This page is written by `python -m scripts.asvs`, and a test compares it with the tests it names.
The ids are those of the OWASP Application Security Verification Standard 5.0; the words are ours and much shorter than the standard, which alone says what is required.

Each requirement says who meets it:

- **framework-default**: the framework, without being asked;
- **framework-support**: the framework has the means, the app uses them;
- **app**: the app's people;
- **ops**: those who run it.

A row of the first kind is *proved* if a test names it and a small patch is kept that takes the protection away and makes that test fail.
The patches lie in `tests/asvs/patches`, and `python -m scripts.patches` runs them.
A proof shows that the tests would notice, not that nothing is missing; and a row proved here may be configured away in an app, which `fastness check --asvs 2` tells.
"""  # noqa: E501 - one sentence on each line of the page


def main() -> int:
    """Write both files."""
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
    return 0


def made() -> dict[object, str]:
    """Return the text of each file by its path."""
    rows = json.loads((DATA / "asvs.json").read_text(encoding="utf-8"))
    tests = collect()
    patched = [patch.requirement for patch in patches()]
    requirements = requirements_from(rows, tests=tests, patched=patched)
    return {PROOFS: proofs_file(requirements), PAGE: page(requirements)}


def proofs_file(requirements: Iterable[Requirement]) -> str:
    """Return the data that the package holds: a line for each requirement with tests."""
    known = tuple(requirements)
    lines = [f"    {json.dumps(one.id)}: {json.dumps(list(one.tests))}" for one in known if one.tests]
    patched = json.dumps([one.id for one in known if one.is_patched])
    return '{\n  "patched": ' + patched + ',\n  "tests": {\n' + ",\n".join(lines) + "\n  }\n}\n"


def page(requirements: Iterable[Requirement]) -> str:
    """Return the whole page."""
    known = tuple(requirements)
    chapters = {name: tuple(rows) for name, rows in groupby(known, lambda one: one.chapter)}
    parts = [HEAD, *summary(chapters), *not_proved(known)]
    for name, rows in chapters.items():
        parts += chapter(name, rows)
    return "\n".join(parts) + "\n"


def summary(chapters: Mapping[str, tuple[Requirement, ...]]) -> Iterator[str]:
    """Yield the table by chapter and level."""
    yield "## Where it stands\n"
    yield "The first columns say how many of the framework-default rows of each level are proved; the others how many rows there are.\n"  # noqa: E501
    yield "| | level 1 | level 2 | level 3 | framework-default proved | framework-support | app | ops |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for name, rows in chapters.items():
        yield summary_row(f"{name} {CHAPTERS[name]}", rows)
    yield summary_row("**all**", tuple(one for rows in chapters.values() for one in rows))
    yield ""


def summary_row(name: str, rows: tuple[Requirement, ...]) -> str:
    """Return one line of that table."""
    by_default = [one for one in rows if one.who is Who.DEFAULT]
    cells = [proved_of([one for one in by_default if one.level == level]) for level in LEVELS]
    others = [str(sum(one.who is who for one in rows)) for who in (Who.SUPPORT, Who.APP, Who.OPERATIONS)]
    return f"| {' | '.join([name, *cells, proved_of(by_default), *others])} |"


def proved_of(rows: list[Requirement]) -> str:
    """Return "3 of 4", or nothing where there is nothing to prove."""
    return f"{sum(one.is_proved for one in rows)} of {len(rows)}" if rows else ""


def not_proved(rows: Iterable[Requirement]) -> Iterator[str]:
    """Yield what the framework should meet by default and no test proves."""
    yield "## Not proved yet\n"
    yield "| id | level | asks | why |"
    yield "|---|--:|---|---|"
    for one in rows:
        if one.who is Who.DEFAULT and not one.is_proved:
            why = "There are tests, and no patch that they would notice yet." if one.tests else one.how
            yield f"| {one.id} | {one.level} | {one.words} | {why} |"
    yield ""


def chapter(name: str, rows: tuple[Requirement, ...]) -> Iterator[str]:
    """Yield the table of a chapter."""
    yield f"## {name} {CHAPTERS[name]}\n"
    yield "| id | level | who | asks | how | tests |"
    yield "|---|--:|---|---|---|---|"
    for one in rows:
        mark = " ✓" if one.is_proved else ""
        tests = "<br>".join(f"`{short(test)}`" for test in one.tests)
        yield f"| {one.id}{mark} | {one.level} | {one.who.value} | {one.words} | {one.how} | {tests} |"
    yield ""


def short(test: str) -> str:
    """Return the id of a test as the page shows it."""
    return test.removeprefix("tests/")


if __name__ == "__main__":
    sys.exit(main())
