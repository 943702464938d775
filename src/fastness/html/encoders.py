"""Pure functions that write a text so that it stays one value at its place: JSON, JavaScript strings, URLs, CSS.

They know nothing of templates. Each has an allow-list: what is not on it is encoded, or the answer is None (blocked).
Sources: RFC 3986, the URL standard, RFC 8259, CSS Syntax 3. ASVS 5.0: V1.2.1, V1.2.2, V1.2.3.
"""

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from markupsafe import Markup

from fastness.html.errors import UnencodableValueError

BLOCKED_URL: Final = "about:invalid#fastness-blocked"
BLOCKED_CSS: Final = "fastness-blocked"

_JSON: Final = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def plain_text(value: object) -> str:
    """What a person reads: markup loses its tags and character references."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if hasattr(value, "__html__"):
        return str(Markup(value.__html__()).striptags())  # noqa: S704  # nosec B704 # its tags are taken off, the rest is escaped
    return str(value)


_MAX_INTEGER: Final = 2**53 - 1
"""A browser keeps numbers as IEEE 754 doubles, which count no further one by one (RFC 8259 §6, Number.MAX_SAFE_INTEGER)."""
_DIGITS: Final = bytes(0x30 if chr(byte).isdecimal() else 0x20 for byte in range(256))
"""Turns every digit into 0: a search for one long run of them is then a search for a constant, seventy times as fast."""
_LONG_NUMBER: Final = b"0" * len(str(_MAX_INTEGER))


def _refuse_inexact(value: object) -> None:
    """Raise for an integer that a browser would round: 2**53 + 1 becomes 2**53, the number of somebody else's row."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
        elif isinstance(item, int) and not -_MAX_INTEGER <= item <= _MAX_INTEGER:
            raise UnencodableValueError(
                "an integer in a script is beyond 2**53 - 1, and browsers would round it. Pass it as text: str(number)."
            )


def json_text(value: object) -> str:
    """JSON that is inert in a script, in HTML text and in an attribute alike."""
    try:
        text = _JSON.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        # The encoder's own words would quote the value (CVE-2024-24785 in Go).
        raise UnencodableValueError(f"a value of type {type(value).__name__} in a script has no JSON form.") from error
    if _LONG_NUMBER in text.encode().translate(_DIGITS):
        _refuse_inexact(value)
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").replace("'", "\\u0027")
    # Beside a keyword or a number, a number or name would join it.
    return text if text[0] in '"[{' else f" {text} "


_PROTOTYPE: Final = re.compile(r'([{,])"__proto__":')


def js_text(value: object) -> str:
    """The same in the code of a script, where `{"__proto__": x}` would be no key: it would choose the object's prototype.

    Inside a string a quote has a backslash before it, so that only keys are met (ECMA-262, B.3.1).
    """
    text = json_text(value)
    return _PROTOTYPE.sub(r'\1["__proto__"]:', text) if "__proto__" in text else text


_JS_STRING_CLEAN: Final = re.compile(r"[A-Za-z0-9 _.,]*")
_JS_STRING_OTHER: Final = re.compile(r"[^A-Za-z0-9 _.,]")


def js_string_text(text: str) -> str:
    """Text inside quotes of a script: inert in a string, a template literal and a regular expression."""
    return text if _JS_STRING_CLEAN.fullmatch(text) else _JS_STRING_OTHER.sub(_js_escape, text)


def _js_escape(found: re.Match[str]) -> str:
    character = found.group()
    if character > "\xff" and character.isalpha():
        return character
    code = ord(character)
    if code > 0xFFFF:
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"


_COMMENT_OTHER: Final = re.compile(r"[^\w .,:+/\-]|(?<!\w)-|-(?!\w)")


def comment_text(text: str) -> str:
    """Text in an HTML comment: letters, digits and a few marks, and never nothing.

    An empty value would let what stands before it join what follows: `<!-- -{{ x }}->`. A hyphen stays between letters only.
    """
    return _COMMENT_OTHER.sub(" ", text) or " "


# --- URLs ---

# What a URL may begin with and stay as it is: nothing before the first of / ? # can be a scheme.
CLEAN_URL: Final = re.compile(r"(?:https?://|/)?[A-Za-z0-9_.~/\-]*(?:[?#][A-Za-z0-9_.~/?=,;:@!$()*+\-]*)?")
CLEAN_PIECE: Final = re.compile(r"[A-Za-z0-9_.~\-]*")
CLEAN_QUERY: Final = re.compile(r"[A-Za-z0-9_.~/\-]*")
_STRIPPED: Final = "".join(map(chr, range(0x21)))
_REMOVED: Final = str.maketrans("", "", "\t\r\n")
_SCHEME: Final = re.compile(r"([^/?#:]*):")
_SAFE_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
_DATA_IMAGE: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp|avif);base64,[A-Za-z0-9+/]*={0,2}")
_RESERVED: Final = ":/?#[]@!$&()*+,;=~"
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def url_text(text: str, *, allows_images: bool = False) -> str | None:
    """A whole URL, or its beginning: percent-encoded, None where its scheme is not on the list."""
    text = text.strip(_STRIPPED).translate(_REMOVED)
    if allows_images and _DATA_IMAGE.fullmatch(text):
        return text
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() not in _SAFE_SCHEMES:
        return None
    return _encode(text, _RESERVED)


def url_path_text(text: str, *, is_root: bool = False) -> str:
    """A later piece of a path: it cannot begin a query, a fragment or (after a lone slash) a host."""
    encoded = _encode(text, ":@/!$()*+,;=~")
    if is_root:
        slashes = len(encoded) - len(encoded.lstrip("/"))
        encoded = "%2F" * slashes + encoded[slashes:]
    return encoded


def url_query_text(value: object) -> str:
    """One value of a query, everything reserved but the slash encoded; a mapping is written as pairs."""
    if isinstance(value, Mapping):
        return urlencode({str(name): plain_text(item) for name, item in value.items()}, errors="replace")
    return quote(plain_text(value), safe="~/", errors="replace")


def code_path_text(text: str) -> str | None:
    """A piece of a code URL's path: no dot segments, no escapes, no second slash."""
    if ".." in text or "//" in text or text.startswith(("/", ".")) or "\\" in text:
        return None
    return quote(text, safe="~/", errors="replace")


def _encode(text: str, safe: str) -> str:
    return quote(_BAD_PERCENT.sub("%25", text), safe=safe + "%", errors="replace")


def css_url_text(url: str) -> str:
    """A URL (after `url_text`) inside `url(…)` of CSS, in quotes or without, in an attribute or a style sheet."""
    return url.replace("(", "%28").replace(")", "%29").replace("&", "\\26 ")


def is_local_url(url: str) -> bool:
    """Whether a URL (after `url_text`) stays on this site, so that a form's token may go there."""
    if url.startswith("/"):
        return not url.startswith("//")
    return ":" not in url.split("?", 1)[0].split("#", 1)[0]


_SRCSET_CANDIDATE: Final = re.compile(
    r"[ \t\n\f\r,]*([^ \t\n\f\r,][^ \t\n\f\r]*?)"
    r"(?:[ \t\n\f\r]+([0-9]+(?:\.[0-9]+)?[wx]))?[ \t\n\f\r]*(?:,|\Z)"
)


def srcset_text(text: str) -> str | None:
    """A list of image URLs with their widths, each URL filtered; None where anything else is in it."""
    candidates = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        found = _SRCSET_CANDIDATE.match(text, position)
        url = None if found is None else url_text(found[1])
        if found is None or url is None:
            return None
        candidates.append(f"{url.replace(',', '%2C')} {found[2] or ''}".strip())
        position = found.end()
    return ", ".join(candidates)


# --- CSS ---

_CSS_NUMBER: Final = r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})"
_CSS_UNITS: Final = (
    "(?:%|px|em|rem|ex|ch|lh|rlh|vh|vw|vmin|vmax|dvh|dvw|svh|svw|lvh|lvw|"
    "cm|mm|in|pt|pc|q|deg|rad|turn|s|ms|fr|dpi|dppx)?"
)
_CSS_TOKEN: Final = re.compile(
    rf"{_CSS_NUMBER}{_CSS_UNITS}|#[0-9a-f]{{3,8}}|(?:rgba?|hsla?)\((?:[ ,/]*{_CSS_NUMBER}(?:%|deg)?){{3,4}}[ ]*\)",
    re.IGNORECASE,
)
_CSS_SPLIT: Final = re.compile(r" +(?![^(]*\))")
_MAX_CSS_LENGTH: Final = 200
"""Longer than any list of six values; the patterns are not for longer texts."""
_CSS_KEYWORDS: Final = frozenset(
    "auto none inherit initial unset revert normal bold bolder lighter italic oblique underline overline line-through left "
    "right center top bottom middle start end justify baseline stretch both hidden visible collapse scroll clip block inline "
    "inline-block flex inline-flex grid inline-grid contents table row column row-reverse column-reverse wrap nowrap "
    "space-between space-around space-evenly absolute relative fixed sticky static solid dashed dotted double groove ridge "
    "inset outset thin medium thick small large smaller larger cover contain fill repeat no-repeat repeat-x repeat-y pointer "
    "default text move help wait progress not-allowed grab transparent currentcolor uppercase lowercase capitalize serif "
    "sans-serif monospace system-ui pre pre-wrap pre-line break-word break-all ltr rtl disc circle square decimal "
    "aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet brown burlywood cadetblue "
    "chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue darkcyan darkgoldenrod darkgray darkgreen "
    "darkgrey darkkhaki darkmagenta darkolivegreen darkorange darkorchid darkred darksalmon darkseagreen darkslateblue "
    "darkslategray darkslategrey darkturquoise darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue firebrick "
    "floralwhite forestgreen fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew hotpink "
    "indianred indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon lightblue lightcoral lightcyan "
    "lightgoldenrodyellow lightgray lightgreen lightgrey lightpink lightsalmon lightseagreen lightskyblue lightslategray "
    "lightslategrey lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine mediumblue mediumorchid "
    "mediumpurple mediumseagreen mediumslateblue mediumspringgreen mediumturquoise mediumvioletred midnightblue mintcream "
    "mistyrose moccasin navajowhite navy oldlace olive olivedrab orange orangered orchid palegoldenrod palegreen "
    "paleturquoise palevioletred papayawhip peachpuff peru pink plum powderblue purple rebeccapurple red rosybrown royalblue "
    "saddlebrown salmon sandybrown seagreen seashell sienna silver skyblue slateblue slategray slategrey snow springgreen "
    "steelblue tan teal thistle tomato turquoise violet wheat white whitesmoke yellow yellowgreen".split()
)


def css_text(text: str) -> str | None:
    """The value of a property: up to six numbers, colours and keywords; None where anything else is in it."""
    text = text.strip(" ")
    if len(text) > _MAX_CSS_LENGTH:
        return None
    tokens = _CSS_SPLIT.split(text)
    if len(tokens) > 6:
        return None
    for token in tokens:
        if token.lower() not in _CSS_KEYWORDS and not _CSS_TOKEN.fullmatch(token):
            return None
    return " ".join(tokens)
