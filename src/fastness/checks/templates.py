"""What templates and the code around them open, and which templates cannot be escaped.

A template that is refused stops the start: the page would be an error at its first visitor. Everything that is open is listed
with the reason its author gave, by file and line, so that a reviewer reads one list.

ASVS 5.0: V1.2.1 (output encoding for the context), V15.1.5 (dangerous functionality is documented).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fastness.checks.check import Deployment
from fastness.checks.sources import MARKUP, vouched
from fastness.html import inventory
from fastness.html.inventory import TemplateFinding
from fastness.kernel.findings import Finding, Notice, Severity, Topic

REFUSED: Final = Notice(
    id="FST-TEMPLATES-001",
    severity=Severity.HIGH,
    title="A template is refused",
    why="It cannot be escaped by place, so the app does not start in production.",
    fix="Write what the message says; docs/guides/templates.md has all places. To move a folder of templates step by step, list "
    "it in TemplateRules(insecure_migration=…).",
    topic=Topic.INJECTION,
    asvs=("V1.2.1",),
)
BROKEN: Final = Notice(
    id="FST-TEMPLATES-002",
    severity=Severity.HIGH,
    title="A template cannot be read",
    why="Its syntax is wrong, or a template that it extends is not there.",
    fix="Correct the template, or remove it.",
    topic=Topic.ERRORS,
)
MIGRATING: Final = Notice(
    id="FST-TEMPLATES-003",
    severity=Severity.MEDIUM,
    title="A template is not escaped by place yet",
    why="Plain HTML escaping leaves addresses, scripts and styles open to what visitors write.",
    fix="Change what the message says; when nothing of the folder is listed any more, take it out of "
    "TemplateRules(insecure_migration=…).",
    topic=Topic.INJECTION,
    asvs=("V1.2.1",),
)
SAFE_FILTER: Final = Notice(
    id="FST-TEMPLATES-004",
    severity=Severity.INFO,
    title="A template writes a value as HTML with |safe",
    why="The rules say why.",
    fix="Read the reason: does it still hold? sanitise(…) needs none.",
    topic=Topic.INJECTION,
    asvs=("V15.1.5", "V1.3.1"),
)
EVENTS: Final = Notice(
    id="FST-TEMPLATES-005",
    severity=Severity.INFO,
    title="A template has static on… attributes",
    why="The rules say why.",
    fix="Read the reason: does it still hold? The policy of the page stops such attributes unless it is loosened too.",
    topic=Topic.INJECTION,
    asvs=("V15.1.5",),
)
NEEDLESS: Final = Notice(
    id="FST-TEMPLATES-006",
    severity=Severity.LOW,
    title="TemplateRules open something that no template needs",
    why="The next template of that name, or the next mistake in it, would pass unseen.",
    fix="Take the line out of TemplateRules.",
    topic=Topic.INJECTION,
    asvs=("V15.1.5",),
)
VOUCHED: Final = Notice(
    id="FST-TEMPLATES-007",
    severity=Severity.INFO,
    title="The code vouches for HTML or for an address",
    why="The call says why.",
    fix="Read the reason: does it still hold? For text of visitors use sanitise(…).",
    topic=Topic.INJECTION,
    asvs=("V15.1.5", "V1.3.1"),
)
MADE_BY_HAND: Final = Notice(
    id="FST-TEMPLATES-008",
    severity=Severity.MEDIUM,
    title="The code makes HTML of something that it did not write itself",
    why="Markup(…) round a value is HTML that nobody checked, and templates trust it in HTML text.",
    fix='Write Markup("<b>{}</b>").format(value), use sanitise(…), or SafeHTML.insecure_from(…) with a reason.',
    topic=Topic.INJECTION,
    asvs=("V1.2.1", "V1.3.1"),
)

FOREIGN_CODE: Final = Notice(
    id="FST-TEMPLATES-009",
    severity=Severity.HIGH,
    title="A page loads code of another host, whatever that host sends",
    why="Who takes over that host, or its name, runs scripts in every page that loads from it.",
    fix="Serve the file from your own, with static(…), or say what it has to be: "
    'integrity="sha384-…" crossorigin="anonymous".',
    topic=Topic.INTEGRITY,
    asvs=("V3.6.1",),
)

NOTICES: Final = (REFUSED, BROKEN, MIGRATING, SAFE_FILTER, EVENTS, NEEDLESS, VOUCHED, MADE_BY_HAND, FOREIGN_CODE)

_PROBLEMS: Final = {inventory.REFUSED: REFUSED, inventory.BROKEN: BROKEN, inventory.MIGRATING: MIGRATING}
_REASONS: Final = {inventory.SAFE_FILTER: SAFE_FILTER, inventory.EVENTS: EVENTS}


def check_templates(deployment: Deployment) -> Iterator[Finding]:
    """What each template is refused for, or opens."""
    for found in deployment.templates:
        where = _place(deployment.folder, found)
        if found.kind in _PROBLEMS:
            code = f" ({found.code})" if found.code else ""
            yield _PROBLEMS[found.kind].found(where=where, detail=f"{found.text}{code}")
        elif found.kind == inventory.FOREIGN_CODE:
            yield FOREIGN_CODE.found(where=where)
        elif found.kind in _REASONS:
            yield _REASONS[found.kind].found(where=where, detail=f"The reason given: {found.text}")
        else:
            yield NEEDLESS.found(where=found.template, detail=found.text)


def check_sources(deployment: Deployment) -> Iterator[Finding]:
    """What the app's Python code vouches for."""
    for found in vouched(deployment.sources):
        where = f"{_relative(deployment.folder, str(found.file))}:{found.line}"
        if found.call.rpartition(".")[2] == MARKUP:
            yield MADE_BY_HAND.found(where=where)
        else:
            reason = f"The reason given: {found.reason}" if found.reason else "No reason can be read from the code."
            yield VOUCHED.found(where=f"{where}: {found.call}", detail=reason)


def _place(folder: Path, found: TemplateFinding) -> str:
    file = _relative(folder, found.file) if found.file else found.template
    return f"{file}:{found.line}"


def _relative(folder: Path, file: str) -> str:
    """As a person in the app's folder would write it; what lies elsewhere keeps its whole path."""
    if Path(file).is_relative_to(folder):
        return os.path.relpath(file, folder)
    return file
