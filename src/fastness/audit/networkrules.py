"""Calls to other machines that anybody could aim, or answer.

A request that the server sends comes from inside: an address that a visitor chose reaches what visitors cannot. The safe
client resolves once, pins the address and refuses private ones.

ASVS 5.0: V1.3.6 (SSRF), V12.3.2 (certificates are checked), V13.2.4 (an allow-list of systems), V15.4.4 (a blocked loop).
"""

import ast
from collections.abc import Iterator
from typing import Final

from fastness.audit.module import Function, Module, is_false, keyword
from fastness.audit.rule import Hit, Rule
from fastness.kernel.findings import Notice, Severity, Topic

OUTBOUND: Final = Notice(
    id="FST-SOURCE-050",
    severity=Severity.LOW,
    title="A call to another machine goes past the safe client",
    why="Nothing keeps it from private addresses, redirects to them, or an answer without end.",
    fix="Use fastness.outbound, with the hosts that the app may call.",
    topic=Topic.SSRF,
    asvs=("V13.2.4", "V1.3.6"),
)
REQUEST_FORGERY: Final = Notice(
    id="FST-SOURCE-051",
    severity=Severity.HIGH,
    title="A visitor chooses which address the server calls",
    why="From inside it reaches databases, admin pages and the cloud's metadata, which holds keys.",
    fix="Use fastness.outbound with declared hosts, or look the address up in a dict of what is allowed.",
    topic=Topic.SSRF,
    asvs=("V1.3.6",),
)
NO_CERTIFICATES: Final = Notice(
    id="FST-SOURCE-052",
    severity=Severity.HIGH,
    title="Certificates are not checked",
    why="Anybody on the way can answer as the other side, and read and change everything.",
    fix="Leave verification on; for an own authority give its file, verify='/path/to/ca.pem'.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.3.2",),
)
BLOCKING: Final = Notice(
    id="FST-SOURCE-053",
    severity=Severity.MEDIUM,
    title="An async function waits without letting others go on",
    why="While it waits, this process answers nobody: one slow partner stops the site.",
    fix="Use the async form (asyncio.sleep, an async client), or await asyncio.to_thread(…).",
    topic=Topic.DESIGN,
    asvs=("V15.4.4",),
)


_CLIENTS: Final = (
    "requests", "httpx", "httpx2", "aiohttp", "urllib.request", "urllib3", "http.client", "httplib2", "pycurl", "niquests",
)  # fmt: skip
_HARMLESS: Final = frozenset(
    {
        "aiohttp.web",
        "http.client.HTTPException",
        "http.client.responses",
        "urllib.request.pathname2url",
        "urllib.request.url2pathname",
    }
)
_VERBS: Final = frozenset(
    {"get", "post", "put", "patch", "delete", "head", "options", "request", "stream", "urlopen", "Request"}
)
_CLIENT_MAKERS: Final = frozenset({"Client", "AsyncClient", "Session", "session", "ClientSession", "PoolManager"})
_BLOCKING: Final = (
    "time.sleep", "urllib.request.urlopen", "socket.create_connection", "socket.getaddrinfo", "subprocess.run",
    "subprocess.call", "subprocess.check_call", "subprocess.check_output", "os.system",
    *(f"{library}.{verb}" for library in ("requests", "httpx") for verb in ("get", "post", "put", "delete", "request")),
)  # fmt: skip


def find_outbound(module: Module) -> Iterator[Hit]:
    """Imports of clients; where the app imports a client nothing else has to be found."""
    seen: set[ast.AST] = set()
    for node, name in module.imports(*_CLIENTS):
        if node not in seen and name not in _HARMLESS:
            seen.add(node)
            yield Hit(node, f"{name} is imported. {OUTBOUND.why}")


def find_request_forgery(module: Module) -> Iterator[Hit]:
    """Addresses that were sent, given to a client."""
    for call in module.all(ast.Call):
        if _is_request(module, call) and any(
            module.has_request_value(each) for each in (*call.args[:2], keyword(call, "url"))
        ):
            yield Hit(call)


def find_no_certificates(module: Module) -> Iterator[Hit]:
    """Every way to say so."""
    for call in module.all(ast.Call):
        origin = module.origin(call.func)
        is_off = is_false(keyword(call, "verify")) or is_false(keyword(call, "verify_ssl"))
        is_off = is_off or is_false(keyword(call, "check_hostname"))
        is_off = is_off or (origin.startswith("aiohttp") and is_false(keyword(call, "ssl")))
        is_token = origin.startswith(("jwt.", "jose."))
        if (is_off and not is_token) or origin in {"ssl._create_unverified_context", "ssl._create_stdlib_context"}:
            yield Hit(call)
    for node in module.all(ast.Assign):
        names = {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
        is_none = module.origin(node.value) == "ssl.CERT_NONE"
        is_unnamed = "check_hostname" in names and is_false(node.value)
        is_default = module.origin(node.value) == "ssl._create_unverified_context"
        if is_none or is_unnamed or is_default:
            yield Hit(node)


def find_blocking(module: Module) -> Iterator[Hit]:
    """Calls that wait, straight in an async function; `to_thread(time.sleep, 1)` is no call."""
    for call in module.calls(*_BLOCKING):
        owner: Function | None = module.owners.get(call)
        if isinstance(owner, ast.AsyncFunctionDef) and not _is_in_lambda(owner, call):
            yield Hit(call)


def _is_request(module: Module, call: ast.Call) -> bool:
    library, _, name = module.origin(call.func).rpartition(".")
    if name not in _VERBS:
        return False
    if library.startswith(("requests", "httpx", "aiohttp", "urllib", "niquests")):
        return True
    return isinstance(call.func, ast.Attribute) and _is_client(module, call.func.value)


def _is_client(module: Module, node: ast.expr) -> bool:
    """Whether a value was made as a client, by name or by `async with … as`."""
    made = module.value(node)
    if not isinstance(made, ast.Call):
        return False
    library, _, name = module.origin(made.func).rpartition(".")
    return name in _CLIENT_MAKERS and library.startswith(("requests", "httpx", "aiohttp", "urllib3", "niquests"))


def _is_in_lambda(function: ast.AST, call: ast.Call) -> bool:
    return any(call in set(ast.walk(node)) for node in ast.walk(function) if isinstance(node, ast.Lambda))


RULES: Final = (
    Rule(notice=OUTBOUND, find=find_outbound, same_as=("B310",)),
    Rule(notice=REQUEST_FORGERY, find=find_request_forgery, same_as=("B310",)),
    Rule(notice=NO_CERTIFICATES, find=find_no_certificates, same_as=("B323", "B501")),
    Rule(notice=BLOCKING, find=find_blocking),
)
