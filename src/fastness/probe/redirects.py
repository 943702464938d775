"""Redirects: nothing in a request sends visitors to another site, and nothing in it ends a header.

Every page is asked with the parameters that apps commonly redirect by, all in one request and, where the page refuses what it
does not know, one by one. ASVS 5.0: V1.2.2, V3.7.2, V4.2.5.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Final
from urllib.parse import quote, urlencode, urljoin, urlsplit

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import FOREIGN_HOST, found_at
from fastness.probe.client import Visitor
from fastness.probe.scan import Person, Scan
from fastness.probe.wire import Answer

OPEN_REDIRECT: Final = Notice(
    id="FST-PROBE-055",
    severity=Severity.HIGH,
    title="A link to this site leads to any other",
    why="A link that begins with the site's name ends at a copy of its sign-in page.",
    fix="Redirect with redirect(request, …), which goes to this site and to declared hosts only.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V3.7.2",),
)
SPLIT_HEADER: Final = Notice(
    id="FST-PROBE-056",
    severity=Severity.HIGH,
    title="A value of the request becomes a header of the answer",
    why="A line break in it sets cookies, or writes a second answer into a shared cache (CWE-113).",
    fix="Let every answer pass the framework's headers stage, which refuses line breaks.",
    topic=Topic.INJECTION,
    asvs=("V1.2.2",),
)

NOTICES: Final = (OPEN_REDIRECT, SPLIT_HEADER)

_PARAMETERS: Final = (
    "next", "url", "to", "return", "return_to", "returnTo", "returnUrl", "redirect", "redirect_to", "redirect_uri",
    "redirect_url",
    "continue", "dest", "destination", "target", "goto", "go", "back", "callback", "r", "u",
)  # fmt: skip
_COMMON: Final = _PARAMETERS[:8]
_MAX_PAGES: Final = 30
_SPLIT: Final = "probe\r\nX-Probe-Split: yes"


def targets(host: str) -> tuple[str, ...]:
    """Addresses of another site, some of which read like paths of this one."""
    return (
        f"https://{FOREIGN_HOST}/",
        f"//{FOREIGN_HOST}/",
        f"/\\{FOREIGN_HOST}/",
        f"/\t/{FOREIGN_HOST}/",
        f"https:{FOREIGN_HOST}",
        f"https://{host}@{FOREIGN_HOST}/",
        f"https://{FOREIGN_HOST}\\@{host}/",
        f"\\\\{FOREIGN_HOST}",
    )


async def check_redirects(scan: Scan) -> AsyncIterator[Finding]:
    """Ask each page to lead elsewhere, as nobody and as somebody."""
    places: list[str] = []
    for person in (scan.nobody, *scan.people[:1]):
        visitor = person.visitor
        unknown = urlencode(dict.fromkeys(_PARAMETERS, "probe"))
        habits = await scan.client.get_all([f"{path}?{unknown}" for path in pages_of(scan, person)], visitor=visitor)
        tries = [
            f"{address.partition('?')[0]}?{query}"
            for address, answer in habits
            for target in targets(scan.target.address.host)
            for query in queries(target, are_taken=answer.status < 400)
        ]
        answers = await scan.client.get_all(tries, visitor=visitor)
        places += [f"GET {path[:80]}" for path, answer in answers if leads_away(scan, path, answer)]
    paths = [form.format(FOREIGN_HOST) for form in ("//{}/%2e%2e", "//{}//", "/\\{}/", "/%5c{}", "//{}")]
    answers = await scan.client.get_all(paths, may_hang_up=True)
    places += [f"GET {path}" for path, answer in answers if leads_away(scan, "/", answer)]
    places += [place async for place in after_sign_in(scan)]
    for finding in found_at(OPEN_REDIRECT, places):
        yield finding


def pages_of(scan: Scan, person: Person) -> list[str]:
    """The pages without parameters, those that redirect first."""
    pages = [page for page in person.pages if page.route is not None and not page.route.has_parameters]
    if person is not scan.nobody:
        pages = [
            page
            for page in pages
            if page.route is not None and (page.route.is_refused or page.answer.status // 100 == 3)
        ]
    return [page.path for page in sorted(pages, key=lambda page: page.answer.status // 100 != 3)][:_MAX_PAGES]


def queries(target: str, *, are_taken: bool) -> Iterable[str]:
    """One query with all parameters, or where a page minds those that it does not know, one for each of the common ones."""
    if are_taken:
        return [urlencode(dict.fromkeys(_PARAMETERS, target))]
    return [urlencode({name: target}) for name in _COMMON] if target.startswith(("https://probe", "//")) else []


async def after_sign_in(scan: Scan) -> AsyncIterator[str]:
    """Sign in with a target that lies elsewhere."""
    path = scan.target.sign_in_path
    for person in scan.people[:1]:
        account = person.account
        if path is None or account is None:
            return
        for target in (f"//{FOREIGN_HOST}/", f"https://{FOREIGN_HOST}/"):
            fields = {"username": account.name, "password": account.password.reveal(), "next": target}
            answer = await scan.submit(path, fields, Visitor(name=account.name))
            if leads_away(scan, path, answer):
                yield f"POST {path} with next={target}"


def leads_away(scan: Scan, path: str, answer: Answer) -> bool:
    """Whether a browser would go to the other site."""
    for header in (answer.header("location"), answer.header("refresh").partition("=")[2]):
        # Browsers read a backslash as a slash, and leave tabs and line breaks out (WHATWG URL §4.4).
        address = header.strip().replace("\\", "/").translate(dict.fromkeys(map(ord, "\t\r\n")))
        try:
            host = urlsplit(urljoin(scan.target.address.origin + path, address)).hostname or ""
        except ValueError:
            continue
        if header and host.endswith(FOREIGN_HOST):
            return True
    return False


async def check_split_headers(scan: Scan) -> AsyncIterator[Finding]:
    """Put a line break into every value that could become a header."""
    query = urlencode(dict.fromkeys((*_PARAMETERS, "lang", "name", "file", "filename", "download"), _SPLIT))
    paths = [f"{path}?{query}" for path in pages_of(scan, scan.nobody)]
    paths += [
        f"/{quote(_SPLIT)}",
        f"{scan.front.rstrip('/')}/{quote(_SPLIT)}",
        f"//{quote(_SPLIT)}",
        f"/static/{quote(_SPLIT)}",
    ]
    answers = await scan.client.get_all(paths, may_hang_up=True)
    places = [f"GET {path[:80]}" for path, answer in answers if answer.header("x-probe-split")]
    for finding in found_at(SPLIT_HEADER, places):
        yield finding
