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
        for path in pages_of(scan, person):
            for target in targets(scan.target.address.host):
                for query in queries(target, are_known=await takes_unknown(scan, path, person.visitor)):
                    answer = await scan.client.ask(f"{path}?{query}", visitor=person.visitor, keeps_cookies=False)
                    if leads_away(scan, path, answer):
                        places.append(f"GET {path}?{query[:60]}")
    paths = ("//{}/%2e%2e", "//{}//", "/\\{}/", "/%5c{}", "//{}")
    answers = {
        path: await scan.client.ask(path, may_hang_up=True) for path in (form.format(FOREIGN_HOST) for form in paths)
    }
    places += [f"GET {path}" for path, answer in answers.items() if leads_away(scan, "/", answer)]
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


async def takes_unknown(scan: Scan, path: str, visitor: Visitor) -> bool:
    """Whether a page does not mind parameters that it does not know."""
    known = scan.parameter_habits.get((path, visitor.name))
    if known is None:
        query = urlencode(dict.fromkeys(_PARAMETERS, "probe"))
        answer = await scan.client.ask(f"{path}?{query}", visitor=visitor, keeps_cookies=False)
        known = scan.parameter_habits[path, visitor.name] = answer.status < 400
    return known


def queries(target: str, *, are_known: bool) -> Iterable[str]:
    """One query with all parameters, or one for each of the common ones."""
    if are_known:
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
    places = []
    query = urlencode(dict.fromkeys((*_PARAMETERS, "lang", "name", "file", "filename", "download"), _SPLIT))
    paths = [f"{path}?{query}" for path in pages_of(scan, scan.nobody)]
    paths += [
        f"/{quote(_SPLIT)}",
        f"{scan.front.rstrip('/')}/{quote(_SPLIT)}",
        f"//{quote(_SPLIT)}",
        f"/static/{quote(_SPLIT)}",
    ]
    for path in paths:
        answer = await scan.client.ask(path, may_hang_up=True)
        if answer.header("x-probe-split"):
            places.append(f"GET {path[:80]}")
    for finding in found_at(SPLIT_HEADER, places):
        yield finding
