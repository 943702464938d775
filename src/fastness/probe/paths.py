"""Spellings of a path: none may reach what the plain one refuses, leave the folder of static files, or make a page cacheable.

A proxy and an app that read a path in two ways disagree on which rule holds for it (CWE-436). A variant counts as reaching
something only if the same variant of an address where nothing is does not. ASVS 5.0: V1.2.2, V8.3.1.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import found_at
from fastness.probe.cookies import is_kept
from fastness.probe.scan import Scan

OTHER_SPELLING: Final = Notice(
    id="FST-PROBE-050",
    severity=Severity.CRITICAL,
    title="Another spelling of a path reaches what the plain one refuses",
    why="Whoever knows the spelling is past the rule.",
    fix="Have the proxy pass paths on as they came, and let nothing behind the framework's match stage decode them again.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.3.1",),
)
TRAVERSED: Final = Notice(
    id="FST-PROBE-051",
    severity=Severity.CRITICAL,
    title="A path leads to files of the machine",
    why="Keys, source code and the database can be read.",
    fix="Serve files by name from a list, as static= does; never join a path of a request to a folder.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V1.2.2",),
)
DECEIVED_CACHE: Final = Notice(
    id="FST-PROBE-052",
    severity=Severity.MEDIUM,
    title="A private page is answered under the name of a static file",
    why="A cache that keeps everything ending in .css keeps the page of whoever was led there, for all (cache deception).",
    fix="Let routes take whole paths only, and send no-store with what is for one person.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V14.3.2",),
)

NOTICES: Final = (OTHER_SPELLING, TRAVERSED, DECEIVED_CACHE)

_MAX_ROUTES: Final = 25
_NOTHING: Final = "/probe-nothing/is-here"
_STEPS: Final = (
    "../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..\\", "..%5c", "%252e%252e%252f", "....//", "..;/", "%c0%ae%c0%ae/",
)  # fmt: skip
_ENDINGS: Final = ("/probe.css", ";probe.css", "%00probe.css", "%2fprobe.css", "%3fprobe.css", "%0aprobe.css")
_FILE_OF_EVERY_UNIX: Final = "root:x:0:0:"
_FILE_OF_EVERY_WINDOWS: Final = "[fonts]"


def spellings(path: str) -> Mapping[str, str]:
    """The same path for some readers, and another for others."""
    first, last = f"%{ord(path[1:2] or 'a'):02x}", path.rpartition("/")[2]
    return {
        "two slashes": "/" + path,
        "a slash at the end": path + "/",
        "a dot at the end": path + "/.",
        "an encoded dot at the end": path + "/%2e",
        "a dot segment": "/." + path,
        "an encoded dot segment": "/%2e" + path,
        "a way there and back": "/static/.." + path,
        "an encoded way there and back": "/static/%2e%2e" + path,
        "encoded slashes": "/" + path[1:].replace("/", "%2f") if path.count("/") > 1 else "/%2f" + path[1:],
        "a backslash": "/\\" + path[1:],
        "an encoded backslash": "/%5c" + path[1:],
        "an encoded letter": "/" + first + path[2:],
        "a letter encoded twice": "/%25" + first[1:] + path[2:],
        "capitals": path.upper() if path.upper() != path else path.lower(),
        "an encoded NUL at the end": path + "%00",
        "a NUL and an ending": path + "%00.css",
        "a parameter of a segment": path + ";probe",
        "a parameter that goes back": "/static/..;" + path,
        "a space at the end": path + "%20",
        "a line feed at the end": path + "%0a",
        "a full-width letter": path.replace(last, last[:-1] + "%ef%bd%8e") if last else path + "%ef%bd%8e",
        "an ending": path + ".json",
        "a hash": path + "%23",
        "a question mark": path + "%3f",
    }


async def check_spellings(scan: Scan) -> AsyncIterator[Finding]:
    """Try all spellings of what is refused."""
    controls = {path: what for what, path in spellings(_NOTHING).items()}
    answers = await scan.client.get_all(controls, may_hang_up=True)
    answered = {controls[path] for path, answer in answers if answer.is_success}
    places = []
    for route in [one for one in scan.pages() if one.is_refused][:_MAX_ROUTES]:
        tries = {
            path: what
            for what, path in spellings(route.sample).items()
            if what not in answered and not is_for_all(scan, path)
        }
        answers = await scan.client.get_all(tries, may_hang_up=True)
        places += [f"GET {path} ({tries[path]})" for path, answer in answers if answer.is_success]
    for finding in found_at(OTHER_SPELLING, places):
        yield finding


def is_for_all(scan: Scan, path: str) -> bool:
    """Whether the table itself has a public route there."""
    route = scan.target.route_at(path)
    return route is not None and not route.is_refused


async def check_traversal(scan: Scan) -> AsyncIterator[Finding]:
    """Leave the folder of static files."""
    folders = ["/static/", "/", *(f"{link.rpartition('/')[0]}/" for link in sorted(scan.nobody.links) if "." in link)]
    tries = [
        path
        for folder in list(dict.fromkeys(folders))[:5]
        for file in ("etc/passwd", "windows/win.ini")
        for path in (f"{folder}/{file}", *(folder + step * 9 + file for step in _STEPS))
    ]
    answers = await scan.client.get_all(tries, may_hang_up=True)
    places = [
        f"GET {path}"
        for path, answer in answers
        if _FILE_OF_EVERY_UNIX in answer.text or _FILE_OF_EVERY_WINDOWS in answer.text
    ]
    for finding in found_at(TRAVERSED, places):
        yield finding


async def check_deceived_caches(scan: Scan) -> AsyncIterator[Finding]:
    """Ask for somebody's pages as if they were style sheets."""
    places = []
    for person in scan.people[:1]:
        tries = [page.path + ending for page in person.private_pages()[:8] for ending in _ENDINGS]
        answers = await scan.client.get_all(tries, visitor=person.visitor, may_hang_up=True)
        places += [f"GET {path}" for path, answer in answers if answer.is_success and is_kept(answer)]
    for finding in found_at(DECEIVED_CACHE, places):
        yield finding
