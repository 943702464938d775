"""Writes docs/security/escaping.md: what the tests of the template escaper count, as figures; run by hand, a few minutes.

    python -m scripts.template_figures

The tests hold each figure to its bound; this page shows the figures themselves.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jinja2

from fastness.html.errors import TemplateRefusedError, ValueRefusedError
from fastness.kernel.errors import FastnessError
from scripts import foreign_templates
from tests.html import oracle, test_oracle, test_tokenizer_vectors

PAGE = Path(__file__).resolve().parent.parent / "docs" / "security" / "escaping.md"

HEAD = """# How well the template escaper holds

This page is written by `python -m scripts.template_figures`.
Each figure is held to a bound by a test, which is named beside it.
The subject itself is in [Templates](../guides/templates.md).
"""


def main() -> int:
    """Count, and write the page."""
    PAGE.write_text(f"{HEAD}\n{tokenizer()}\n{values()}\n{foreign()}", encoding="utf-8")
    print(PAGE)
    return 0


def tokenizer() -> str:
    """The tracker beside html5lib's tokenizer tests."""
    lines = [
        "## Reading HTML as browsers do\n",
        "html5lib's tokenizer tests, fed one character at a time: the tracker reads the same tokens, or refuses the text.",
        "`tests/html/test_tokenizer_vectors.py`\n",
        "| file | agrees | refused | differs |",
        "|---|--:|--:|--:|",
    ]
    total: Counter[str] = Counter()
    for file in test_tokenizer_vectors.FILES:
        found = Counter(
            test_tokenizer_vectors.outcome(case, state)[0] for case, state in test_tokenizer_vectors.cases(file)
        )
        total += found
        lines.append(row(file.stem, found))
    return "\n".join([*lines, row("**all**", total), ""])


def row(name: str, found: Counter[str]) -> str:
    """One line of that table."""
    return f"| {name} | {found['agrees']} | {found['refused']} | {found['differs']} |"


def values() -> str:
    """Hostile values in every place and construct, beside plain Jinja2."""
    ours = Counter(judged(oracle.contextual, *each.values) for each in test_oracle.ROWS)
    plain = Counter(judged(oracle.plain, *each.values) for each in test_oracle.ROWS)
    count = (
        f"{len(test_oracle.ROWS)} templates: {len(oracle.PLACES)} places, each in {len(oracle.CONSTRUCTS)} constructs of Jinja2; "
        f"{len(oracle.SUFFIXES)} hostile values, among them every suffix of every dangerous token."
    )
    lines = [
        "## Values stay where they are written\n",
        count,
        "The parsed page must keep its tree, and static text its place; an address or script must not change its kind.",
        "`tests/html/test_oracle.py`; `tests/browser/test_template_payloads.py` loads and clicks them in Chromium.\n",
        "| | holds | refused | a value breaks out |",
        "|---|--:|--:|--:|",
        f"| Fastness | {ours['holds']} | {ours['refused']} | {ours['broken']} |",
        f"| Jinja2, plain autoescape | {plain['holds']} | {plain['refused']} | {plain['broken']} |",
    ]
    return "\n".join([*lines, ""])


def judged(make: Callable[[dict[str, str]], jinja2.Environment], place: str, construct: str) -> str:
    """What becomes of one template."""
    environment = make(oracle.folder(place, construct))
    try:
        problem = test_oracle.first_problem(environment, test_oracle.LEXBOR, oracle.SUFFIXES)
    except (TemplateRefusedError, ValueRefusedError, FastnessError, TypeError):
        return "refused"
    return "holds" if problem is None else "broken"


def foreign() -> str:
    """Templates that were not written for this."""
    outcomes = foreign_templates.survey()
    lines = [
        "## Templates of other projects\n",
        "As published, with no rule opened.",
        "`tests/project/test_foreign_templates.py`; `python -m scripts.foreign_templates` shows each refusal.\n",
        *foreign_templates.table(outcomes),
    ]
    return "\n".join([*lines, f"\n{foreign_templates.share(outcomes):.1%} are refused.", ""])


if __name__ == "__main__":
    sys.exit(main())
