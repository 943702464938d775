"""A client that sends what a browser sends, so that tests meet the same gates as people.

It keeps cookies with their flags (a `__Host-` cookie that breaks the prefix's rules is dropped, as browsers drop it), adds
`Sec-Fetch-*`, `Origin` and `Referer` to every request, follows redirects, reads the forms of the page it is on and submits them
with their hidden fields. `from_site` acts as a page of another origin would: the cookies that SameSite withholds stay home.
`sign_in` goes all the way: it sets up a second factor where the app demands one, and proves it.

It drives an ASGI app in this process, or a server by its address.
"""

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import unescape
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urljoin, urlsplit

import httpx2  # nosec FST050 # it calls the app under test, in its own process

from fastness.accounts.continuing import FACTOR_PATH, SET_UP_PATH
from fastness.app import Fastness
from fastness.html.forms import Form, forms_in
from fastness.kernel.errors import FastnessError
from fastness.testing.authenticator import Authenticator
from fastness.web.exchange import ASGIApp

HERE: Final = "127.0.0.1"
"""Where a browser sits unless a test says otherwise."""

_PAGE_ACCEPT: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_MAX_REDIRECTS: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAFE: Final = frozenset({"GET", "HEAD"})
_CONTINUE: Final = re.compile(r'<a class="button block" href="([^"]+)">')


class BrowserError(FastnessError):
    """The test asked for something that is not on the page."""

    code = "test_browser"


@dataclass(slots=True)
class Cookie:
    """A cookie as the browser keeps it."""

    name: str
    value: str
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def is_secure(self) -> bool:
        """Sent over https only."""
        return "secure" in self.attributes

    @property
    def same_site(self) -> str:
        """`lax` where nothing is said, as browsers do."""
        return self.attributes.get("samesite", "lax").lower()


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, and where it came from."""

    url: str
    response: httpx2.Response

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status_code

    @property
    def text(self) -> str:
        """The body as text."""
        return self.response.text

    @property
    def headers(self) -> httpx2.Headers:
        """The response's headers."""
        return self.response.headers

    def json(self) -> Any:  # noqa: ANN401 - a test knows what it asked for
        """The body as JSON."""
        return self.response.json()

    def form(self, action: str | None = None, *, fields: Iterable[str] = ()) -> Form:
        """The page's form that goes to a path ending in `action`, or its only form, or its only one with these fields.

        A form that names no action goes to the page's own path.
        """
        forms = forms_in(self.text)
        found = [form for form in forms if action is None or (form.action or urlsplit(self.url).path).endswith(action)]
        if len(found) > 1:
            found = [form for form in found if form.names.issuperset(fields)]
        if len(found) != 1:
            wanted = "" if action is None else f" for {action!r}"
            there = [f"{form.action or urlsplit(self.url).path} ({', '.join(sorted(form.names))})" for form in forms]
            raise BrowserError(
                f"{self.url} has {len(found)} forms{wanted} that could be meant; name one by the end of its action. "
                f"There are: {'; '.join(there) or 'none'}."
            )
        return found[0]


class Browser:
    """One browser profile with one open page. Use it as an async context manager."""

    def __init__(
        self,
        target: ASGIApp | str,
        *,
        origin: str = "https://localhost",
        client_ip: str = HERE,
        trust: ssl.SSLContext | None = None,
        user_agent: str = "",
        authenticator: Authenticator | None = None,
    ) -> None:
        """Open a browser.

        Args:
            target: an ASGI app, or the address of a running server (then `origin` is that address).
            origin: scheme, host and port under which the app is visited.
            client_ip: the address the app sees.
            trust: what to believe a running server's certificate by, if not the authorities of this machine.
            user_agent: what the browser calls itself.
            authenticator: the telephone of whoever sits here; without, a new one.
        """
        self.authenticator = authenticator or Authenticator(
            target.services.clock if isinstance(target, Fastness) else None
        )
        if isinstance(target, str):
            origin = target.rstrip("/")
            # Without TLS there is nothing to verify, and reading the authorities takes longer than a test. A proxy of the
            # environment has no part in what goes on between a test and its server.
            verify = trust or origin.startswith("https:")
            self._client = httpx2.AsyncClient(follow_redirects=False, timeout=30, verify=verify, trust_env=False)
        else:
            transport = httpx2.ASGITransport(app=target, client=(client_ip, 50_000), raise_app_exceptions=False)
            self._client = httpx2.AsyncClient(transport=transport, follow_redirects=False)
        if user_agent:
            self._client.headers["user-agent"] = user_agent
        self.origin = origin
        self.cookies: dict[str, Cookie] = {}
        self.page: Page | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def open(self, path: str) -> Page:
        """Type an address: a navigation that no page started."""
        return await self._navigate("GET", urljoin(self.origin + "/", path), initiator=None)

    async def click(self, path: str) -> Page:
        """Follow a link on the current page."""
        return await self._navigate("GET", urljoin(self._here(), path), initiator=self.origin)

    async def submit(self, form: Form | str | None = None, /, **values: str) -> Page:
        """Fill in a form of the current page and send it.

        Args:
            form: the form, or the end of its action; without it, the page's only form, or its only one with these fields.
            values: fields by name. The others keep what the page gave them.
        """
        if self.page is None:
            raise BrowserError("No page is open.")
        chosen = form if isinstance(form, Form) else self.page.form(form, fields=values)
        fields = [(name, values.pop(name, value)) for name, value in chosen.fields] + list(values.items())
        url = urljoin(self._here(), chosen.action)
        return await self._navigate(chosen.method, url, initiator=self.origin, fields=fields)

    async def fetch(
        self,
        path: str,
        method: str = "GET",
        *,
        json: Any = None,  # noqa: ANN401 - whatever JSON holds
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """What a script of the current page does with `fetch()`."""
        url = urljoin(self.origin + "/", path)
        sent = self._fetch_metadata(url, initiator=self.origin, mode="cors", dest="empty", method=method)
        response = await self._send(
            method, url, {**sent, "accept": "*/*", **(headers or {})}, json=json, content=content
        )
        return Page(url, response)

    async def from_site(
        self,
        initiator: str,
        path: str,
        method: str = "POST",
        *,
        fields: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """What happens when a page of the origin `initiator` sends a form, or a link, here. Redirects are not followed."""
        url = urljoin(self.origin + "/", path)
        sent = self._fetch_metadata(url, initiator=initiator, mode="navigate", dest="document", method=method)
        pairs = None if fields is None else list(fields.items())
        response = await self._send(
            method,
            url,
            {**sent, "accept": _PAGE_ACCEPT, **(headers or {})},
            fields=pairs,
            content=content,
            initiator=initiator,
        )
        return Page(url, response)

    async def raw(self, method: str, path: str, **options: Any) -> Page:  # noqa: ANN401 - handed on
        """A request with nothing added but the cookies: a program that is no browser."""
        url = self.origin + path
        headers = httpx2.Headers(options.pop("headers", None))
        cookies = self._cookies_for(url, "GET", None)
        if cookies and "cookie" not in headers:
            headers["cookie"] = cookies
        response = await self._client.request(method, url, headers=headers, **options)
        self._keep_cookies(url, response)
        return Page(url, response)

    async def sign_in(self, username: str, password: str, *, path: str = "/account/sign-in") -> Page:
        """Sign in by the form, as a person does, with the second factor where one is asked for."""
        await self.open(path)
        page = await self.submit(path, username=username, password=password)
        where = urlsplit(page.url).path
        if where.endswith(SET_UP_PATH):
            return await self._set_up_factor(username, page)
        return await self._prove_factor(username) if where.endswith(FACTOR_PATH) else page

    async def _set_up_factor(self, username: str, page: Page) -> Page:
        self.authenticator.scan(username, page.text)
        page = await self.submit(f"{SET_UP_PATH}/app", code=self.authenticator.code(username))
        self.authenticator.keep_codes(username, page.text)
        # What a person does who has written the codes down.
        on = _CONTINUE.search(page.text)
        return page if on is None else await self.click(unescape(on[1]))

    async def _prove_factor(self, username: str) -> Page:
        if self.authenticator.has_code(username):
            return await self.submit(FACTOR_PATH, code=self.authenticator.code(username))
        return await self.submit(f"{FACTOR_PATH}/recovery", recovery=self.authenticator.recovery_code(username))

    def _here(self) -> str:
        return self.origin + "/" if self.page is None else self.page.url

    async def _navigate(
        self, method: str, url: str, *, initiator: str | None, fields: list[tuple[str, str]] | None = None
    ) -> Page:
        for _ in range(_MAX_REDIRECTS):
            if not same_origin(url, self.origin):
                raise BrowserError(f"The app sent the browser to another origin: {url}")
            headers = self._fetch_metadata(url, initiator=initiator, mode="navigate", dest="document", method=method)
            if self.page is not None and initiator is not None:
                headers["referer"] = self.page.url
            response = await self._send(method, url, {**headers, "accept": _PAGE_ACCEPT}, fields=fields)
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                self.page = Page(url, response)
                return self.page
            url = urljoin(url, response.headers["location"])
            if response.status_code == 303 or (response.status_code in {301, 302} and method == "POST"):
                method, fields = "GET", None
        raise BrowserError(f"More than {_MAX_REDIRECTS} redirects, the last to {url}")

    def _fetch_metadata(self, url: str, *, initiator: str | None, mode: str, dest: str, method: str) -> dict[str, str]:
        """The headers by which a browser says where a request comes from (W3C Fetch Metadata, Fetch standard)."""
        site = (
            "none"
            if initiator is None
            else "same-origin"
            if same_origin(url, initiator)
            else site_between(url, initiator)
        )
        headers = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
        if mode == "navigate":
            headers["sec-fetch-user"] = "?1"
        if method not in _SAFE or (mode == "cors" and site != "same-origin"):
            headers["origin"] = initiator or "null"
        return headers

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        fields: list[tuple[str, str]] | None = None,
        json: Any = None,  # noqa: ANN401 - whatever JSON holds
        content: bytes | None = None,
        initiator: str | None = None,
    ) -> httpx2.Response:
        sent = dict(headers)
        cookies = self._cookies_for(url, method, initiator)
        if cookies:
            sent.setdefault("cookie", cookies)
        if fields is not None and method == "GET":
            # The query of the address that a form goes to gives way to its fields.
            url = url.partition("?")[0] + "?" + str(httpx2.QueryParams(tuple(fields)))
        elif fields is not None:
            content = str(httpx2.QueryParams(tuple(fields))).encode()
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
        response = await self._client.request(method, url, headers=sent, json=json, content=content)
        self._keep_cookies(url, response)
        return response

    def _cookies_for(self, url: str, method: str, initiator: str | None) -> str:
        is_cross_site = initiator is not None and site_between(url, initiator) == "cross-site"
        is_trustworthy = url.startswith("https:") or urlsplit(url).hostname in {"localhost", "127.0.0.1"}
        kept = [
            f"{cookie.name}={cookie.value}"
            for cookie in self.cookies.values()
            if (is_trustworthy or not cookie.is_secure)
            and (not is_cross_site or cookie.same_site == "none" or (cookie.same_site == "lax" and method in _SAFE))
        ]
        return "; ".join(kept)

    def _keep_cookies(self, url: str, response: httpx2.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            cookie = parse_cookie(line)
            if cookie.name.lower().startswith("__host-"):
                is_right = (
                    cookie.is_secure and cookie.attributes.get("path") == "/" and "domain" not in cookie.attributes
                )
                if not is_right or not url.startswith(("https:", "http://localhost", "http://127.0.0.1")):
                    continue
            if cookie.attributes.get("max-age", "1").startswith(("0", "-")):
                self.cookies.pop(cookie.name, None)
            else:
                self.cookies[cookie.name] = cookie


def parse_cookie(line: str) -> Cookie:
    """A Set-Cookie line."""
    pair, *rest = line.split(";")
    name, _, value = pair.strip().partition("=")
    attributes = {key.strip().lower(): value.strip() for key, _, value in (part.partition("=") for part in rest)}
    return Cookie(name, value, attributes)


def same_origin(one: str, other: str) -> bool:
    """Equal scheme, host and port."""
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.hostname, port_of(first.scheme, first.port)) == (
        second.scheme,
        second.hostname,
        port_of(second.scheme, second.port),
    )


def port_of(scheme: str, port: int | None) -> int:
    """The port, or the scheme's own."""
    return port or (443 if scheme == "https" else 80)


def site_between(one: str, other: str) -> str:
    """`same-origin`, `same-site` or `cross-site`; the registrable domain is taken to be the last two labels."""
    if same_origin(one, other):
        return "same-origin"
    first, second = urlsplit(one), urlsplit(other)
    domains = [".".join((part.hostname or "").split(".")[-2:]) for part in (first, second)]
    return "same-site" if domains[0] == domains[1] and first.scheme == second.scheme else "cross-site"
