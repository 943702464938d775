"""The Content-Security-Policy: which scripts, styles and hosts a page may use.

It is the second wall behind escaping: markup that an attacker gets into a page runs nothing, because scripts need the
nonce of this one response and everything else is closed or our own. The default is the strict policy of the W3C's CSP
Level 3 (nonce and 'strict-dynamic', no host lists) with Trusted Types. Trusted is who writes the rules; the attacker
writes HTML into a page. Sources that would undo the policy ('unsafe-inline', 'unsafe-eval', wildcards, data: for
scripts) need an `insecure_…` field with a reason.

A policy is compiled once into the bytes around its nonces; per response they are only joined. Not covered: what an
allowed script does, and injected markup that needs no script (forms are held by form-action, links are not). ASVS
5.0: V3.4.3, V3.4.6, V3.4.7, V3.2.1 (API answers are sandboxed).
"""

from collections.abc import Iterator
from typing import Final, Literal

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.hosts import MalformedHostError, parse_host
from fastness.kernel.paths import decide_path
from fastness.kernel.tuples import refuse_bare_text
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW

NONCE: Final = "'nonce'"
"""Stands for the nonce of the response in a list of sources."""

API_CSP: Final = b"default-src 'none'; frame-ancestors 'none'; sandbox"
"""For JSON and downloads: if a browser is made to show one as a page, it is an empty, scriptless one of no origin."""

_NONE: Final = "'none'"
_STRICT_DYNAMIC: Final = "'strict-dynamic'"
_KEYWORDS: Final = frozenset({"'self'", "'report-sample'", "'wasm-unsafe-eval'", _STRICT_DYNAMIC, NONCE})
_INLINE: Final = frozenset({"'unsafe-inline'", "'unsafe-hashes'"})
_BARE_KEYWORDS: Final = frozenset(
    {"self", "none", "strict-dynamic", "unsafe-inline", "unsafe-eval", "nonce", "report-sample"}
)
_HASHES: Final = ("'sha256-", "'sha384-", "'sha512-")
_HASH_CHARACTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_"
# CSP3 §2.3.1 host-source: host, port and path, in ASCII. Blank, semicolon and comma would end the source or the policy.
_HOST_CHARACTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/%*[]"
# Schemes whose content the page itself makes, where such content cannot run as a script.
_HARMLESS_SCHEMES: Final = {
    "data:": frozenset({"img-src", "font-src", "media-src"}),
    "blob:": frozenset({"img-src", "font-src", "media-src", "connect-src", "worker-src"}),
}
# Trusted Types §4.5.1 allows a few more; none of them is needed in a name.
_POLICY_CHARACTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_NONCE_DIRECTIVES: Final = frozenset({"script-src", "style-src"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CSPRules:
    """One policy; every field named after a directive is its list of sources, an empty one leaves the directive out."""

    default_src: tuple[str, ...] = (_NONE,)
    """What has no directive of its own, frames included."""
    script_src: tuple[str, ...] = (NONCE, _STRICT_DYNAMIC)
    """Scripts with the nonce, and what those load."""
    style_src: tuple[str, ...] = ("'self'", NONCE)
    """Own style sheets, and style elements with the nonce; no style attributes."""
    style_src_attr: tuple[str, ...] = ()
    """Style attributes; none, unless opened here."""
    img_src: tuple[str, ...] = ("'self'", "data:")
    font_src: tuple[str, ...] = ("'self'",)
    connect_src: tuple[str, ...] = ("'self'",)
    """fetch, WebSocket, EventSource, beacons."""
    media_src: tuple[str, ...] = ("'self'",)
    manifest_src: tuple[str, ...] = ("'self'",)
    worker_src: tuple[str, ...] = ("'self'",)
    frame_src: tuple[str, ...] = ()
    """What own pages may show in a frame; none, by default_src."""
    form_action: tuple[str, ...] = ("'self'",)
    form_action_hosts: tuple[str, ...] = ()
    """Further hosts a form may end up at: a POST that answers with a redirect to a payment or identity provider needs its."""
    frame_ancestors: tuple[str, ...] = (_NONE,)
    """Who may show this page in a frame; `headers.frame_ancestors_of` gives it for a route's framing."""
    base_uri: tuple[str, ...] = (_NONE,)
    object_src: tuple[str, ...] = (_NONE,)
    trusted_html: Literal["none", "server"] = "none"
    """"server" has a Trusted Types policy installed in pages which passes HTML, never a script or its address (htmx, Turbo)."""
    trusted_types: tuple[str, ...] = ()
    """Names of Trusted Types policies that may be made; empty means any, by scripts that may run at all."""
    upgrade_insecure_requests: bool = False
    """Have browsers fetch http addresses on our pages by https."""
    report_path: str | None = "/-/csp-report"
    """Where browsers post violations; `None` for nowhere."""

    insecure_inline: Because | None = None
    """Allows 'unsafe-inline' and 'unsafe-hashes': injected markup can run scripts or restyle the page."""
    insecure_eval: Because | None = None
    """Allows 'unsafe-eval': text can become code."""
    insecure_wildcards: Because | None = None
    """Allows "*", whole schemes ("https:") and data: or blob: where scripts can come from."""
    insecure_no_trusted_types: Because | None = None
    """Leaves out require-trusted-types-for: own scripts may write strings into innerHTML."""

    def __post_init__(self) -> None:
        for directive, sources in _source_lists(self):
            _check_sources(self, directive, sources)
        _check_trusted_types(self)
        if self.report_path is not None and (
            _has_other(self.report_path, _HOST_CHARACTERS) or decide_path(self.report_path.encode("ascii")) is not ALLOW
        ):
            raise ConfigError("report_path is a path on this host, such as /-/csp-report, without query.")


@dataclass(frozen=True, slots=True)
class CompiledCSP:
    """A policy as the bytes around its nonces."""

    parts: tuple[bytes, ...]
    """What stands before, between and behind the nonces."""
    without_nonce: bytes
    """The policy for a response that has no nonce: nothing inline is allowed in it."""
    trusted_html: Literal["none", "server"]
    """For the page, which installs the Trusted Types policy."""

    def header(self, nonce: str) -> bytes:
        """Return the header value for a nonce from `tokens.nonce()`."""
        return nonce.encode("ascii").join(self.parts)


def compile_csp(rules: CSPRules) -> CompiledCSP:
    """Compile a policy, once, when the app or a route is built."""
    nonce = "\0"  # Cannot occur in a source, so it marks where the nonces go.
    with_nonce: list[str] = []
    without: list[str] = []
    for directive, sources in _source_lists(rules):
        if not sources:
            continue
        slots = [f"'nonce-{nonce}'" if source == NONCE else source for source in sources]
        with_nonce.append(f"{directive} {' '.join(slots)}")
        without.append(f"{directive} {' '.join(_without_nonce(sources))}")
    tail = _settings(rules)
    return CompiledCSP(
        parts=tuple("; ".join([*with_nonce, *tail]).encode("ascii").split(nonce.encode("ascii"))),
        without_nonce="; ".join([*without, *tail]).encode("ascii"),
        trusted_html=rules.trusted_html,
    )


def _source_lists(rules: CSPRules) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The directives that take sources, in the order in which they are sent."""
    yield "default-src", rules.default_src
    yield "script-src", rules.script_src
    yield "style-src", rules.style_src
    yield "style-src-attr", rules.style_src_attr
    yield "img-src", rules.img_src
    yield "font-src", rules.font_src
    yield "connect-src", rules.connect_src
    yield "media-src", rules.media_src
    yield "manifest-src", rules.manifest_src
    yield "worker-src", rules.worker_src
    yield "frame-src", rules.frame_src
    own_forms = tuple(source for source in rules.form_action if source != _NONE or not rules.form_action_hosts)
    yield "form-action", own_forms + rules.form_action_hosts
    yield "frame-ancestors", rules.frame_ancestors
    yield "base-uri", rules.base_uri
    yield "object-src", rules.object_src


def _settings(rules: CSPRules) -> list[str]:
    parts: list[str] = []
    if rules.insecure_no_trusted_types is None:
        parts.append("require-trusted-types-for 'script'")
    if rules.trusted_types:
        # The policy for trusted_html="server" is the one named "default": browsers ask it when a string is written.
        names = ("default", *rules.trusted_types) if rules.trusted_html == "server" else rules.trusted_types
        parts.append(f"trusted-types {' '.join(dict.fromkeys(names))}")
    if rules.upgrade_insecure_requests:
        parts.append("upgrade-insecure-requests")
    if rules.report_path is not None:
        # report-to would make browsers ignore this one, and is only honoured over trusted https.
        parts.append(f"report-uri {rules.report_path}")
    return parts


def _without_nonce(sources: tuple[str, ...]) -> tuple[str, ...]:
    if NONCE not in sources:
        return sources
    # Without a nonce 'strict-dynamic' trusts nothing but would still switch host sources off.
    return tuple(source for source in sources if source not in {NONCE, _STRICT_DYNAMIC}) or (_NONE,)


def _check_sources(rules: CSPRules, directive: str, sources: tuple[str, ...]) -> None:
    refuse_bare_text(directive, sources)
    if _NONE in sources and len(sources) > 1:
        raise ConfigError(f"{directive}: 'none' stands alone, or browsers ignore it.")
    if NONCE in sources and directive not in _NONCE_DIRECTIVES:
        raise ConfigError(f"{directive}: a nonce means something in script-src and style-src only.")
    if NONCE in sources and "'unsafe-inline'" in sources:
        raise ConfigError(f"{directive}: beside a nonce browsers ignore 'unsafe-inline'; take one of the two out.")
    for source in sources:
        _check_source(rules, directive, source)


def _check_trusted_types(rules: CSPRules) -> None:
    if rules.trusted_html not in {"none", "server"}:
        raise ConfigError('trusted_html is "none" or "server".')
    refuse_bare_text("trusted_types", rules.trusted_types)
    if _NONE in rules.trusted_types and (len(rules.trusted_types) > 1 or rules.trusted_html == "server"):
        raise ConfigError("trusted_types: 'none' stands alone, and leaves no policy for trusted_html=\"server\".")
    for name in rules.trusted_types:
        if name not in {_NONE, "'allow-duplicates'"} and (not name or _has_other(name, _POLICY_CHARACTERS)):
            raise ConfigError(f"trusted_types: {name!r} is not the name of a policy: letters, digits, - and _ only.")


def _check_source(rules: CSPRules, directive: str, source: str) -> None:
    if source == _NONE or source in _KEYWORDS:
        return
    if source in _INLINE:
        _require(rules.insecure_inline, directive, source, "insecure_inline")
    elif source == "'unsafe-eval'":
        _require(rules.insecure_eval, directive, source, "insecure_eval")
    elif source.startswith(_HASHES) and source.endswith("'"):
        if _has_other(source[8:-1], _HASH_CHARACTERS):
            raise ConfigError(f"{directive}: {source!r} is not a hash in base64.")
    elif source in _BARE_KEYWORDS:
        raise ConfigError(
            f"{directive}: {source} is written with quotes, \"'{source}'\"; without, it is the name of a host."
        )
    elif not _is_scheme_or_host(source):
        raise ConfigError(
            f"{directive}: {source!r} is not a source: 'self', a hash, a host or an address without query."
        )
    elif _is_wildcard(source) and directive not in _HARMLESS_SCHEMES.get(source.lower(), ()):
        _require(rules.insecure_wildcards, directive, source, "insecure_wildcards")


def _is_wildcard(source: str) -> bool:
    """True for a whole scheme and for a pattern that matches hosts of other people: `*`, `https://*`, `*.com`."""
    name = _host_of(source).partition(":")[0]
    return source.endswith(":") or name == "*" or (name.startswith("*.") and name.count(".") < 2)


def _is_scheme_or_host(source: str) -> bool:
    if not source or _has_other(source, _HOST_CHARACTERS):
        return False
    if source.endswith(":"):
        return source[:-1].replace("-", "").replace("+", "").isalnum()
    scheme, separator, _ = source.partition("://")
    if separator and scheme.lower() not in {"http", "https", "ws", "wss"}:
        return False
    name = _host_of(source)
    try:
        parse_host("any" + name[1:] if name[:1] == "*" and name[1:2] in {"", ".", ":"} else name)
    except MalformedHostError:
        return False
    return True


def _host_of(source: str) -> str:
    """The host of a source with its port, unless the port is a wildcard."""
    return (source.partition("://")[2] or source).partition("/")[0].removesuffix(":*")


def _require(reason: Because | None, directive: str, source: str, setting: str) -> None:
    if not isinstance(reason, Because):
        raise ConfigError(
            f"{directive}: {source} takes the protection away. Remove it, or write "
            f'{setting}=Because("…") with the reason.'
        )


def _has_other(text: str, characters: bytes) -> bool:
    return not text.isascii() or bool(text.encode("ascii").translate(None, characters))
