"""Where a browser goes: a small reading of the WHATWG URL Standard, enough to be a judge over redirect targets.

Only schemes and hosts are worked out, and in doubt the answer is some other host, never ours. The table in `whatwg` holds it to
an implementation of the standard.
"""

import unicodedata
from urllib.parse import unquote_to_bytes, urlsplit

SPECIAL = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}
SCHEME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-.")


def destination(target: str, base: str) -> tuple[str, str]:
    """Return scheme and host (with a port that is not the scheme's own) of `target`, read on the page `base`."""
    page = urlsplit(base)
    # Leading and trailing C0 controls and blanks go, then tabs and line ends wherever they are.
    text = target.strip("".join(map(chr, range(0x21))))
    text = text.replace("\t", "").replace("\n", "").replace("\r", "")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not (colon and scheme[:1].isascii() and scheme[:1].isalpha() and SCHEME_CHARACTERS.issuperset(scheme)):
        scheme, rest = page.scheme, text
        is_relative = True
    elif scheme in SPECIAL:
        # "https:path" is relative to a page of the same scheme, if no two slashes follow.
        is_relative = scheme == page.scheme
        if is_relative and rest.replace("\\", "/")[:2] != "//":
            return scheme, page.netloc
        is_relative = False
    else:
        return scheme, ""
    rest = rest.replace("\\", "/") if "?" not in rest and "#" not in rest else _slashes_before_query(rest)
    if is_relative and not rest.startswith("//"):
        return scheme, page.netloc
    return scheme, _host(rest.lstrip("/"), scheme)


def _slashes_before_query(text: str) -> str:
    end = min(at for at in (text.find("?"), text.find("#")) if at >= 0)
    return text[:end].replace("\\", "/") + text[end:]


def _host(rest: str, scheme: str) -> str:
    authority = rest
    for end in "/?#":
        authority = authority.partition(end)[0]
    host = authority.rpartition("@")[2]
    # UTS #46 mapping, roughly: compatibility forms, other full stops, ignored characters.
    host = unquote_to_bytes(host).decode("utf-8", "replace")
    host = unicodedata.normalize("NFKC", host).replace("\u3002", ".").replace("\u00ad", "").lower()
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        return host
    return name if not port or (port.isdigit() and int(port) == SPECIAL[scheme]) else host
