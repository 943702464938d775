"""What another server answered, all of it or an error: never more bytes than were agreed to.

The other server may be an attacker's, or have been taken over. It may send without end, or a few kilobytes that unpack to
gigabytes; so the unpacked bytes are counted while they are unpacked, and nothing is unpacked beyond the limit. Nothing of the
answer is interpreted before it is asked for, and JSON is read as strictly as that of visitors.

ASVS 5.0: V15.2.2 (resource-demanding functionality), V1.5.3 (parsers agree).
"""

import zlib
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Final

from fastness.kernel.limits import JSONValue, parse_json
from fastness.kernel.values import dataclass
from fastness.outbound.errors import OutboundFailedError, OutboundTooLargeError

_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_ONLY: Final = zlib.MAX_WBITS | 16
_MAX_JSON_DEPTH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name; several of one name are joined with a comma."""
    body: bytes
    url: str
    """What was asked in the end, after redirects."""

    @property
    def is_success(self) -> bool:
        """A status from 200 to 299."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as UTF-8; what is none is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> JSONValue:
        """The body as JSON: bounded depth, no repeated keys, no NaN. Raises `MalformedJSONError`."""
        return parse_json(self.body, max_depth=_MAX_JSON_DEPTH)


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def read_bounded(chunks: AsyncIterable[bytes], coding: str, max_bytes: int) -> bytes:
    """All bytes, unpacked; raises `OutboundTooLargeError` as soon as there is one too many."""
    coding = coding.strip().lower()
    if coding not in _GZIP | {"", "identity"}:
        # Only gzip was offered. Several at once are how bombs are built.
        raise OutboundFailedError("The answer is packed in a way that was not offered.")
    unpacker = zlib.decompressobj(_GZIP_ONLY) if coding in _GZIP else None
    body = bytearray()
    is_empty = True
    async for chunk in chunks:
        is_empty = is_empty and not chunk
        body += chunk if unpacker is None else _unpacked(unpacker, chunk, max_bytes + 1 - len(body))
        if len(body) > max_bytes:
            raise OutboundTooLargeError(f"The answer is larger than {max_bytes} bytes.")
    if unpacker is not None and not is_empty and (not unpacker.eof or unpacker.unused_data):
        raise OutboundFailedError("The answer broke off, or goes on where it should end.")
    return bytes(body)


def _unpacked(unpacker: "zlib._Decompress", chunk: bytes, most: int) -> bytes:
    try:
        return unpacker.decompress(chunk, most)
    except zlib.error as error:
        raise OutboundFailedError("The answer is not packed as it says.") from error
