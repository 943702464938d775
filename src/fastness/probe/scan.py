"""What the checks work with: the client, the people, and the addresses that are there.

The addresses come from the app's own table, with values that name nothing, and from the links that nobody and each of the
accounts are shown. Links are followed by GET only, which changes nothing by the framework's promise; what reads like signing out
is left alone. Pages are looked at once and kept, so that checks about pages send nothing of their own.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

from fastness.html.forms import forms_in
from fastness.kernel.report import Unchecked
from fastness.probe.client import Client, Visitor
from fastness.probe.target import Account, KnownRoute, Target
from fastness.probe.wire import Answer

LONGEST_WAIT_SECONDS: Final = 60
MAX_PAGES: Final = 40
"""For each person."""
_MAX_LINKS: Final = 200
_LEFT_ALONE: Final = ("sign-out", "signout", "logout", "log-out", "delete", "remove")
_NOT_SIGNED_IN: Final = (
    "Name and password were refused, or a second factor is asked for: make an account for the probe without one."
)
NO_FIELDS: Final[Mapping[str, str]] = {}
_OWN_PREFIXES: Final = ("/account/", "/static/", "/-/")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPage:
    """A page that somebody was shown."""

    path: str
    route: KnownRoute | None
    answer: Answer


@dataclass(slots=True)
class Person:
    """Somebody, and what they were shown; nobody in particular has no account."""

    visitor: Visitor
    account: Account | None = None
    pages: list[SeenPage] = field(default_factory=list)
    links: set[str] = field(default_factory=set)

    def private_pages(self) -> list[SeenPage]:
        """What they got, and nobody gets who is not signed in."""
        return [one for one in self.pages if one.route is not None and one.route.is_refused and one.answer.is_success]


class Scan:
    """The target as it has been seen so far."""

    def __init__(self, target: Target, client: Client) -> None:
        self.target = target
        self.client = client
        self.nobody = Person(Visitor())
        self.people: list[Person] = []
        self.left_out: list[Unchecked] = []
        """What a check could not look at."""
        self.session_cookie = target.session_cookies[0]

    @property
    def routes(self) -> tuple[KnownRoute, ...]:
        return self.target.routes

    def pages(self) -> Iterator[KnownRoute]:
        """The routes that answer GET, but for static files."""
        for route in self.routes:
            if "GET" in route.methods and route.kind == "http" and not route.path.startswith("/static/"):
                yield route

    @property
    def front(self) -> str:
        """A page that everybody gets."""
        return next((page.path for page in self.nobody.pages if page.answer.status == 200), "/")

    @property
    def somebody(self) -> Person:
        """The first who could be signed in, or nobody with a cookie that was never given out."""
        if self.people:
            return self.people[0]
        return Person(Visitor(cookies={self.session_cookie: "p" * 43}))

    def address_of(self, route: KnownRoute, person: Person) -> str:
        """An address of the route: one that the person was shown, or one that names nothing."""
        if not route.has_parameters:
            return route.path
        return next((link for link in sorted(person.links) if route.is_at(link)), route.sample)

    def leads_to_sign_in(self, answer: Answer) -> bool:
        """Whether somebody is asked to sign in."""
        path = urlsplit(answer.header("location")).path
        return (
            300 <= answer.status < 400
            and self.target.sign_in_path is not None
            and path.endswith(self.target.sign_in_path)
        )

    async def look_round(self) -> None:
        """Sign everybody in, and see what each is shown."""
        await self.explore(self.nobody)
        for account in self.target.accounts:
            person = Person(Visitor(name=account.name), account)
            if await self.sign_in(person):
                self.people.append(person)
                await self.explore(person)
            else:
                self.left_out.append(Unchecked(what=f"the account {account.name}", why=_NOT_SIGNED_IN))

    async def sign_in(self, person: Person, *, keeps_session: bool = False) -> bool:
        """Sign somebody in by the page, as from a new browser or with the session it has; whether it led to a session."""
        path, account = self.target.sign_in_path, person.account
        if path is None or account is None:
            return False
        fields = {"username": account.name, "password": account.password.reveal()}
        if not keeps_session:
            person.visitor.cookies.pop(self.session_cookie, None)
        answer = await self.submit(path, fields, person.visitor)
        seconds = answer.header("retry-after")
        if answer.status == 429 and seconds.isdecimal() and int(seconds) <= LONGEST_WAIT_SECONDS:
            # Earlier probes from this address have guessed.
            await asyncio.sleep(int(seconds) + 1)
            answer = await self.submit(path, fields, person.visitor)
        given = [name for name in self.target.session_cookies if name in person.visitor.cookies]
        self.session_cookie = next(iter(given), self.session_cookie)
        return 300 <= answer.status < 400 and bool(given)

    async def submit(self, path: str, fields: Mapping[str, str], visitor: Visitor) -> Answer:
        """Open a page and send the form on it that leads to itself."""
        return await self.submit_from(path, path, visitor, fields)

    async def submit_from(
        self, page_path: str, path: str, visitor: Visitor, fields: Mapping[str, str] = NO_FIELDS
    ) -> Answer:
        """Open a page and send its form that leads to `path`."""
        body = await self.filled(page_path, path, visitor, fields)
        return await self.client.ask(path, "POST", visitor=visitor, headers=self.form_headers(page_path), body=body)

    async def filled(self, page_path: str, path: str, visitor: Visitor, fields: Mapping[str, str]) -> bytes:
        """The body of a page's form that leads to `path`, with what the page gave it."""
        page = await self.client.ask(page_path, visitor=visitor)
        own = next((form for form in forms_in(page.text) if form.action in self._actions_for(path)), None)
        return urlencode({**dict(own.fields if own else ()), **fields}).encode()

    def has_form(self, answer: Answer, path: str) -> bool:
        """Whether a page has a form that leads to `path`."""
        return answer.is_document and any(
            form.action in self._actions_for(path) - {""} for form in forms_in(answer.text)
        )

    def form_headers(self, page_path: str) -> dict[str, str | None]:
        """What goes with a form of a page."""
        address = self.target.address
        form = "application/x-www-form-urlencoded"
        return {"Content-Type": form, "Referer": f"{address.origin}{address.base}{page_path}"}

    def _actions_for(self, path: str) -> set[str]:
        base = self.target.address.base
        return {"", base + path, f"{self.target.address.origin}{base}{path}"}

    async def explore(self, person: Person) -> None:
        """Follow the links from every page that needs no parameter, as far as `MAX_PAGES`."""
        waiting = [route.path for route in self.pages() if not route.has_parameters and not is_left_alone(route.path)]
        known = set(waiting)
        # The app's own pages first: what they link to matters most.
        waiting.sort(key=lambda path: path.startswith(_OWN_PREFIXES))
        while waiting and len(person.pages) < MAX_PAGES:
            path = waiting.pop(0)
            answer = await self.client.ask(path, visitor=person.visitor)
            route = self.target.route_at(path.partition("?")[0])
            person.pages.append(SeenPage(path=path, route=route, answer=answer))
            for link in self.links_in(answer, path):
                person.links.add(link)
                follows = self.target.route_at(link) is not None and not is_left_alone(link)
                if link not in known and follows and not link.startswith("/static/"):
                    known.add(link)
                    waiting.append(link)

    def links_in(self, answer: Answer, path: str) -> list[str]:
        """The paths on this site that a page links to."""
        if not answer.is_document:
            return []
        reader = LinkReader()
        reader.feed(answer.text)
        address = self.target.address
        found: list[str] = []
        for link in reader.links[:_MAX_LINKS]:
            try:
                parts = urlsplit(urljoin(f"{address.origin}{address.base}{path}", link))
            except ValueError:
                continue
            is_here = f"{parts.scheme}://{parts.netloc}" == address.origin and parts.path.startswith(address.base + "/")
            if is_here and parts.path.isascii():
                found.append(parts.path.removeprefix(address.base))
        return found


class LinkReader(HTMLParser):
    """Collects the addresses of links, scripts and forms."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the element refers to."""
        wanted = {"a": "href", "script": "src", "link": "href", "form": "action"}.get(tag)
        self.links += [value for name, value in attrs if name == wanted and value]


def is_left_alone(path: str) -> bool:
    """Whether an address reads as if it ended something."""
    return any(word in path.lower() for word in _LEFT_ALONE)
