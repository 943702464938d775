"""A request that names itself by an `Idempotency-Key` is carried out once, however often it is sent.

    @routes.post("/fees/{fee_id:uuid}/payment", access=access.signed_in, idempotency_key=True)

The first request does the work and its answer is kept, in the same transaction; a second one with the same key and the same
content gets that answer and does nothing. What an answer does after its last byte (a background task) is done after the commit,
and once. The same key with other content is refused, and so is a request without a key. What
failed (a status of 400 and above) was undone and is not kept, so that it can be tried again.

The key is of the client's choice: it names a request among one person's, and opens nothing. Answers are kept up to a size; a
route that answers with more cannot use this. `auth/answers.py` has the rows. The header is that of the IETF's draft
(draft-ietf-httpapi-idempotency-key-header). ASVS 5.0: V2.3.3, V2.3.4.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from fastness.kernel.errors import FastnessError, InvalidInputError
from fastness.kernel.limits import SAFE_METHODS
from fastness.kernel.texts import Text
from fastness.web.bodies import read_body
from fastness.web.exchange import SCOPE_KEY, ASGIApp, Exchange, Message, Receive, Scope, Send
from fastness.web.receiving import hold_to_parsed_size
from fastness.web.refusals import SignInRequiredError
from fastness.web.unit import actor_for, require_unit

HEADER: Final = b"idempotency-key"
MAX_KEPT_BYTES: Final = 65_536
_KEY: Final = re.compile(rb'(?P<quote>"?)(?P<key>[A-Za-z0-9_.:-]{16,128})(?P=quote)')
"""A structured text, as the draft has it, or the same without its quotation marks, as most clients send it."""
_KEPT_HEADERS: Final = frozenset(
    {b"content-type", b"content-encoding", b"content-disposition", b"content-language", b"location"}
)
"""What says what the body is, and where else to look: without these it would be read as something else."""
_REPLAYED: Final = (b"idempotent-replayed", b"true")
_FAILED: Final = 400


class IdempotencyKeyError(InvalidInputError):
    """The request has no key, or one that cannot be one."""

    code = "idempotency_key"
    public: str = Text(
        "This address needs an Idempotency-Key: 16 to 128 letters, digits, or any of . _ : -, new for each request."
    )


class AnswerTooLargeError(FastnessError):
    """The answer is larger than what is kept."""

    code = "answer_too_large"


def carried_out_once(app: ASGIApp) -> ASGIApp:
    """The app of a route, asked once for each key."""

    async def once(scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        if exchange.method in SAFE_METHODS:
            await app(scope, receive, send)
            return
        key = key_of(exchange)
        actor = actor_for(exchange)
        if actor.is_anonymous:
            raise SignInRequiredError("idempotency_key", "A key belongs to a person; nobody is signed in.")
        hold_to_parsed_size(exchange)
        body = await read_body(receive)
        answers = exchange.site.answers()
        named = answers.named(actor.id, key, request_of(exchange, scope, body))
        db = require_unit(exchange).session
        known = await answers.find_or_begin(db, named)
        if known is not None:
            await send_again(send, *known)
            return

        async def let_go(held: HeldAnswer) -> None:
            if held.status < _FAILED:
                await answers.keep(db, named, held.answer())
            for message in held.messages:
                await send(message)

        await app(scope, replayed(body, receive), HeldAnswer(let_go))

    return once


def key_of(exchange: Exchange) -> bytes:
    """The request's key. Raises `IdempotencyKeyError`."""
    match = _KEY.fullmatch(exchange.headers.get(HEADER, b"").strip())
    if match is None:
        raise IdempotencyKeyError("The request has no Idempotency-Key that could be one.")
    return match["key"]


def request_of(exchange: Exchange, scope: Scope, body: bytes) -> tuple[bytes, ...]:
    """What makes it the same request: method, address, type and body."""
    query: bytes = scope.get("query_string") or b""
    content_type = exchange.headers.get(b"content-type", b"")
    return exchange.method.encode(), scope["path"].encode(), query, content_type, body


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body first, and then what else comes."""
    is_given = False

    async def again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class HeldAnswer:
    """A `send` that holds what is sent, until it is whole. What was never finished is neither kept nor sent."""

    __slots__ = ("_let_go", "messages", "size")

    def __init__(self, let_go: "Callable[[HeldAnswer], Awaitable[None]]") -> None:
        self._let_go = let_go
        self.messages: list[Message] = []
        self.size = 0

    async def __call__(self, message: Message) -> None:
        self.size += len(message.get("body", b""))
        if self.size > MAX_KEPT_BYTES:
            raise AnswerTooLargeError(
                f"A route with idempotency_key=True answers with at most {MAX_KEPT_BYTES} bytes; answer with an address."
            )
        self.messages.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            await self._let_go(self)

    @property
    def status(self) -> int:
        """Of the answer."""
        return int(self.messages[0]["status"])

    def answer(self) -> "tuple[int, tuple[tuple[str, str], ...], bytes]":
        """What is kept of it: never a cookie."""
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self.messages[0].get("headers", ())
            if name.lower() in _KEPT_HEADERS
        )
        return self.status, headers, b"".join(message.get("body", b"") for message in self.messages[1:])


async def send_again(send: Send, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
    """Answer with what was kept; the client is told that nothing was done."""
    kept = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*kept, length, _REPLAYED]})
    await send({"type": "http.response.body", "body": body})
