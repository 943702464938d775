"""What errors tell, and whether what was sent comes back as markup.

The texts of all answers of the whole scan are looked at: the other checks have sent what no page expects by then.
ASVS 5.0: V1.2.1, V1.3.7, V13.4.2, V16.5.1, V16.5.3.
"""

import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote, urlencode

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import FOREIGN_HOST, found_at
from fastness.probe.scan import Scan

TOLD_INSIDE: Final = Notice(
    id="FST-PROBE-060",
    severity=Severity.HIGH,
    title="An answer shows the inside of the program",
    why="Stack traces, paths of files and statements of the database show where to go on.",
    fix="Run the production profile, and let errors reach the framework's errors stage.",
    topic=Topic.ERRORS,
    asvs=("V13.4.2", "V16.5.1"),
)
CRASHED: Final = Notice(
    id="FST-PROBE-061",
    severity=Severity.MEDIUM,
    title="A request made the program fail",
    why="Nobody thought of this input: what fails for one value may do something else for the next.",
    fix="Find the answer's request id in the log, and refuse such input with 400 or 422.",
    topic=Topic.ERRORS,
    asvs=("V16.5.3",),
)
REFLECTED: Final = Notice(
    id="FST-PROBE-062",
    severity=Severity.HIGH,
    title="What a request says comes back as markup",
    why="A link can carry a script that runs as the site's own (cross-site scripting).",
    fix="Write pages with render, which escapes what it shows by where it stands.",
    topic=Topic.INJECTION,
    asvs=("V1.2.1",),
)
EVALUATED: Final = Notice(
    id="FST-PROBE-063",
    severity=Severity.CRITICAL,
    title="What a request says is evaluated",
    why="A template that is made from input runs what the input says (template injection).",
    fix="Give values to a template; never make the template from them.",
    topic=Topic.INJECTION,
    asvs=("V1.3.7",),
)

NOTICES: Final = (TOLD_INSIDE, CRASHED, REFLECTED, EVALUATED)

_INSIDE: Final = re.compile(
    r"Traceback \(most recent call last\)|File &?\W?(?:quot;|#34;)?/[\w./-]+\.py|site-packages/|/home/\w+/|/usr/lib/python"
    r"|sqlalchemy\.exc\.|sqlite3\.\w+Error|psycopg|asyncpg\.exceptions|SQLSTATE\[|You have an error in your SQL syntax"
    r"|Werkzeug Debugger|DEBUG = True|at [\w.$]+\([\w]+\.java:\d+\)|Exception in thread|goroutine \d+ \["
)
_MARK: Final = "<x7f3probe>"
_PRODUCT: Final = "50337"
_VALUE: Final = f"probe'\"{_MARK}{{{{7191*7}}}}${{7191*7}}"
_NAMES: Final = (
    "q", "query", "search", "s", "name", "title", "text", "message", "error", "next", "id", "page", "sort", "lang",
    "username", "email",
)  # fmt: skip
_COMMON: Final = _NAMES[:6]
_MAX_PAGES: Final = 30


async def check_reflections(scan: Scan) -> AsyncIterator[Finding]:
    """Send a mark and a sum in every place, and look for the mark as markup and for the sum's result."""
    reflected: list[str] = []
    evaluated: list[str] = []
    for person in (scan.nobody, *scan.people[:1]):
        paths = [page.path for page in person.pages if page.route is None or not page.route.has_parameters][:_MAX_PAGES]
        tries = [f"{path}?{urlencode(dict.fromkeys(_NAMES, _VALUE))}" for path in paths]
        tries += [f"{path}?{urlencode({name: _VALUE})}" for path in paths for name in _COMMON]
        tries += [f"/probe-{quote(_VALUE)}", f"{scan.front.rstrip('/')}/{quote(_VALUE)}"]
        tries += [route.path_with(quote(_VALUE, safe="")) for route in scan.pages() if route.has_parameters][
            :_MAX_PAGES
        ]
        referer = {"Referer": f"https://{FOREIGN_HOST}/{_MARK}"}
        answers = await scan.client.get_all(tries, visitor=person.visitor, headers=referer)
        places = [(f"GET {path.partition('?')[0]}", answer) for path, answer in answers]
        reflected += [place for place, answer in places if answer.is_document and _MARK in answer.text]
        evaluated += [place for place, answer in places if _PRODUCT in answer.text]
    for finding in found_at(REFLECTED, reflected):
        yield finding
    for finding in found_at(EVALUATED, evaluated):
        yield finding


async def check_errors(scan: Scan) -> AsyncIterator[Finding]:
    """Look through everything that was answered."""
    inside = [seen.where for seen in scan.client.seen if seen.answer.status >= 400 and _INSIDE.search(seen.answer.text)]
    crashed = [seen.where for seen in scan.client.seen if seen.answer.status in {500, 502, 504}]
    for finding in found_at(TOLD_INSIDE, inside):
        yield finding
    for finding in found_at(CRASHED, crashed):
        yield finding
