"""How the matrix sends a sample: as a script on a page of the app does, with the token that the page would carry.

The requests pass every gate. So that a refusal can be told from a mistake of the test, each carries what a browser and a page of
the app would have sent: cookies, where it comes from, and the form token of the visitor's own session.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from fastness.app import Fastness
from fastness.auth.factor_types import is_enforced
from fastness.auth.users import find_user
from fastness.kernel.addresses import counted_as
from fastness.kernel.csrf import make_token
from fastness.kernel.errors import FastnessError
from fastness.kernel.limits import SAFE_METHODS
from fastness.kernel.tokens import hash_token
from fastness.kernel.values import dataclass
from fastness.sessions.identity import Identity
from fastness.testing.browser import HERE, Browser, Cookie
from fastness.testing.samples import Sample
from fastness.web.exchange import Message
from fastness.web.formtoken import ANONYMOUS as NO_SESSION
from fastness.web.ratelimit import Kind, key_of
from fastness.web.route import Route

SignIn: TypeAlias = Callable[[Browser], Awaitable[object]]


class SignInFailedError(FastnessError):
    """A person of the test could not be signed in."""

    code = "test_sign_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    code: str = ""
    """Of a problem document: which gate or error it was."""
    text: str = ""
    location: str = ""


def with_password(username: str, password: str) -> SignIn:
    """Sign in by the form, as people do."""

    async def sign_in(browser: Browser) -> None:
        await browser.sign_in(username, password)

    return sign_in


def with_session(app: Fastness, username: str, *, has_second_factor: bool = False) -> SignIn:
    """Open a session in the app's own store, as signing in does: for many people, or where the app has no sign-in page.

    Whoever needs a second factor has shown one; `has_second_factor` has it shown by anybody.
    """

    async def sign_in(browser: Browser) -> None:
        services = app.services
        async with services.open_unit(is_read_only=True) as unit:
            user = await find_user(unit.session, username)
        if user is None:
            raise SignInFailedError(f"There is no user {username!r}.")
        now = services.clock.epoch()
        blank = Identity(id=user.id, username=username, display_name="", authenticated_at=now)
        identity = await services.load_identity(replace(blank, second_factor_at=now))
        if identity is None:
            raise SignInFailedError(f"The user {username!r} may not sign in.")
        if not has_second_factor and not is_enforced(app.settings.second_factors, identity):
            identity = replace(identity, second_factor_at=None)
        await with_identity(app, identity)(browser)

    return sign_in


def with_identity(app: Fastness, identity: Identity) -> SignIn:
    """Open a session of somebody made up: with roles, permissions and proofs of the test's choice, and no row of a user."""

    async def sign_in(browser: Browser) -> None:
        sessions = app.services.sessions
        session = sessions.fresh()
        # As of now: whoever has a row, or whose sessions were ended before, has another epoch than somebody new.
        epoch = await app.services.store.epoch(identity.owner)
        sessions.sign_in(session, replace(identity, epoch=epoch))
        saved = await sessions.save(session)
        name = app.settings.session_cookie.name
        browser.cookies[name] = Cookie(name, saved.cookie_value or "", {"path": "/", "secure": ""})

    return sign_in


async def identity_in(app: Fastness, browser: Browser) -> Identity | None:
    """Who is signed in there, by the app's own store."""
    cookie = browser.cookies.get(app.settings.session_cookie.name)
    if cookie is None:
        return None
    return (await app.services.sessions.load(cookie.value)).identity


async def send(app: Fastness, browser: Browser, route: Route, method: str, sample: Sample) -> Answer:
    """Send a sample that was filled in."""
    await forget_rates(app, browser, route)
    path = path_of(route, sample.params)
    if sample.query:
        path += "?" + urlencode(sample.query, doseq=True)
    if method == "WEBSOCKET":
        return await shake_hands(app, browser, path)
    headers = {name.lower(): value for name, value in sample.headers.items()}
    content: bytes | None = None
    if sample.form is not None:
        content = urlencode(sample.form, doseq=True).encode()
        headers["content-type"] = "application/x-www-form-urlencoded"
    elif sample.json is not None:
        content = json.dumps(sample.json, default=str).encode()
        headers["content-type"] = "application/json"
    if method not in SAFE_METHODS:
        headers.setdefault("x-csrf-token", token_for(app, browser))
    page = await browser.fetch(path, method, content=content, headers=headers)
    return Answer(
        status=page.status,
        code=code_of(page.text) if page.headers.get("content-type", "").startswith("application/problem") else "",
        text=page.text,
        location=page.headers.get("location", ""),
    )


async def forget_rates(app: Fastness, browser: Browser, route: Route) -> None:
    """Forget what this visitor has sent to a route with a rate: who may use it is asked here, and not how often."""
    rates = (*route.client_rates, *route.user_rates)
    if not rates:
        return
    visitors: list[tuple[Kind, bytes]] = [("client", counted_as(HERE))]
    cookie = browser.cookies.get(app.settings.session_cookie.name)
    if cookie is not None:
        session = await app.services.sessions.load(cookie.value)
        visitors.append(("session", session.id_hash))
        visitors += [("user", identity.id.bytes) for identity in (session.identity,) if identity is not None]
    for rate in rates:
        for kind, who in visitors:
            await app.services.store.delete(key_of(app.services.keyring, rate, kind, who))


def path_of(route: Route, params: Mapping[str, object]) -> str:
    """The address, with its parameters in place."""
    values = {
        name: quote(str(params[name]), safe="/" if type(convertor).__name__ == "PathConvertor" else "")
        for name, convertor in route.convertors.items()
    }
    return str(route.path_format).format(**values)


def token_for(app: Fastness, browser: Browser) -> str:
    """The token that the app puts into the forms of this visitor."""
    cookie = browser.cookies.get(app.settings.session_cookie.name)
    return make_token(app.services.keyring, NO_SESSION if cookie is None else hash_token(cookie.value))


def code_of(text: str) -> str:
    """The code in a problem document."""
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    code = document.get("code", "") if isinstance(document, dict) else ""
    return code if isinstance(code, str) else ""


async def shake_hands(app: Fastness, browser: Browser, path: str) -> Answer:
    """Ask for a WebSocket in this process: 101 if it is accepted, 403 if it is closed before."""
    parts = urlsplit(browser.origin)
    target = urlsplit(path)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.values())
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "wss" if parts.scheme == "https" else "ws",
        "path": target.path,
        "raw_path": target.path.encode(),
        "query_string": target.query.encode(),
        "root_path": "",
        "headers": [
            (b"host", parts.netloc.encode()),
            (b"origin", browser.origin.encode()),
            *([(b"cookie", cookies.encode())] if cookies else []),
        ],
        "client": (HERE, 50_000),
        "server": (parts.hostname, parts.port or 443),
        "subprotocols": [],
    }
    answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})

    async def take(message: Message) -> None:
        if not answered.done():
            answered.set_result(message["type"] == "websocket.accept")
        if message["type"] == "websocket.accept":
            incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})

    task = asyncio.create_task(app(scope, incoming.get, take))
    await asyncio.wait((answered, task), return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return Answer(status=101 if answered.done() and answered.result() else 403)
