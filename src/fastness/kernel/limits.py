"""How much a request may ask of us, and the reading of what it announces.

Anybody can send requests. The cheapest attack is one that costs the sender a line and the server a second: a body
without end, a million fields, a number with a million digits, a document nested a hundred thousand deep. Each limit is
checked before the work that it bounds. What a request announces (`Content-Length`) is only ever used to refuse early;
the stage counts what it receives. JSON that two parsers may read differently (a name twice, NaN, a lone surrogate) is
refused, because the check and the use may sit in different parsers (Bishop Fox, "JSON interoperability", 2021).

It does not limit how often somebody may ask: that is the rate stage.

ASVS 5.0: V1.5.3 (parsers agree), V2.2.1 (positive validation), V4.1.4 (unused HTTP methods blocked), V4.2.1 (message
boundaries), V15.2.2 (defences against resource exhaustion).
"""

import json
import math
from enum import StrEnum
from typing import ClassVar, Final, NoReturn, TypeAlias

from fastness.kernel.errors import ConfigError, InvalidInputError
from fastness.kernel.texts import Text
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW, Deny, Verdict

KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Without TRACE and CONNECT, which no application has a use for: TRACE echoes cookies and Authorization to script."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""RFC 9110 §9.2.1, of the ones we know."""

MAX_CONTENT_LENGTH_DIGITS: Final = 15
MAX_NUMBER_LENGTH: Final = 128
"""Far above every 64-bit integer and double, far below what makes a conversion slow (CVE-2020-10735)."""

JSONValue: TypeAlias = bool | int | float | str | list["JSONValue"] | dict[str, "JSONValue"] | None


class LimitReason(StrEnum):
    """Why a request was refused for its size or shape."""

    UNKNOWN_METHOD = "unknown_method"
    MALFORMED_CONTENT_LENGTH = "malformed_content_length"
    BODY_TOO_LARGE = "body_too_large"


class JSONReason(StrEnum):
    """Why a JSON document was refused."""

    NOT_UTF8 = "json_not_utf8"
    SYNTAX = "json_syntax"
    TOO_DEEP = "json_too_deep"
    DUPLICATE_NAME = "json_duplicate_name"
    NOT_A_NUMBER = "json_not_a_number"
    NUMBER_TOO_LONG = "json_number_too_long"
    NUMBER_TOO_LARGE = "json_number_too_large"
    LONE_SURROGATE = "json_lone_surrogate"


class MalformedJSONError(InvalidInputError):
    """A JSON document that is broken, ambiguous or over a limit."""

    code: ClassVar[str] = "malformed_json"
    public: str = Text("The JSON document could not be read.")

    def __init__(self, detail: str, *, reason: JSONReason) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """The limits of a request; a route may state its own."""

    max_body_bytes: int = 2_000_000
    """Counted as received, whatever the request announced."""
    max_parsed_bytes: int = 500_000
    """The part of it that a JSON document or a urlencoded form may have, which become objects in memory at once; a route that
    states its own `max_body_bytes` states this, too."""
    max_fields: int = 1000
    """Form fields, names and values counted together as one."""
    max_field_characters: int = 10_000
    """The length of a text field whose form states none."""
    max_files: int = 20
    """File parts of a multipart body, empty ones included."""
    max_json_depth: int = 32
    """Nested arrays and objects."""
    max_header_count: int = 100
    """Header lines, repeated ones included."""
    max_header_bytes: int = 32_768
    """All names and values together."""
    max_url_bytes: int = 8192
    """Path and query as sent."""
    body_timeout_seconds: float = 30
    """How long a body may take, however short it is."""
    min_body_bytes_per_second: int = 500
    """What has arrived earns more time at this rate, so that a large body on a slow line is not cut off."""
    peek_bytes: int = 8192
    """How much of a form body is read to find its CSRF token."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ConfigError(f"LimitRules.{name} is a number above 0; to refuse bodies, do not accept the method.")


def decide_method(method: str) -> Verdict:
    """Decide whether a method is one that applications use; methods are case-sensitive (RFC 9110 §9.1)."""
    return ALLOW if method in KNOWN_METHODS else Deny(LimitReason.UNKNOWN_METHOD)


def decide_content_length(value: bytes, *, max_body_bytes: int | None = None) -> int | Deny:
    """The announced length, or why not; without `max_body_bytes` only the shape is judged (RFC 9110 §8.6: 1*DIGIT)."""
    # bytes.isdigit knows ASCII digits only. int() would also take "+5", "5_0", " 5" and Arabic digits, on which a proxy
    # in front disagrees: that is request smuggling.
    if not value.isdigit() or len(value) > MAX_CONTENT_LENGTH_DIGITS:
        return Deny(LimitReason.MALFORMED_CONTENT_LENGTH)
    length = int(value)
    if max_body_bytes is not None and length > max_body_bytes:
        return Deny(LimitReason.BODY_TOO_LARGE)
    return length


def parse_json(data: bytes, *, max_depth: int) -> JSONValue:
    """Read one JSON document (RFC 8259) in UTF-8; raises `MalformedJSONError` with a reason."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _refusal(JSONReason.NOT_UTF8) from None
    _check_depth(data, max_depth)
    parse_int, parse_float = (_parse_int, _parse_float) if _may_have_odd_numbers(data) else (None, None)
    try:
        value: JSONValue = json.loads(
            text,
            object_pairs_hook=_build_object,
            parse_constant=_refuse_constant,
            parse_int=parse_int,
            parse_float=parse_float,
        )
    except (ValueError, RecursionError):
        # The parser's own message quotes the document.
        raise _refusal(JSONReason.SYNTAX) from None
    # Raw surrogates are not UTF-8, so only an escape can bring one in; writing the value finds those without a partner.
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise _refusal(JSONReason.LONE_SURROGATE) from None
    return value


_NUMBER_BYTES: Final = bytes(0x30 if byte in b"0123456789+-.eE" else 0x20 for byte in range(256))
_TOO_MANY_DIGITS: Final = b"0" * (MAX_NUMBER_LENGTH + 1)
_EXPONENT_BYTES: Final = bytes(
    {0x45: 0x65, 0x65: 0x65, 0x2B: 0x2B}.get(byte, 0x30 if byte in b"0123456789" else 0x20) for byte in range(256)
)


def _may_have_odd_numbers(data: bytes) -> bool:
    """Whether a number could be too long, or large enough to become infinity.

    Asked once of the whole document, strings included, so that the parser calls back for each number of the few documents
    where the answer matters: for the others, a million numbers are converted in C. 128 digits with an exponent of two stay far
    below the largest double (1.8e308).
    """
    if len(data) > MAX_NUMBER_LENGTH and data.translate(_NUMBER_BYTES).find(_TOO_MANY_DIGITS) >= 0:
        return True
    exponents = data.translate(_EXPONENT_BYTES)
    return exponents.find(b"0e000") >= 0 or exponents.find(b"0e+000") >= 0


_OPENING: Final = frozenset(b"[{")
_NOT_STRUCTURE: Final = bytes(set(range(256)) - set(b'[]{}"'))


def _check_depth(data: bytes, max_depth: int) -> None:
    """Refuse deep nesting before the recursive parser sees it.

    What follows the first syntax error may be miscounted here; the parser stops there and never descends into it.
    """
    if data.count(b"[") + data.count(b"{") <= max_depth:
        return
    # Escapes go first, so that each quote left begins or ends a string; then every second piece is inside a string.
    quotes = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE)
    brackets = b"".join(quotes.split(b'"')[::2])
    # Innermost pairs go first: each pass takes one level off the whole document, in C. An honest one is gone after a few.
    flat = brackets.replace(b"{", b"[").replace(b"}", b"]")
    for _ in range(max_depth):
        before, flat = len(flat), flat.replace(b"[]", b"")
        if not flat:
            return
        if len(flat) == before:
            break
    depth = 0
    for byte in brackets:
        if byte in _OPENING:
            depth += 1
            if depth > max_depth:
                raise _refusal(JSONReason.TOO_DEEP)
        else:
            depth -= 1


def _build_object(pairs: list[tuple[str, JSONValue]]) -> dict[str, JSONValue]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _refusal(JSONReason.DUPLICATE_NAME)
    return result


def _refuse_constant(_text: str) -> NoReturn:
    raise _refusal(JSONReason.NOT_A_NUMBER)


def _parse_int(text: str) -> int:
    if len(text) > MAX_NUMBER_LENGTH:
        raise _refusal(JSONReason.NUMBER_TOO_LONG)
    return int(text)


def _parse_float(text: str) -> float:
    if len(text) > MAX_NUMBER_LENGTH:
        raise _refusal(JSONReason.NUMBER_TOO_LONG)
    value = float(text)
    # "1e999" is valid JSON and becomes infinity, which is then not valid JSON when written back.
    if math.isinf(value):
        raise _refusal(JSONReason.NUMBER_TOO_LARGE)
    return value


def _refusal(reason: JSONReason) -> MalformedJSONError:
    return MalformedJSONError(f"The JSON document was refused: {reason}.", reason=reason)
