"""The limit: each piece of the benchmark's work written by hand on ASGI, with the same security.

Standard library and Jinja2. What a framework costs is what it takes above this.
"""

import asyncio
import hashlib
import json
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl

from argon2.exceptions import VerificationError

from bench import data
from bench.apps import raw_store
from bench.apps.pages import make_environment
from bench.apps.passwords import make_hasher
from bench.apps.raw_security import (
    API_HEADERS,
    COOKIE_NAME,
    PRIVATE_HEADERS,
    TOKEN_NAME,
    Facts,
    RefusedError,
    Visitor,
    check_request,
    csp_header,
    find_visitor,
    is_token,
    make_nonce,
    make_token,
    read_body,
)

_BARE_HEADERS = [(b"content-type", b"application/json")]
_HTML = (b"content-type", b"text/html; charset=utf-8")
_FORM = b"application/x-www-form-urlencoded"
_MAX_FIELDS = 1000
_NICE = 15


class Application:
    """The hand-written application; all its work is a table from method and path to a method."""

    def __init__(self) -> None:
        environment = make_environment()
        self._page = environment.get_template("page.html")
        self._login = environment.get_template("login.html")
        self._hasher = make_hasher()
        self._hashing = ThreadPoolExecutor(max_workers=1, initializer=_be_nice)
        self._database = raw_store.open_database(data.run_folder())
        self._table = {
            ("GET", "/json"): self._json,
            ("GET", "/page"): self._show_page,
            ("POST", "/form"): self._take_form,
            ("GET", "/notes"): self._show_notes,
            ("POST", "/notes"): self._add_note,
            ("GET", "/login"): self._show_login,
            ("POST", "/login"): self._sign_in,
        }

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await _run_lifespan(scope, receive, send)
            return
        try:
            facts = check_request(scope)
            work = self._table.get((scope["method"], scope["path"]))
            if work is None:
                raise RefusedError(404, "not found")
            await work(facts, receive, send)
        except RefusedError as refusal:
            await _send(send, refusal.status, [*PRIVATE_HEADERS, _HTML], str(refusal).encode())

    async def _json(self, facts: Facts, receive, send) -> None:
        await _send(send, 200, [*API_HEADERS], json.dumps(data.MESSAGE).encode())

    async def _show_page(self, facts: Facts, receive, send) -> None:
        await self._render(send, self._visitor(facts), data.ROWS, "/form")

    async def _show_notes(self, facts: Facts, receive, send) -> None:
        visitor = self._visitor(facts)
        found = self._database.execute(raw_store.NOTES_QUERY, (visitor.user_id,)).fetchall()
        await self._render(send, visitor, [data.Row(*columns) for columns in found], "/notes")

    async def _take_form(self, facts: Facts, receive, send) -> None:
        await self._form(self._visitor(facts), facts, receive)
        await _redirect(send, b"/page")

    async def _add_note(self, facts: Facts, receive, send) -> None:
        visitor = self._visitor(facts)
        text = await self._form(visitor, facts, receive)
        self._database.execute(raw_store.NOTE_INSERT, (visitor.user_id, visitor.display_name, text, time.time()))
        await _redirect(send, b"/notes")

    async def _show_login(self, facts: Facts, receive, send) -> None:
        nonce = make_nonce()
        body = self._login.render(nonce=nonce, token_name=TOKEN_NAME, token="")
        await _send(send, 200, [*PRIVATE_HEADERS, _HTML, csp_header(nonce)], body.encode())

    async def _sign_in(self, facts: Facts, receive, send) -> None:
        # Nobody is signed in yet, so the cross-site decision alone protects this form.
        fields = _parse_form(facts, await read_body(receive, facts))
        row = self._database.execute(
            "SELECT id, password_hash FROM users WHERE username = ? AND is_active = 1", (fields.get("username"),)
        ).fetchone()
        if row is None or not await self._verify(row[1], fields.get("password", "")):
            raise RefusedError(403, "wrong name or password")
        value = secrets.token_urlsafe(32)
        raw_store.add_session(self._database, key=hashlib.sha256(value.encode()).digest(), user_id=row[0])
        cookie = COOKIE_NAME + b"=" + value.encode() + b"; Path=/; Secure; HttpOnly; SameSite=Lax"
        await _redirect(send, b"/page", (b"set-cookie", cookie))

    async def _verify(self, digest: str, password: str) -> bool:
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._hashing, self._hasher.verify, digest, password
            )
        except VerificationError:
            return False

    def _visitor(self, facts: Facts) -> Visitor:
        visitor = find_visitor(self._database, facts.cookie)
        if visitor is None:
            raise RefusedError(401, "sign in first")
        return visitor

    async def _form(self, visitor: Visitor, facts: Facts, receive) -> str:
        fields = _parse_form(facts, await read_body(receive, facts))
        if not is_token(visitor.session_key, fields.get(TOKEN_NAME, "")):
            raise RefusedError(403, "form token")
        text = fields.get("text", "")
        if not 0 < len(text) <= 500:
            raise RefusedError(422, "text")
        return text

    async def _render(self, send, visitor: Visitor, rows, action: str) -> None:
        nonce = make_nonce()
        body = self._page.render(
            title=data.TITLE,
            display_name=visitor.display_name,
            rows=rows,
            action=action,
            nonce=nonce,
            token_name=TOKEN_NAME,
            token=make_token(visitor.session_key),
        )
        await _send(send, 200, [*PRIVATE_HEADERS, _HTML, csp_header(nonce)], body.encode())


def _parse_form(facts: Facts, body: bytes) -> dict[str, str]:
    if facts.content_type.partition(b";")[0].strip() != _FORM:
        raise RefusedError(415, "content type")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise RefusedError(400, "form") from None


async def _send(send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _redirect(send, location: bytes, *more: tuple[bytes, bytes]) -> None:
    await _send(send, 303, [*PRIVATE_HEADERS, (b"location", location), *more], b"")


async def _run_lifespan(scope, receive, send) -> None:
    if scope["type"] != "lifespan":
        raise RuntimeError(scope["type"])
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def _be_nice() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)  # On Linux "process 0" of a thread is that thread alone.


async def _bare(scope, receive, send) -> None:
    if scope["type"] != "http":
        await _run_lifespan(scope, receive, send)
        return
    if scope["path"] != "/json":
        await _send(send, 404, [*_BARE_HEADERS], b"{}")
        return
    await _send(send, 200, [*_BARE_HEADERS], json.dumps(data.MESSAGE).encode())


seed = raw_store.seed
app = _bare if data.is_bare() else Application()
