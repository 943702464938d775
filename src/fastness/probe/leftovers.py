"""What was left lying: files of development and operation that are served by mistake.

Each is known by what stands in it, so that a site that answers everything with a friendly page is not accused. What the app's own
table declares as public is its author's decision. ASVS 5.0: V13.4.1, V13.4.2, V13.4.3, V13.4.5, V13.4.7.
"""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import found_at
from fastness.probe.scan import Scan

SECRET_FILE: Final = Notice(
    id="FST-PROBE-070",
    severity=Severity.CRITICAL,
    title="A file with secrets or source code is served",
    why="Keys, passwords and the whole history of the code are there for whoever asks.",
    fix="Serve nothing but the folder of static files, and change every secret that was in it.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.1", "V13.4.7"),
)
DEBUG_PAGE: Final = Notice(
    id="FST-PROBE-071",
    severity=Severity.CRITICAL,
    title="A page for developers answers everybody",
    why="Consoles run code, and profilers and status pages show what others do.",
    fix="Run the production profile, and keep such pages off the address that visitors use.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.2", "V13.4.5"),
)
DESCRIBED_API: Final = Notice(
    id="FST-PROBE-072",
    severity=Severity.MEDIUM,
    title="The description of an API is public, and no route says so",
    why="It lists every address and field, those that no page links to among them.",
    fix="Declare it as a route with an access rule, or turn it off.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.5",),
)
SOURCE_MAP: Final = Notice(
    id="FST-PROBE-073",
    severity=Severity.LOW,
    title="A source map is served",
    why="It shows scripts as they were written, with their comments.",
    fix="Leave the .map files out of what is deployed.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.7",),
)
LISTED_FOLDER: Final = Notice(
    id="FST-PROBE-074",
    severity=Severity.MEDIUM,
    title="A folder shows what is in it",
    why="What nobody was to find is listed.",
    fix="Turn listings off; the framework serves files by name only.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.3",),
)

NOTICES: Final = (SECRET_FILE, DEBUG_PAGE, DESCRIBED_API, SOURCE_MAP, LISTED_FOLDER)

_KEY: Final = re.compile(r"(?m)^(?:export )?[A-Z][A-Z0-9_]+ *= *\S")
_PYTHON: Final = re.compile(r"(?m)^(?:from [\w.]+ import |import \w|def \w+\(|class \w+)")
_SECRET_FILES: Final[Mapping[str, re.Pattern[str]]] = {
    "/.git/HEAD": re.compile(r"\A(?:ref: refs/|[0-9a-f]{40}\s)"),
    "/.git/config": re.compile(r"\[core\]"),
    "/.svn/entries": re.compile(r"\A\d+\s"),
    "/.hg/requires": re.compile(r"revlog"),
    **dict.fromkeys(
        ("/.env", "/.env.local", "/.env.production", "/.env.bak", "/.env~", "/config/.env", "/static/.env"), _KEY
    ),
    **dict.fromkeys(("/app.py", "/main.py", "/settings.py", "/manage.py", "/wsgi.py", "/static/../app.py"), _PYTHON),
    **dict.fromkeys(("/app.py~", "/app.py.bak", "/settings.py.old", "/.app.py.swp"), _PYTHON),
    "/pyproject.toml": re.compile(r"(?m)^\[(?:project|tool\.)"),
    "/requirements.txt": re.compile(r"(?m)^[\w.-]+(?:\[\w+\])?(?:==|>=)"),
    "/docker-compose.yml": re.compile(r"(?m)^services:"),
    "/Dockerfile": re.compile(r"(?m)^FROM \S"),
    "/.htpasswd": re.compile(r"(?m)^\w+:[$\w{]"),
    "/.aws/credentials": re.compile(r"aws_secret"),
    "/id_rsa": re.compile(r"PRIVATE KEY"),
    "/.DS_Store": re.compile(r"\A\x00\x00\x00\x01Bud1"),
    "/backup.sql": re.compile(r"(?i)(?:create table|insert into)"),
    "/dump.sql": re.compile(r"(?i)(?:create table|insert into)"),
    **dict.fromkeys(
        ("/db.sqlite3", "/var/data.sqlite3", "/var/store.sqlite3", "/data.sqlite3"), re.compile(r"\ASQLite format 3")
    ),
    **dict.fromkeys(("/backup.zip", "/site.zip"), re.compile(r"\APK\x03\x04")),
}
_DEBUG_PAGES: Final[Mapping[str, re.Pattern[str]]] = {
    **dict.fromkeys(("/console", "/debug"), re.compile(r"(?i)werkzeug|debugger|traceback|interactive console")),
    "/__debug__/": re.compile(r"(?i)debug toolbar|djdt"),
    "/_profiler": re.compile(r"(?i)profiler"),
    "/silk/": re.compile(r"(?i)silk"),
    "/server-status": re.compile(r"Apache Server Status"),
    "/nginx_status": re.compile(r"Active connections:"),
    "/phpinfo.php": re.compile(r"PHP Version"),
    "/metrics": re.compile(r"(?m)^# (?:HELP|TYPE) "),
    "/actuator/env": re.compile(r"propertySources"),
    "/debug/pprof/": re.compile(r"pprof"),
    "/debug/vars": re.compile(r'"memstats"'),
    "/-/debug": re.compile(r"(?i)development token"),
}
_DESCRIPTIONS: Final = re.compile(r"(?i)\"(?:openapi|swagger)\"\s*:|swagger-ui|redoc|\"__schema\"|graphiql")
_DESCRIBED: Final = (
    "/openapi.json", "/swagger.json", "/docs", "/redoc", "/swagger", "/api/openapi.json", "/api/docs", "/api/redoc",
    "/api/schema",
    "/graphql", "/graphiql",
)  # fmt: skip
_LISTING: Final = re.compile(r"(?i)<title>(?:Index of|Directory listing for) /")


async def check_leftovers(scan: Scan) -> AsyncIterator[Finding]:
    """Ask for each by its usual name."""
    for notice, signs in (
        (SECRET_FILE, _SECRET_FILES),
        (DEBUG_PAGE, _DEBUG_PAGES),
        (DESCRIBED_API, dict.fromkeys(_DESCRIBED, _DESCRIPTIONS)),
    ):
        places = [path for path, sign in signs.items() if await is_served(scan, path, sign)]
        for finding in found_at(notice, places):
            yield finding
    assets = [link for link in sorted(scan.nobody.links) if link.endswith((".js", ".css", ".mjs"))][:20]
    maps = [f"{link}.map" for link in assets if await is_served(scan, f"{link}.map", re.compile(r'"mappings"'))]
    for finding in found_at(SOURCE_MAP, maps):
        yield finding
    folders = dict.fromkeys(
        ["/static/", "/media/", "/uploads/", "/files/", *(f"{link.rpartition('/')[0]}/" for link in assets)]
    )
    for finding in found_at(LISTED_FOLDER, [folder for folder in folders if await is_served(scan, folder, _LISTING)]):
        yield finding


async def is_served(scan: Scan, path: str, sign: re.Pattern[str]) -> bool:
    """Whether the answer is what the name promises, and no route of the table that is meant for all."""
    route = scan.target.route_at(path)
    if route is not None and not route.is_refused and not route.path.startswith("/static/") and route.kind != "mount":
        return False
    answer = await scan.client.ask(path)
    return answer.is_success and sign.search(answer.body.decode("latin-1")) is not None
