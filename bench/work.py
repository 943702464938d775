"""The pieces of work, and the check that a contender does all of each before it is measured.

A contender that escaped less, forgot the nonce, or took a forged token or host would be faster for it; so each answer is
read as a browser reads it and compared with the rows, and each refusal is asked for once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

from bench import data
from bench.client import Answer, Browser

PAGE = "/page"
NOTES = "/notes"
FORM = "/form"
JSON = "/json"
NEW_NOTE = "A note with <b>markup</b> & an ampersand"

_NONCE = re.compile(r"'nonce-([^']+)'")


class CheckError(Exception):
    """A contender does not do the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One piece of work: the request that is repeated and the status that says it was done."""

    name: str
    title: str
    mode: str
    """What the server is started as: `secured` or `bare`."""
    status: int
    prepare: Callable[[Browser], bytes]
    """Checks the contender and returns the request to repeat."""
    connections: int = 64
    count: int = 4000


@dataclass(slots=True)
class _Page(HTMLParser):
    """What a browser would make of the page."""

    cells: list[str] = field(default_factory=list)
    hidden: dict[str, str] = field(default_factory=dict)
    script_nonces: list[str] = field(default_factory=list)
    script_count: int = 0
    stray_tags: list[str] = field(default_factory=list)
    is_in_cell: bool = False

    def __post_init__(self) -> None:
        HTMLParser.__init__(self, convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if self.is_in_cell or tag in ("img", "svg"):
            self.stray_tags.append(tag)
        if tag == "td":
            self.is_in_cell = True
            self.cells.append("")
        elif tag == "script":
            self.script_count += 1
            self.script_nonces.append(named.get("nonce") or "")
        elif tag == "input" and named.get("type") == "hidden":
            self.hidden[named.get("name") or ""] = named.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self.is_in_cell = False

    def handle_data(self, data: str) -> None:
        if self.is_in_cell:
            self.cells[-1] += data


def sign_in(browser: Browser, account: data.Account) -> None:
    """Sign this account in, through the form."""
    fields = {
        **hidden_fields(browser.get(browser.login_path)),
        "username": account.username,
        "password": account.password,
    }
    answer = browser.post(browser.login_path, fields)
    _expect(answer, 302, 303, what="the sign-in")


def hidden_fields(answer: Answer) -> dict[str, str]:
    """The hidden fields of the form on this page."""
    return _read(answer).hidden


def prepare_json(browser: Browser) -> bytes:
    """The JSON message, without a cookie."""
    answer = browser.get(JSON, is_json=True)
    _expect(answer, 200, what="the JSON message")
    if answer.body.replace(" ", "") != '{"message":"Hello,world"}':
        raise CheckError(f"the JSON message is {answer.body!r}")
    return browser.encode("GET", JSON, is_json=True)


def prepare_secured_json(browser: Browser) -> bytes:
    """The JSON message behind the host check and with the security headers."""
    request = prepare_json(browser)
    _check_host(browser, JSON)
    _check_headers(browser.get(JSON, is_json=True))
    return request


def prepare_page(browser: Browser) -> bytes:
    """The secured page, its rows from memory."""
    return _prepare_page(browser, PAGE)


def prepare_notes(browser: Browser) -> bytes:
    """The secured page, its rows from the application's database."""
    return _prepare_page(browser, NOTES)


def prepare_form(browser: Browser) -> bytes:
    """A form post that changes nothing."""
    return _prepare_form(browser, PAGE, FORM)


def prepare_insert(browser: Browser) -> bytes:
    """A form post that inserts a row."""
    return _prepare_form(browser, NOTES, NOTES)


def _prepare_page(browser: Browser, path: str) -> bytes:
    if browser.get(path).status == 200:
        raise CheckError(f"{path} is shown to somebody who is not signed in")
    sign_in(browser, data.ACCOUNTS[0])
    nonces = {_check_page(browser.get(path)) for _ in range(2)}
    if len(nonces) != 2:
        raise CheckError("the nonce is not fresh for each response")
    _check_host(browser, path)
    return browser.encode("GET", path)


def _prepare_form(browser: Browser, source: str, target: str) -> bytes:
    sign_in(browser, data.ACCOUNTS[0])
    hidden = hidden_fields(browser.get(source))
    if len(hidden) != 1:
        raise CheckError(f"the form on {source} has the hidden fields {sorted(hidden)}")
    fields = {**hidden, "text": NEW_NOTE}
    _expect(browser.post(target, fields), 302, 303, what="a form with its token")
    for forged in ({"text": NEW_NOTE}, {name: "A" * len(value) for name, value in hidden.items()} | {"text": "x"}):
        answer = browser.post(target, forged)
        if answer.status not in (400, 403):
            raise CheckError(f"a forged form token is answered with {answer.status}")
    return browser.encode("POST", target, fields=fields)


def _check_page(answer: Answer) -> str:
    _expect(answer, 200, what="the page")
    page = _read(answer)
    wanted = [text for row in data.ROWS for text in (str(row.id), row.author, row.text)]
    if page.cells != wanted:
        raise CheckError(f"the page's cells differ: {page.cells[:6]}")
    if page.stray_tags or page.script_count != 1:
        raise CheckError(f"user text became markup: {page.stray_tags}")
    if len(page.hidden) != 1 or not all(page.hidden.values()):
        raise CheckError("the form has no token")
    _check_headers(answer)
    nonces = set(_NONCE.findall(answer.header("content-security-policy")))
    if len(nonces) != 1 or nonces != set(page.script_nonces):
        raise CheckError(f"the policy's nonce {nonces} is not the script's {page.script_nonces}")
    return nonces.pop()


def _check_headers(answer: Answer) -> None:
    if answer.header("x-content-type-options") != "nosniff":
        raise CheckError("no X-Content-Type-Options")
    for name in ("content-security-policy", "referrer-policy", "x-frame-options", "cross-origin-opener-policy"):
        if not answer.header(name):
            raise CheckError(f"no {name}")


def _check_host(browser: Browser, path: str) -> None:
    stranger = Browser(port=browser.port, cookies=dict(browser.cookies), host="elsewhere.test")
    answer = stranger.get(path)
    if not 400 <= answer.status < 500:
        raise CheckError(f"a foreign host is answered with {answer.status}")


def _read(answer: Answer) -> _Page:
    page = _Page()
    page.feed(answer.body)
    page.close()
    return page


def _expect(answer: Answer, *statuses: int, what: str) -> None:
    if answer.status not in statuses:
        raise CheckError(f"{what} is answered with {answer.status}: {answer.body[:300]}")


JSON_GROUP = (
    Work(name="json-bare", title="JSON hello, no security", mode="bare", status=200, prepare=prepare_json, count=8000),
    Work(
        name="json", title="JSON hello, secured", mode="secured", status=200, prepare=prepare_secured_json, count=8000
    ),
)
PAGE_GROUP = (
    Work(name="page", title="Secured page, 20 rows of user text", mode="secured", status=200, prepare=prepare_page),
)
FORM_GROUP = (
    Work(name="form", title="Form POST, answered with a redirect", mode="secured", status=303, prepare=prepare_form),
)
NOTES_GROUP = (
    Work(name="notes", title="Secured page, 20 rows from the ORM", mode="secured", status=200, prepare=prepare_notes),
)
INSERT_GROUP = (
    Work(name="insert", title="Form POST that inserts a row", mode="secured", status=303, prepare=prepare_insert),
)
GROUPS = {"json": JSON_GROUP, "page": PAGE_GROUP, "form": FORM_GROUP, "notes": NOTES_GROUP, "insert": INSERT_GROUP}
