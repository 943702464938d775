"""What the checks work with: the client, the people, and the addresses that are there.

The addresses come from the app's own table, with values that name nothing, and from the links that nobody and each of the
accounts are shown. Links are followed by GET only, which changes nothing by the framework's promise; what reads like signing out
is left alone. Pages are looked at once and kept, so that checks about pages send nothing of their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

from fastness.html.forms import forms_in
from fastness.probe.client import Client, Visitor
from fastness.probe.target import Account, KnownRoute, Target
from fastness.probe.wire import Answer

MAX_PAGES: Final = 40
"""For each person."""
_MAX_LINKS: Final = 200
_LEFT_ALONE: Final = ("sign-out", "signout", "logout", "log-out", "delete", "remove")
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


class Scan:
    """The target as it has been seen so far."""

    def __init__(self, target: Target, client: Client) -> None:
        self.target = target
        self.client = client
        self.nobody = Person(Visitor())
        self.people: list[Person] = []
        self.failed_sign_ins: list[str] = []

    @property
    def routes(self) -> tuple[KnownRoute, ...]:
        return self.target.routes

    def pages(self) -> Iterator[KnownRoute]:
        """The routes that answer GET, but for static files."""
        for route in self.routes:
            if "GET" in route.methods and route.kind == "http" and not route.path.startswith("/static/"):
                yield route

    async def look_round(self) -> None:
        """Sign everybody in, and see what each is shown."""
        await self.explore(self.nobody)
        for account in self.target.accounts:
            person = Person(Visitor(name=account.name), account)
            if await self.sign_in(person):
                self.people.append(person)
                await self.explore(person)
            else:
                self.failed_sign_ins.append(account.name)

    async def sign_in(self, person: Person) -> bool:
        """Sign somebody in by the page; whether it led to a session."""
        path, account = self.target.sign_in_path, person.account
        if path is None or account is None:
            return False
        fields = {"username": account.name, "password": account.password.reveal()}
        person.visitor.cookies.pop(self.target.session_cookie, None)
        answer = await self.submit(path, fields, person.visitor)
        return 300 <= answer.status < 400 and self.target.session_cookie in person.visitor.cookies

    async def submit(self, path: str, fields: dict[str, str], visitor: Visitor) -> Answer:
        """Open a page and send its form."""
        page = await self.client.ask(path, visitor=visitor)
        base = self.target.address.base
        own = next((form for form in forms_in(page.text) if form.action in {"", base + path}), None)
        pairs = {**dict(own.fields if own else ()), **fields}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Referer": self.target.address.origin + base + path,
        }
        return await self.client.ask(path, "POST", visitor=visitor, headers=headers, body=encoded(pairs))

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
            parts = urlsplit(urljoin(f"{address.origin}{address.base}{path}", link))
            is_here = f"{parts.scheme}://{parts.netloc}" == address.origin and parts.path.startswith(address.base + "/")
            if is_here and parts.path.isascii():
                found.append(parts.path.removeprefix(address.base))
        return found


class LinkReader(HTMLParser):
    """Collects the addresses of links and scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the element refers to."""
        wanted = {"a": "href", "script": "src", "link": "href"}.get(tag)
        self.links += [value for name, value in attrs if name == wanted and value]


def is_left_alone(path: str) -> bool:
    """Whether an address reads as if it ended something."""
    return any(word in path.lower() for word in _LEFT_ALONE)


def encoded(fields: dict[str, str]) -> bytes:
    """Fields as a form sends them."""
    return urlencode(fields).encode()
