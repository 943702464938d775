"""Header bytes: refused when they could break out, precomputed when they never change.

A response header ends at a line end; who gets CR LF into a value writes headers and bodies of his own (response
splitting). `check_header_value` and `check_header_name` are the one gate for everything that is written into a
header. `HeaderRules` holds what every response carries and turns it into a tuple of bytes once, when the app is
built.

`X-XSS-Protection: 0`: the old SECURE_BROWSER_XSS_FILTER ("1; mode=block") switched on a filter that browsers have
removed, because it could be steered into deleting scripts of a healthy page and leaking their content; what is left
of it in old browsers is switched off, and the Content-Security-Policy does its work.

Not covered: the policy header itself (`csp`), caching headers (they depend on the response).
ASVS 5.0: V3.4.1, V3.4.4, V3.4.5, V3.4.6, V3.4.8, V4.2.4, V13.4.6.
"""

from dataclasses import field
from typing import Final, Literal, TypeAlias

from fastness.kernel.errors import ConfigError, InvalidInputError
from fastness.kernel.origins import parse_origin_rule
from fastness.kernel.texts import Text
from fastness.kernel.tuples import refuse_bare_text
from fastness.kernel.values import dataclass

HeaderList: TypeAlias = tuple[tuple[bytes, bytes], ...]
Framing: TypeAlias = Literal["deny", "same-origin"] | tuple[str, ...]

ONE_YEAR_SECONDS: Final = 31_536_000

# Proxies and clients give up on header lines well below these; a value this long came from a loop or from a visitor.
MAX_VALUE_BYTES: Final = 16_384
MAX_NAME_BYTES: Final = 256

# RFC 9110 §5.5: visible characters, blank and tab; obs-text (0x80 and up) only in bytes that somebody else made.
_VALUE_CHARACTERS: Final = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
# RFC 9110 §5.6.2 token.
_NAME_CHARACTERS: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# W3C Referrer Policy without the values that send the path and query to other sites or over plain http.
REFERRER_POLICIES: Final = (
    "no-referrer",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "origin",
    "origin-when-cross-origin",
)
OPENER_POLICIES: Final = ("same-origin", "same-origin-allow-popups", "noopener-allow-popups")
RESOURCE_POLICIES: Final = ("same-origin", "same-site", "cross-origin")

# Features of the W3C registry that browsers know; a page may use none of them unless the rules say so.
CLOSED_FEATURES: Final = (
    "accelerometer",
    "autoplay",
    "browsing-topics",
    "camera",
    "clipboard-read",
    "clipboard-write",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "gamepad",
    "geolocation",
    "gyroscope",
    "hid",
    "identity-credentials-get",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "otp-credentials",
    "payment",
    "picture-in-picture",
    "publickey-credentials-create",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "storage-access",
    "usb",
    "window-management",
    "xr-spatial-tracking",
)


class HeaderValueError(InvalidInputError):
    """A header that could end its line or that clients read in different ways; the message never holds the value."""

    code = "header_value"
    status = 500  # The app wrote it; the visitor did nothing wrong.
    public: str = Text("Something went wrong on our side.")


def check_header_value(value: str | bytes) -> bytes:
    """Return the bytes of a header value; raises `HeaderValueError` for controls (CR, LF, NUL, …) and non-ASCII text."""
    if len(value) > MAX_VALUE_BYTES:
        raise HeaderValueError(f"The header value is longer than {MAX_VALUE_BYTES} bytes.")
    if isinstance(value, str):
        # Text outside ASCII has no encoding in a header; cut to one byte, U+010D U+010A would become CR LF.
        if not value.isascii():
            raise HeaderValueError(
                "The header value holds characters outside ASCII: percent-encode it or leave it out."
            )
        value = value.encode("ascii")
    if value.translate(None, _VALUE_CHARACTERS):
        raise HeaderValueError("The header value holds a control character, such as a line end.")
    return value


def check_header_name(name: str | bytes) -> bytes:
    """Return the lower-case bytes of a header name; raises `HeaderValueError`."""
    if len(name) > MAX_NAME_BYTES:
        raise HeaderValueError(f"The header name is longer than {MAX_NAME_BYTES} bytes.")
    encoded = name.encode("utf-8", "surrogatepass") if isinstance(name, str) else name
    if not encoded or encoded.translate(None, _NAME_CHARACTERS):
        raise HeaderValueError("The header name is empty or holds other characters than a token (RFC 9110 §5.6.2).")
    return encoded.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRules:
    """What every response carries."""

    hsts_seconds: int | None = ONE_YEAR_SECONDS
    """How long browsers shall insist on https; `None` sends nothing, 0 makes them forget."""
    hsts_subdomains: bool = True
    """Also for every name below the host."""
    hsts_preload: bool = False
    """Ask to be built into browsers; needs a year and subdomains, and is hard to take back."""
    referrer_policy: str = "same-origin"
    """How much of our addresses other sites see. "no-referrer" also makes browsers send `Origin: null` with own forms."""
    coop: str = "same-origin"
    """Cross-Origin-Opener-Policy; "same-origin-allow-popups" for sign-in windows of other sites."""
    corp: str = "same-origin"
    """Cross-Origin-Resource-Policy; "cross-origin" only for files that any site may embed."""
    framing: Framing = "deny"
    """Who may show this in a frame: nobody, own pages, or the listed origins."""
    permissions_policy: tuple[str, ...] = (
        "clipboard-write",
        "fullscreen",
        "publickey-credentials-create",
        "publickey-credentials-get",
    )
    """Browser features own pages may use; "camera https://meet.example.com" lends one to a frame of that origin too."""

    _plain: HeaderList = field(init=False, repr=False, compare=False)
    _https: HeaderList = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plain = (
            (b"x-content-type-options", b"nosniff"),
            *_frame_options(self.framing),
            (b"referrer-policy", _choice("referrer_policy", self.referrer_policy, REFERRER_POLICIES)),
            (b"cross-origin-opener-policy", _choice("coop", self.coop, OPENER_POLICIES)),
            (b"cross-origin-resource-policy", _choice("corp", self.corp, RESOURCE_POLICIES)),
            (b"permissions-policy", _permissions(self.permissions_policy)),
            (b"x-xss-protection", b"0"),
            (b"server", b""),
        )
        object.__setattr__(self, "_plain", plain)
        object.__setattr__(self, "_https", (*plain, *_hsts(self)))

    def static_headers(self, *, https: bool) -> HeaderList:
        """Return the headers of every response; `https` only if the request came over it and `hsts_applies`."""
        return self._https if https else self._plain


def hsts_applies(host: str) -> bool:
    """Tell whether HSTS may be sent for this accepted host, given as the `Host` header has it.

    Never for localhost (the browser would remember it for every other project on that machine, on all ports) and never
    for an address (RFC 6797 §8.1.1: browsers ignore it there).
    """
    last_label = host.partition(":")[0].removesuffix(".").rpartition(".")[2].lower()
    # An address in brackets is cut at its first colon; a name ends in a number only if it is an IPv4 address.
    return not (last_label == "localhost" or last_label[:1] in {"", "["} or last_label.isdigit())


def frame_ancestors_of(framing: Framing) -> tuple[str, ...]:
    """Return the sources of the policy's `frame-ancestors` that say the same as `HeaderRules.framing`."""
    if framing == "deny":
        return ("'none'",)
    if framing == "same-origin":
        return ("'self'",)
    refuse_bare_text('framing, if neither "deny" nor "same-origin",', framing)
    if not framing:
        raise ConfigError(
            'framing is "deny", "same-origin" or a tuple of origins such as ("https://portal.example.com",).'
        )
    return ("'self'", *(parse_origin_rule("framing", entry).serialize() for entry in framing))


def _frame_options(framing: Framing) -> HeaderList:
    ancestors = frame_ancestors_of(framing)
    if ancestors == ("'none'",):
        return ((b"x-frame-options", b"DENY"),)
    if ancestors == ("'self'",):
        return ((b"x-frame-options", b"SAMEORIGIN"),)
    return ()  # The old header cannot name partners; where frame-ancestors is understood it is ignored anyway.


def _hsts(rules: HeaderRules) -> HeaderList:
    seconds = rules.hsts_seconds
    if rules.hsts_preload and (not rules.hsts_subdomains or seconds is None or seconds < ONE_YEAR_SECONDS):
        raise ConfigError(f"hsts_preload needs hsts_subdomains=True and hsts_seconds of at least {ONE_YEAR_SECONDS}.")
    if seconds is None:
        return ()
    if isinstance(seconds, bool) or seconds < 0:
        raise ConfigError("hsts_seconds is a number of seconds, 0 to make browsers forget, or None to send nothing.")
    value = f"max-age={seconds}"
    if rules.hsts_subdomains:
        value += "; includeSubDomains"
    if rules.hsts_preload:
        value += "; preload"
    return ((b"strict-transport-security", value.encode("ascii")),)


def _permissions(opened: tuple[str, ...]) -> bytes:
    refuse_bare_text("permissions_policy", opened)
    lists = dict.fromkeys(CLOSED_FEATURES, "()")
    for entry in opened:
        feature, *partners = entry.split() or [""]
        if feature not in lists:
            raise ConfigError(
                f"permissions_policy: {feature!r} is not a feature that is closed, so it need not be opened."
            )
        # RFC 8941: self is a token, an origin a quoted string.
        origins = (parse_origin_rule("permissions_policy", each).serialize() for each in partners)
        lists[feature] = "(" + " ".join(["self", *(f'"{origin}"' for origin in origins)]) + ")"
    return ", ".join(f"{feature}={allowed}" for feature, allowed in lists.items()).encode("ascii")


def _choice(name: str, value: str, choices: tuple[str, ...]) -> bytes:
    if value not in choices:
        raise ConfigError(f"{name} is one of {', '.join(choices)}.")
    return value.encode("ascii")
