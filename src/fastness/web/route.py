"""One route: what is matched, who may use it, and what it changes about the gates.

It is made once, when the app is sealed, and never changed: the gates ask this object and no list of paths. What it leaves out
hangs on it in names that say so, each with a reason that `fastness check` lists. An option that cannot be right stops the start.

ASVS 5.0: V8.1.1, V8.2.1, V15.1.5.
"""

import inspect
from collections.abc import Iterator
from dataclasses import field
from types import CodeType
from typing import Any, Final, Literal, TypedDict

from starlette.convertors import Convertor
from starlette.routing import PARAM_REGEX, compile_path

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass
from fastness.kernel.wires import Wire
from fastness.web.accessrules import Access, is_hiding
from fastness.web.exchange import BEFORE_ACCESS, WITH_RATES
from fastness.web.patterns import open_ended_together
from fastness.web.rates import By, Rate, RateOption, rates_of

Kind = Literal["http", "asgi", "websocket", "websocket-asgi", "mount"]
"""Our own handler or class, somebody's ASGI app at one address, the same two for sockets, and an ASGI app below a path."""

Framing = Literal["deny", "same-origin"] | tuple[str, ...]

_MAX_OPEN_ENDED: Final = 2
_BRACKETS: Final = frozenset("{}<>")
"""What other frameworks write round a parameter, and what is left of one that is misspelt. No browser asks for them."""
_WIRES: Final = {f"insecure_{wire}": wire for wire in Wire}
_EXEMPTIONS: Final = ("insecure_skip_csrf", "insecure_cross_site", "insecure_write_on_get", *_WIRES)


class MissingAccessError(ConfigError):
    """A route says nothing about who may use it."""

    code = "missing_access"


class RouteError(ConfigError):
    """A route that cannot be right."""

    code = "route"


class RouteOptions(TypedDict, total=False):
    """What a route may say beyond path, methods and access."""

    name: str
    max_body_bytes: int
    csrf: Literal["forms", "always"]
    framing: Framing
    trusted_origins: tuple[str, ...]
    encoded_slash: bool
    read_session: bool
    idempotent: bool
    idempotency_key: bool
    rate: RateOption
    tokens: bool
    insecure_skip_csrf: Because
    insecure_cross_site: Because
    insecure_write_on_get: Because
    insecure_code: Because
    insecure_process: Because
    insecure_native: Because
    insecure_files: Because
    insecure_sockets: Because
    insecure_pickle: Because


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """One compiled route: what it answers, who may use it, and what it changes about the gates."""

    path: str
    endpoint: Any
    kind: Kind
    methods: frozenset[str]
    name: str
    access: Access
    where: str
    """File and line of the endpoint, for messages."""
    max_body_bytes: int | None = None
    """Largest body in bytes; `None` takes the site's limit."""
    csrf: Literal["forms", "always"] = "forms"
    """`always` asks for the token with every unsafe request, JSON too."""
    framing: Framing = "deny"
    """Who may show the page in a frame: nobody, this origin, or the named partner origins."""
    trusted_origins: tuple[str, ...] = ()
    """Origins whose pages may send unsafe requests here."""
    encoded_slash: bool = False
    """`%2f` may occur in the path."""
    read_session: bool = True
    """False for what is the same for everybody: no store read, no user."""
    idempotent: bool = False
    """A second run of the handler does no harm: the request is repeated once where PostgreSQL undid its transaction."""
    idempotency_key: bool = False
    """Unsafe requests name themselves by an `Idempotency-Key`, and are carried out once for each (`web/once.py`)."""
    tokens: bool = False
    """API tokens are accepted; without this no token opens anything here."""
    rate: RateOption = ()
    """How often it may be asked; one rate or several."""
    insecure_skip_csrf: Because | None = None
    """No form token is asked for."""
    insecure_cross_site: Because | None = None
    """Any site's page may send unsafe requests here."""
    insecure_write_on_get: Because | None = None
    """GET may write to the database."""
    insecure_code: Because | None = None
    """Text may be evaluated or compiled: no tripwire tells of it."""
    insecure_process: Because | None = None
    """Programs may be started."""
    insecure_native: Because | None = None
    """Native code may be reached through ctypes."""
    insecure_files: Because | None = None
    """Files outside of the declared folders may be opened."""
    insecure_sockets: Because | None = None
    """Servers may be connected to that are not declared, without `request.outbound`."""
    insecure_pickle: Because | None = None
    """Pickles may be loaded."""
    permits: frozenset[Wire] = field(init=False)
    """The tripwires that are open here."""
    is_hidden: bool = field(init=False)
    """Those whom the rule refuses, or some of them, are not to learn that there is a route."""
    is_slow_to_refuse: bool = field(init=False)
    """Two parameters can take letters from each other: only short paths are tried."""
    rates: tuple[Rate, ...] = field(init=False)
    """All that hold, those of its groups and its mount too."""
    client_rates: tuple[Rate, ...] = field(init=False)
    """Those that are counted before the session is read."""
    user_rates: tuple[Rate, ...] = field(init=False)
    needed_stamps: int = field(init=False)
    """The gates that a request must have passed to come here."""
    regex: Any = field(init=False)
    convertors: dict[str, Convertor[Any]] = field(init=False)
    path_format: str = field(init=False)

    def __post_init__(self) -> None:
        refuse_unrequested(self.path, self.where)
        try:
            regex, path_format, convertors = compile_path(self.path)
        except (AssertionError, KeyError, ValueError) as error:
            raise RouteError(f"The path {self.path!r} of {self.where} cannot be compiled: {error}.") from None
        if not _BRACKETS.isdisjoint(PARAM_REGEX.sub("", self.path)):
            raise RouteError(
                f"The path {self.path!r} of {self.where} has a parameter that is none. Write it as {{name}} or {{name:int}}, "
                "with a name of letters, digits and '_'."
            )
        together = open_ended_together(self.path, convertors)
        if together > _MAX_OPEN_ENDED:
            # Each further one multiplies what a long path costs to refuse: with three, two thousand letters hold the
            # event loop for seconds (CWE-1333).
            raise RouteError(
                f"The path {self.path!r} of {self.where} has more than {_MAX_OPEN_ENDED} open-ended parameters that can take "
                "letters from each other. Put a slash between them, or take one parameter and split it in the handler."
            )
        check_options(self)
        here = f"{' '.join(sorted(self.methods)) or self.kind} {self.path}"
        rates = tuple(rate.within(here) for rate in rates_of(self.rate, where=f"{self.path!r} ({self.where})"))
        permits = frozenset(wire for name, wire in _WIRES.items() if getattr(self, name) is not None)
        object.__setattr__(self, "permits", permits)
        object.__setattr__(self, "rates", rates)
        object.__setattr__(self, "client_rates", tuple(rate for rate in rates if rate.by is By.CLIENT))
        object.__setattr__(self, "user_rates", tuple(rate for rate in rates if rate.by is not By.CLIENT))
        object.__setattr__(self, "needed_stamps", WITH_RATES if rates else BEFORE_ACCESS)
        object.__setattr__(self, "is_hidden", is_hiding(self.access))
        object.__setattr__(self, "is_slow_to_refuse", together == _MAX_OPEN_ENDED)
        object.__setattr__(self, "regex", regex)
        object.__setattr__(self, "path_format", path_format)
        object.__setattr__(self, "convertors", convertors)

    def exemptions(self) -> Iterator[tuple[str, Because]]:
        """The ways out that this route takes, for `fastness check`."""
        for name in _EXEMPTIONS:
            reason = getattr(self, name)
            if reason is not None:
                yield name, reason


def refuse_unrequested(path: str, where: str) -> None:
    """Refuse a path that no request can have, because the gates take it for none."""
    if not path.startswith("/"):
        raise RouteError(f"The path {path!r} of {where} does not start with '/'.")
    for segment in path.split("/"):
        if segment in {".", ".."}:
            raise RouteError(f"The path {path!r} of {where} has a '.' or '..' segment, which is never requested.")
    if "//" in path:
        raise RouteError(f"The path {path!r} of {where} has an empty segment, which is never requested.")


def check_options(route: Route) -> None:
    """Refuse what a type checker would have: a misspelt option would leave a gate open without a word."""
    for name in _EXEMPTIONS:
        # `insecure_…=False` reads like a gate that is kept, and any value but None opens it.
        if not isinstance(getattr(route, name), Because | None):
            raise RouteError(f'{name} of {route.path!r} ({route.where}) takes Because("the reason") and nothing else.')
    if route.csrf not in {"forms", "always"}:
        raise RouteError(f"csrf of {route.path!r} ({route.where}) is 'forms' or 'always', not {route.csrf!r}.")
    if route.csrf == "always" and route.kind.startswith("websocket"):
        raise RouteError(
            f"csrf='always' of {route.path!r} ({route.where}) asks for what no browser can send with an upgrade; the "
            "Origin of a socket is always compared."
        )
    if not isinstance(route.tokens, bool):
        raise RouteError(f"tokens of {route.path!r} ({route.where}) is True or False, not {route.tokens!r}.")
    if route.tokens and not route.read_session:
        raise RouteError(
            f"{route.path!r} ({route.where}) says tokens=True and read_session=False: nobody would be asked for."
        )
    if route.idempotency_key and (route.kind.startswith("websocket") or not route.read_session):
        raise RouteError(
            f"idempotency_key of {route.path!r} ({route.where}) is for requests of people: no sockets, no read_session=False."
        )
    if route.idempotent and route.kind != "http":
        raise RouteError(f"idempotent of {route.path!r} ({route.where}) is for handlers of requests.")
    if route.max_body_bytes is not None and route.max_body_bytes <= 0:
        raise RouteError(f"max_body_bytes of {route.path!r} ({route.where}) is a number above 0.")


def source_of(endpoint: object) -> str:
    """File and line of an endpoint, as an editor opens it."""
    target: Any = inspect.unwrap(endpoint) if callable(endpoint) else endpoint
    code = getattr(target, "__code__", None)
    if isinstance(code, CodeType) and not code.co_filename.startswith("<"):
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:  # a class: its file has to be read
        path = inspect.getsourcefile(target)
        _, line = inspect.getsourcelines(target)
    except (TypeError, OSError):
        return f"{type(endpoint).__module__}.{type(endpoint).__qualname__}"
    return f"{path}:{line}"
