"""Cookies: written with their flags, read so that a neighbour cannot plant one.

Writing: `CookieRules` holds what a cookie is; a name prefix that promises something (`__Host-`, `__Secure-`) is held
to its promise here, because a browser drops a cookie that breaks it without a word. Values that could end the cookie
or the header (`;`, CR, LF, …) are refused, never quoted or encoded.

Reading: `find_cookie` takes the one cookie of exactly that name. The attack is cookie tossing: a sibling subdomain,
or anyone on the network before TLS, sets a second cookie of the same name for a longer path, and the browser sends it
first. Two of a name therefore count as none. Quotes, commas, `$Version` and Unicode blanks have no meaning: parsers
that honour them find cookies which the browser never checked (the "cookie sandwich" and the prefix bypasses published
in 2025).

Not covered: a `__Host-` cookie cannot be tossed, one without the prefix can; only a script running on our own origin
can set either. ASVS 5.0: V3.3.1 to V3.3.5.
"""

from dataclasses import field
from typing import Final, Literal

from fastness.kernel.errors import ConfigError, InvalidInputError
from fastness.kernel.texts import Text
from fastness.kernel.values import dataclass

MAX_COOKIE_BYTES: Final = 4096  # RFC 6265 §6.1: name, value and attributes together; browsers drop a longer one.
MAX_AGE_LIMIT_SECONDS: Final = 34_560_000  # RFC 6265bis §5.5: browsers cut it at 400 days.

# RFC 9110 §5.6.2 token.
_NAME_CHARACTERS: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# RFC 6265 §4.1.1 cookie-octet: visible ASCII without quote, comma, semicolon and backslash.
_VALUE_CHARACTERS: Final = bytes(set(range(0x21, 0x7F)) - set(b'",;\\'))
# RFC 6265 §4.1.1 path-value and domain-value: what cannot end the attribute or the header.
_ATTRIBUTE_CHARACTERS: Final = bytes(set(range(0x21, 0x7F)) - set(b'",;\\'))

# RFC 6265bis §4.1.3, and the two of its "layered cookies" successor; compared without regard to case, as browsers do.
_PREFIXES: Final = ("__Host-Http-", "__Host-", "__Secure-", "__Http-")


class CookieValueError(InvalidInputError):
    """A cookie that no browser would keep as it was meant: forbidden characters, or over 4096 bytes."""

    code = "cookie_value"
    status = 500  # The app wrote it; the visitor did nothing wrong.
    public: str = Text("Something went wrong on our side.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieRules:
    """What one cookie is; the defaults are those of a session cookie."""

    name: str
    """The exact name; begin it with "__Host-" unless the cookie is meant for other hosts too."""
    secure: bool = True
    """Only over https. False is for development over plain http."""
    http_only: bool = True
    """Out of reach of scripts."""
    same_site: Literal["lax", "strict", "none"] = "lax"
    """"none" sends it along from every other site and needs `secure`."""
    path: str = "/"
    """The path prefix it is sent to; not a border against other apps on the host."""
    domain: str | None = None
    """Leave it out: with a domain, every subdomain gets the cookie and can overwrite it."""
    max_age_seconds: int | None = None
    """How long the browser keeps it; `None` until it is closed."""

    _start: bytes = field(init=False, repr=False, compare=False)
    _attributes: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_prefix(self)
        if self.same_site not in {"lax", "strict", "none"}:
            raise ConfigError(f'Cookie {self.name}: same_site is "lax", "strict" or "none".')
        if self.same_site == "none" and not self.secure:
            raise ConfigError(f'Cookie {self.name}: same_site="none" needs secure=True, or browsers drop the cookie.')
        if not self.path.startswith("/") or not _has_only(self.path, _ATTRIBUTE_CHARACTERS):
            raise ConfigError(
                f"Cookie {self.name}: the path begins with / and holds no blanks, quotes, commas or semicolons."
            )
        if self.domain is not None and not (self.domain and _has_only(self.domain, _ATTRIBUTE_CHARACTERS)):
            raise ConfigError(f"Cookie {self.name}: the domain is a host name, or left out.")
        if self.max_age_seconds is not None:
            _check_max_age(self.name, self.max_age_seconds)
        object.__setattr__(self, "_start", f"{self.name}=".encode("ascii"))
        object.__setattr__(self, "_attributes", _attributes_of(self))


def build_cookie(rules: CookieRules, value: str, *, max_age_seconds: int | None = None) -> bytes:
    """Return the value of a `Set-Cookie` header; raises `CookieValueError`.

    `max_age_seconds` takes the place of the rules' own for this one cookie ("keep me signed in").
    """
    if not _has_only(value, _VALUE_CHARACTERS):
        raise CookieValueError(
            f"The value for cookie {rules.name} holds a blank, quote, comma, semicolon or control character."
        )
    age = rules.max_age_seconds if max_age_seconds is None else max_age_seconds
    parts = [rules._start, value.encode("ascii"), rules._attributes]  # noqa: SLF001 - precomputed for this function
    if age is not None:
        if age != rules.max_age_seconds:
            _check_max_age(rules.name, age)
        parts.append(b"; Max-Age=%d" % age)
    header = b"".join(parts)
    if len(header) > MAX_COOKIE_BYTES:
        raise CookieValueError(
            f"Cookie {rules.name} has {len(header)} bytes; browsers drop it above {MAX_COOKIE_BYTES}."
        )
    return header


def build_deletion(rules: CookieRules) -> bytes:
    """Return the `Set-Cookie` value that removes the cookie; name, path and domain have to be those it was set with."""
    return b"%b%b; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT" % (
        rules._start,  # noqa: SLF001 - precomputed for this function
        rules._attributes,  # noqa: SLF001 - same
    )


def find_cookie(header: bytes, name: bytes) -> str | None:
    """Return the value of the one cookie of that name in a `Cookie` header, `None` if it is absent or there twice.

    Several `Cookie` headers (HTTP/2 may split them, RFC 9113 §8.2.3) are joined with `b"; "` before. The value is returned
    as it stands, quotes and all; one that is not ASCII was not set by us and counts as absent.
    """
    key = name + b"="
    at = header.find(key)
    if at < 0:
        return None
    after = at + len(key)
    if header.find(key, after) >= 0 or (at and not header.startswith(b"; ", at - 2)):
        return _find_among_pairs(header, key)
    return _read_value(header[after:].partition(b";")[0])


def _find_among_pairs(header: bytes, key: bytes) -> str | None:
    """The way round for a header in which the key stands twice, or where no pair begins as browsers write it."""
    # "x=__Host-session=1" and "x=a __Host-session=1" are texts of another cookie, not pairs.
    pairs = (pair.lstrip(b" \t") for pair in header.split(b";"))
    values = [pair[len(key) :] for pair in pairs if pair.startswith(key)]
    return _read_value(values[0]) if len(values) == 1 else None


def _read_value(value: bytes) -> str | None:
    try:
        return value.strip(b" \t").decode("ascii")
    except UnicodeDecodeError:
        return None


def _check_name(name: str) -> None:
    if not name or not _has_only(name, _NAME_CHARACTERS):
        raise ConfigError(f"{name!r} is not a cookie name: letters, digits and !#$%&'*+-.^_`|~ only (RFC 6265 §4.1.1).")


def _check_prefix(rules: CookieRules) -> None:
    lowered = rules.name.lower()
    prefix = next((each for each in _PREFIXES if lowered.startswith(each.lower())), None)
    if prefix is None:
        return
    if not rules.name.startswith(prefix):
        raise ConfigError(
            f"Cookie {rules.name}: write the prefix as {prefix}; some browsers only honour that spelling."
        )
    if not rules.secure:
        raise ConfigError(f"Cookie {rules.name}: {prefix} needs secure=True, or browsers drop the cookie.")
    if prefix.startswith("__Host-") and (rules.path != "/" or rules.domain is not None):
        raise ConfigError(f'Cookie {rules.name}: {prefix} needs path="/" and no domain, or browsers drop the cookie.')
    if prefix.endswith("Http-") and not rules.http_only:
        raise ConfigError(f"Cookie {rules.name}: {prefix} needs http_only=True, or browsers drop the cookie.")


def _check_max_age(name: str, seconds: int) -> None:
    if isinstance(seconds, bool) or not 0 < seconds <= MAX_AGE_LIMIT_SECONDS:
        raise ConfigError(f"Cookie {name}: max_age_seconds is between 1 and {MAX_AGE_LIMIT_SECONDS} (400 days).")


def _attributes_of(rules: CookieRules) -> bytes:
    parts = [f"; Path={rules.path}"]
    if rules.domain is not None:
        parts.append(f"; Domain={rules.domain}")
    if rules.secure:
        parts.append("; Secure")
    if rules.http_only:
        parts.append("; HttpOnly")
    parts.append(f"; SameSite={rules.same_site.capitalize()}")
    return "".join(parts).encode("ascii")


def _has_only(text: str, characters: bytes) -> bool:
    return text.isascii() and not text.encode("ascii").translate(None, characters)
