"""Decisions that can be skipped, and doors that are left open: access by assert, errors that say yes, debug, every address.

ASVS 5.0: V8.3.1 (decided where it cannot be skipped), V16.5.3 (errors fail closed), V13.4.2 (no debug), V3.4.2 (CORS).
"""

import ast
import re
from collections.abc import Iterator
from typing import Final

from fastness.audit.module import Module, argument, is_false, is_true, keyword, method
from fastness.audit.rule import Hit, Rule
from fastness.kernel.findings import Notice, Severity, Topic

ASSERTED_ACCESS: Final = Notice(
    id="FST-SOURCE-060",
    severity=Severity.HIGH,
    title="Access is decided by an assert",
    why="python -O and PYTHONOPTIMIZE leave every assert out, and then everybody may.",
    fix="Put the rule on the route, access=…, or write if not …: raise.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.3.1",),
)
FAILS_OPEN: Final = Notice(
    id="FST-SOURCE-061",
    severity=Severity.HIGH,
    title="An error in a decision about access means yes",
    why="Whoever makes the decision fail, by a strange value or a full disk, is let in.",
    fix="Return False in the except branch, or let the error rise.",
    topic=Topic.ERRORS,
    asvs=("V16.5.3",),
)
DEBUG: Final = Notice(
    id="FST-SOURCE-062",
    severity=Severity.HIGH,
    title="Debugging is switched on in the source",
    why="Error pages then show code and values to visitors, and some consoles run what they type.",
    fix="Leave debug out; fastness dev switches it on for this machine only.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.2",),
)
EVERY_ADDRESS: Final = Notice(
    id="FST-SOURCE-063",
    severity=Severity.MEDIUM,
    title="The server listens on every address",
    why="It then answers past the proxy that ends TLS and counts requests.",
    fix="Listen on 127.0.0.1 or on a Unix socket; where a container has to, say it on the command line.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.2.5",),
)
TEMPORARY_NAME: Final = Notice(
    id="FST-SOURCE-064",
    severity=Severity.MEDIUM,
    title="A temporary file's name can be taken by others first",
    why="Between mktemp and open somebody else on the machine puts a link there.",
    fix="Use tempfile.NamedTemporaryFile or mkstemp.",
    topic=Topic.INTEGRITY,
    asvs=("V15.4.2",),
)
OPEN_CORS: Final = Notice(
    id="FST-SOURCE-065",
    severity=Severity.HIGH,
    title="Every site may read answers with the visitor's cookies",
    why="allow_origins * with credentials hands each signed-in visitor's data to any page they open.",
    fix="Name the origins, or leave allow_credentials out.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.4.2",),
)
NO_ESCAPING: Final = Notice(
    id="FST-SOURCE-066",
    severity=Severity.HIGH,
    title="A template environment does not escape",
    why="jinja2.Environment writes values into HTML as they are, unless autoescape is on.",
    fix="Write render(request, …), or give autoescape=True.",
    topic=Topic.INJECTION,
    asvs=("V1.2.1",),
)


_ACCESS: Final = re.compile(
    r"(?:^|_)(?:is_(?:staff|superuser|admin|authenticated|signed_in|owner|allowed|anonymous)|has_(?:permission|role|perm|access)|"
    r"may|permissions?|roles?|owner_id|authori[sz]ed?)$"
)
_DECIDES: Final = re.compile(
    r"^_?(?:may|can|is_(?:allowed|permitted|authori[sz]ed|valid|owner|admin|staff)|has_(?:permission|access|role)|"
    r"(?:check|verify|authori[sz]e|authenticate|allow)(?:_\w+)?)(?:_|$)"
)
_APPS: Final = frozenset({"FastAPI", "Starlette", "Flask", "Fastness", "Litestar", "Quart"})
_ALL_ADDRESSES: Final = frozenset({"0.0.0.0", "::", "[::]"})  # noqa: S104  # nosec B104 # what the rule looks for
_RUNNING: Final = frozenset({"run", "Granian", "serve", "Config", "run_app", "create_server", "start_server", "bind"})


def find_asserted_access(module: Module) -> Iterator[Hit]:
    """Asserts about roles, permissions and owners; in tests, which are not read, they are how one asks."""
    for node in module.all(ast.Assert):
        names = (
            part.attr if isinstance(part, ast.Attribute) else part.id
            for part in ast.walk(node.test)
            if isinstance(part, ast.Attribute | ast.Name)
        )
        if any(_ACCESS.search(name) for name in names):
            yield Hit(node)


def find_failing_open(module: Module) -> Iterator[Hit]:
    """`except …: return True` in a function whose name says that it decides."""
    for node in module.all(ast.ExceptHandler):
        owner = module.owners.get(node)
        last = node.body[-1]
        if owner is None or not _DECIDES.search(owner.name):
            continue
        if isinstance(last, ast.Return) and is_true(last.value):
            yield Hit(node)


def find_debug(module: Module) -> Iterator[Hit]:
    """`debug=True` given to an app, or to what runs it."""
    for call in module.all(ast.Call):
        name = method(call)
        if (name in _APPS or name == "run") and is_true(keyword(call, "debug")):
            yield Hit(call)
    for node in module.all(ast.Assign):
        for target in node.targets:
            if module.origin(target) in {"app.debug", "application.debug"} and is_true(node.value):
                yield Hit(node)


def find_every_address(module: Module) -> Iterator[Hit]:
    """The address of all interfaces, given to what listens."""
    for call in module.all(ast.Call):
        if method(call) in _RUNNING:
            given = [*call.args, *(each.value for each in call.keywords)]
            parts = [part for each in given for part in (each.elts if isinstance(each, ast.Tuple) else [each])]
            if any(module.text(part) in _ALL_ADDRESSES for part in parts):
                yield Hit(call)


def find_temporary_names(module: Module) -> Iterator[Hit]:
    """Names that are made before the file is."""
    yield from (Hit(call) for call in module.calls("tempfile.mktemp", "os.tempnam", "os.tmpnam"))


def find_open_cors(module: Module) -> Iterator[Hit]:
    """Starlette's middleware with everybody and credentials, added or listed."""
    for call in module.all(ast.Call):
        names = [module.origin(call.func), *(module.origin(each) for each in call.args)]
        if not any(name.endswith("CORSMiddleware") for name in names):
            continue
        origins = keyword(call, "allow_origins")
        values = origins.elts if isinstance(origins, ast.List | ast.Tuple) else []
        is_everybody = any(module.text(each) == "*" for each in values)
        is_everybody = is_everybody or module.text(keyword(call, "allow_origin_regex")) in {".*", "https?://.*", ".+"}
        if is_everybody and is_true(keyword(call, "allow_credentials")):
            yield Hit(call)


def find_no_escaping(module: Module) -> Iterator[Hit]:
    """Jinja's environment with escaping off, or left at its default of off."""
    for call in module.calls("jinja2.Environment", "jinja2.environment.Environment"):
        escaping = argument(call, 12, "autoescape")
        is_hidden = any(each.arg is None for each in call.keywords)
        if (escaping is None or is_false(escaping)) and not is_hidden:
            yield Hit(call)


RULES: Final = (
    Rule(notice=ASSERTED_ACCESS, find=find_asserted_access, same_as=("B101",)),
    Rule(notice=FAILS_OPEN, find=find_failing_open),
    Rule(notice=DEBUG, find=find_debug, same_as=("B201",)),
    Rule(notice=EVERY_ADDRESS, find=find_every_address, same_as=("B104",)),
    Rule(notice=TEMPORARY_NAME, find=find_temporary_names, same_as=("B306",)),
    Rule(notice=OPEN_CORS, find=find_open_cors),
    Rule(notice=NO_ESCAPING, find=find_no_escaping, same_as=("B701",)),
)
