"""Paths with exactly one meaning: those of requests, and those of files.

Requests: a proxy, a cache and this app must read the same path, or a rule made for one spelling is passed with
another (`/static/../admin`, `//admin`, `/admin%2f..`). The canonical spelling is the only one accepted; nothing is
rewritten. The attacker sends any bytes. Percent-encoding is undone once: `%252e` is the text "%2e", and stays it.

Files: `join_under` joins a name that somebody else chose to a folder that is ours, and lets nothing out of it,
neither by `..`, nor by an absolute, UNC or drive path, nor through a symbolic link. Trusted is who can write into
that folder (a link made between the check and the use is not seen).

Routes that need an encoded slash in a value say so; encoded backslashes have no such exit (Windows and some proxies
take them for slashes). ASVS 5.0: V1.1.1 (decoded once), V1.5.3 (parsers agree), V5.3.2 (file paths).
"""

from enum import StrEnum
from pathlib import Path
from typing import Final

from fastness.kernel.errors import InvalidInputError
from fastness.kernel.verdicts import ALLOW, Deny, Verdict

MAX_PATH_BYTES: Final = 8192
MAX_FILE_NAME_BYTES: Final = 255  # NAME_MAX of the usual file systems, for one segment.
MAX_FILE_PATH_BYTES: Final = 4096

# RFC 3986 §3.3 pchar and "/" without "%", and the few that browsers leave unencoded all the same (WHATWG URL, path
# percent-encode set).
_PLAIN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/|[]^"
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_DOT_SEGMENTS: Final = frozenset({b".", b".."})
_C0_AND_DELETE: Final = bytes(range(0x20)) + b"\x7f"
# Device names of Windows, with any extension, also with the superscript digits that it takes for 1, 2 and 3.
_RESERVED_STEMS: Final = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)


class PathReason(StrEnum):
    """Why the path of a request was refused."""

    EMPTY = "path_empty"
    NOT_ABSOLUTE = "path_not_absolute"
    DOUBLE_SLASH = "path_double_slash"
    DOT_SEGMENT = "path_dot_segment"
    ENCODED_SLASH = "path_encoded_slash"
    BACKSLASH = "path_backslash"
    CONTROL = "path_control"
    TOO_LONG = "path_too_long"
    BAD_ENCODING = "path_bad_encoding"


class UnsafePathError(InvalidInputError):
    """A file name that would leave its folder or mean something else on another system; the message never holds it."""

    code = "unsafe_path"


def decide_path(raw_path: bytes, *, allow_encoded_slash: bool = False) -> Verdict:
    """Decide on the path of a request as it was sent: still encoded, without the query."""
    # Subsequences are looked for with find(): `in` on bytes asks first whether the needle is a number, and is five times
    # slower.
    if not raw_path.startswith(b"/"):
        # "*" and "http://…" are forms of the request target that ask a proxy or the server itself (RFC 9112 §3.2).
        return _NOT_ABSOLUTE if raw_path else _EMPTY
    if len(raw_path) > MAX_PATH_BYTES:
        return _TOO_LONG
    if raw_path.find(b"//") >= 0:
        return _DOUBLE_SLASH
    if raw_path.find(b"/.") < 0 and not raw_path.translate(None, _PLAIN):
        return ALLOW
    return _decide_unusual_path(raw_path, allow_encoded_slash=allow_encoded_slash)


def join_under(root: Path, name: str) -> Path:
    """Return the resolved path of `name` below `root`; raises `UnsafePathError`.

    `name` may have folders, separated by `/`. The same names are refused on every system, so that what is stored on one can
    be moved to another.
    """
    try:
        encoded = name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnsafePathError("The file name is not valid text.") from error
    if not encoded or len(encoded) > MAX_FILE_PATH_BYTES:
        raise UnsafePathError("The file name is empty or too long.")
    for segment in name.split("/"):
        check_file_name(segment)
    try:
        base = root.resolve()
        path = (base / name).resolve()
        is_circle = path.is_symlink()  # What is resolved and still a link goes round in a circle.
    except (OSError, RuntimeError, ValueError) as error:  # A circle of links is a RuntimeError before Python 3.13.
        raise UnsafePathError("The file name cannot be resolved.") from error
    # Compared by segments: as text, "/data-private/x" begins with "/data".
    if is_circle or path == base or not path.is_relative_to(base):
        raise UnsafePathError("The file name leads out of its folder.")
    return path


def _decide_unusual_path(raw_path: bytes, *, allow_encoded_slash: bool) -> Verdict:
    if raw_path.find(b"\\") >= 0:
        return _BACKSLASH
    if _has_control(raw_path):
        return _CONTROL
    if not raw_path.isascii() or len(raw_path.translate(None, b" #?")) != len(raw_path):
        return _BAD_ENCODING  # Not characters of a path; a server that passes them on has not split the target right.
    decoded = _try_decode(raw_path)
    if decoded is None:
        return _BAD_ENCODING
    if decoded is not raw_path:
        if _has_control(decoded) or _has_c1(decoded):
            return _CONTROL
        lowered = raw_path.lower()
        if lowered.find(b"%5c") >= 0 or (lowered.find(b"%2f") >= 0 and not allow_encoded_slash):
            return _ENCODED_SLASH
    for segment in decoded.split(b"/"):
        # Java servers and some proxies cut parameters off before they resolve dots: "/..;/admin" is "/../admin" to
        # them.
        if segment.partition(b";")[0] in _DOT_SEGMENTS:
            return _DOT_SEGMENT
    return ALLOW


def _try_decode(raw_path: bytes) -> bytes | None:
    """Undo percent-encoding once; `None` if an escape is not two hex digits or the result is not UTF-8."""
    first, *rest = raw_path.split(b"%")
    if not rest:
        return raw_path
    parts = [first]
    for piece in rest:
        if len(piece) < 2 or piece[0] not in _HEX or piece[1] not in _HEX:
            return None
        parts.append(bytes((int(piece[:2], 16),)) + piece[2:])
    decoded = b"".join(parts)
    try:
        decoded.decode("utf-8")  # Strict: overlong forms (%c0%ae for a dot) and surrogates are errors.
    except UnicodeDecodeError:
        return None
    return decoded


def _has_control(text: bytes) -> bool:
    return len(text.translate(None, _C0_AND_DELETE)) != len(text)


def _has_c1(decoded: bytes) -> bool:
    # U+0080 to U+009F in UTF-8: terminals take U+009B for the start of an escape sequence, U+0085 for a line end.
    at = decoded.find(b"\xc2")
    while at >= 0:
        if decoded[at + 1] < 0xA0:
            return True
        at = decoded.find(b"\xc2", at + 2)
    return False


def check_file_name(segment: str) -> None:
    """Raise `UnsafePathError` for a name that leads elsewhere, or is not the same file on every system."""
    if segment in {"", ".", ".."}:
        # Empty: "/etc/passwd", "//host/share", "a//b" and "a/".
        raise UnsafePathError("The file name is absolute, or has an empty, . or .. segment.")
    if len(segment.encode("utf-8")) > MAX_FILE_NAME_BYTES:
        raise UnsafePathError("A segment of the file name is too long.")
    if any(character < " " or character in '\x7f\\:*?"<>|' for character in segment):
        # Backslash and colon are a separator, a drive or a hidden stream on Windows (file.txt::$DATA).
        raise UnsafePathError("The file name holds a control character or one that is special on Windows.")
    if segment[-1] in ". ":
        raise UnsafePathError("A segment of the file name ends with a dot or a blank, which Windows drops.")
    if segment.partition(".")[0].rstrip(" ").lower() in _RESERVED_STEMS:
        raise UnsafePathError("The file name is that of a device on Windows.")


_EMPTY: Final = Deny(PathReason.EMPTY)
_NOT_ABSOLUTE: Final = Deny(PathReason.NOT_ABSOLUTE)
_DOUBLE_SLASH: Final = Deny(PathReason.DOUBLE_SLASH)
_DOT_SEGMENT: Final = Deny(PathReason.DOT_SEGMENT)
_ENCODED_SLASH: Final = Deny(PathReason.ENCODED_SLASH)
_BACKSLASH: Final = Deny(PathReason.BACKSLASH)
_CONTROL: Final = Deny(PathReason.CONTROL)
_TOO_LONG: Final = Deny(PathReason.TOO_LONG)
_BAD_ENCODING: Final = Deny(PathReason.BAD_ENCODING)
