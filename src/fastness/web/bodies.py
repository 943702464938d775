"""Reading bodies: whole, as a urlencoded form, as a multipart form, as JSON. Every reader has a bound.

urlencoded bodies are split here, strictly; multipart goes through Starlette's parser on python-multipart, with the
route's limits on fields and files. A body's bytes were counted before they come here (`web/receiving.py`).
ASVS 5.0 V2.2.1, V15.2.2.
"""

from collections.abc import AsyncGenerator
from typing import Final

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from fastness.kernel.csrf import FIELD_NAME
from fastness.kernel.errors import InvalidInputError
from fastness.kernel.limits import LimitRules
from fastness.kernel.texts import Text
from fastness.web.exchange import Exchange, Receive
from fastness.web.receiving import hold_to_parsed_size
from fastness.web.refusals import RefusedError

URLENCODED: Final = b"application/x-www-form-urlencoded"
"""The type of a form's body that has no files."""
_UTF8: Final = frozenset({b"utf-8", b"utf8"})
_PERCENT: Final = 0x25
_PLUS: Final = 0x2B


class MalformedFormError(InvalidInputError):
    """A form body that cannot be read, or that has more fields than the route takes."""

    code = "malformed_form"


class UnsupportedTypeError(RefusedError):
    """A body of another type than the handler reads."""

    code = "unsupported_type"
    status = 415
    public: str = Text("This address does not take this kind of content.")


def require_json(exchange: Exchange) -> None:
    """Refuse a body that does not say that it is JSON: other sites' forms can send such text without asking first."""
    kind, _, _ = exchange.headers.get(b"content-type", b"").partition(b";")
    kind = kind.strip().lower()
    if kind != b"application/json" and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
        raise UnsupportedTypeError("not_json", "Send the document with Content-Type: application/json.")


async def own_fields(exchange: Exchange, receive: Receive) -> list[tuple[str, str]] | None:
    """The fields of a form that is to be given back to its person, without its token.

    None for anything that the browser does not say was sent from a page of this very site: nobody else's page may put values
    of its choice before somebody.
    """
    content_type = exchange.headers.get(b"content-type", b"").lstrip().lower()
    is_ours = exchange.has_origin_evidence and not exchange.is_trusted_cross_site
    if not (is_ours and exchange.method == "POST" and exchange.wants_page and content_type.startswith(URLENCODED)):
        return None
    hold_to_parsed_size(exchange)
    pairs = read_urlencoded(await read_body(receive), max_fields=exchange.site.limits.max_fields)
    return [(name, value) for name, value in pairs if name != FIELD_NAME]


async def read_body(receive: Receive) -> bytes:
    """The whole body. Raises Starlette's `ClientDisconnect` if the client goes away before its end."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        whole: bytes = message.get("body", b"")
        return whole
    chunks: list[bytes] = []
    while True:
        if message["type"] != "http.request":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()


async def stream_body(receive: Receive) -> AsyncGenerator[bytes, None]:
    """The body as it arrives."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


def read_urlencoded(body: bytes, *, max_fields: int) -> list[tuple[str, str]]:
    """The pairs of a urlencoded form, in order. Refuses bytes that are no UTF-8 instead of replacing them."""
    if body.count(b"&") >= max_fields:
        raise MalformedFormError(f"The form has more than {max_fields} fields.")
    pairs = []
    try:
        for part in body.split(b"&"):
            if part:
                name, _, value = part.partition(b"=")
                pairs.append((decode_component(name), decode_component(value)))
    except UnicodeDecodeError:
        raise MalformedFormError("It is not valid urlencoded UTF-8: a '%' has two hex digits after it.") from None
    return pairs


def decode_component(raw: bytes) -> str:
    r"""A name or value of a urlencoded form (WHATWG URL, application/x-www-form-urlencoded).

    A `%` without two hex digits is an error, as in a path: no browser writes one, and readers differ on what it means.
    Python's own decoder takes 70 ns for each escape, so that a short form holds the event loop for long. Here the escapes
    become `\x41`, which one call in C decodes; backslashes are escaped before, so there is no other escape in the text.
    """
    if _PLUS in raw:
        raw = raw.replace(b"+", b" ")
    if _PERCENT in raw:
        raw = raw.replace(b"\\", rb"\x5c").replace(b"%", rb"\x").decode("unicode_escape").encode("latin-1")
    return raw.decode()


async def read_multipart(
    headers: dict[bytes, bytes], receive: Receive, limits: LimitRules
) -> list[tuple[str, str | UploadFile]]:
    """The parts of a multipart form, in order; files are spooled to disk past 1 MB."""
    _, options = parse_options_header(headers.get(b"content-type", b""))
    if options.get(b"charset", b"utf-8").lower() not in _UTF8:
        # Python would look the name up among all its codecs: "punycode" takes a minute for a megabyte, "unicode_escape" and
        # "utf-7" turn harmless letters into markup behind every filter. No browser sends the parameter (RFC 7578 §5.1.2).
        raise MalformedFormError("A multipart form is read as UTF-8; its type names another charset.")
    parser = FormParser(
        Headers(raw=list(headers.items())),
        stream_body(receive),
        max_files=limits.max_files,
        max_fields=limits.max_fields,
    )
    try:
        form: FormData = await parser.parse()
    except MultiPartException as error:
        raise MalformedFormError(f"The multipart form cannot be read: {error.message}") from None
    if not parser.is_complete:
        await form.close()
        raise MalformedFormError("The multipart form has no end: what was cut off is not known.")
    return form.multi_items()


class FormParser(MultiPartParser):
    """Starlette's parser, as strict as ours for urlencoded forms: UTF-8 or nothing, and whole or not at all."""

    is_complete = False

    def on_headers_finished(self) -> None:
        require_utf8(self._current_part.content_disposition or b"")
        super().on_headers_finished()

    def on_part_end(self) -> None:
        if self._current_part.file is None:
            require_utf8(self._current_part.data)
        super().on_part_end()

    def on_end(self) -> None:
        self.is_complete = True


def require_utf8(data: bytes | bytearray) -> None:
    """Raise where Starlette would read the bytes as Latin-1 instead: one form would say two things to two readers."""
    try:
        data.decode()
    except UnicodeDecodeError:
        raise MultiPartException("A name or value is not UTF-8.") from None
