"""Secrets in source and in logs.

A repository is copied to laptops, builds and forks, and keeps what was deleted; a log is read by more people than the
database. What is found is named by its kind and line, never quoted.

ASVS 5.0: V13.3.1 (secrets not in source code), V16.2.5 (what may be logged).
"""

import ast
import re
from collections.abc import Iterator
from typing import Final

from fastness.audit.module import Module, assigned, method
from fastness.audit.rule import Hit, Rule
from fastness.audit.secrets import NAME, known_secret, looks_random
from fastness.kernel.findings import Notice, Severity, Topic

KNOWN_SECRET: Final = Notice(
    id="FST-SOURCE-030",
    severity=Severity.CRITICAL,
    title="A secret is written in the source",
    why="Everybody with a copy of the repository has it, and deleting the line does not take it back.",
    fix="Make a new one where it came from, put that into the environment or a secrets folder, and read it from the settings.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.1",),
)
LIKELY_SECRET: Final = Notice(
    id="FST-SOURCE-031",
    severity=Severity.HIGH,
    title="The source has what looks like a secret",
    why="A random text behind a name such as this is in every copy of the repository.",
    fix="Read it from the settings. If it opens nothing, say so: # nosec FST031 # why it is no secret.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.1",),
)
LOGGED_SECRET: Final = Notice(
    id="FST-SOURCE-032",
    severity=Severity.MEDIUM,
    title="A secret or a request's body is logged",
    why="Logs are copied, kept and read by more people than the data they come from.",
    fix="Log an id, a length or a reason instead.",
    topic=Topic.LOGGING,
    asvs=("V16.2.5",),
)


_LOG_METHODS: Final = frozenset({"debug", "info", "warning", "error", "critical", "exception", "log"})
_LOGGERS: Final = re.compile(r"(?:^|[._])(?:log|logger|logging|_log|_logger|LOG|LOGGER)$")
_SECRETS: Final = re.compile(
    r"(?:^|_)(?:password|passphrase|secret|secret_key|api_key|private_key|access_token|authorization)$"
)
_BODIES: Final = frozenset({"body", "json", "form", "cookies"})


def find_known_secrets(module: Module) -> Iterator[Hit]:
    """Texts with the prefix of a service."""
    for node in module.all(ast.Constant):
        text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        if isinstance(text, str) and (what := known_secret(text)):
            yield Hit(node, f"This is {what}. {KNOWN_SECRET.why}")


def find_likely_secrets(module: Module) -> Iterator[Hit]:
    """Random texts behind telling names: variables, keywords, defaults, entries of dicts."""
    for name, value in _named_texts(module):
        text = value.value if isinstance(value, ast.Constant) else None
        if isinstance(text, str) and NAME.search(name) and looks_random(text) and not known_secret(text):
            yield Hit(value)


def find_logged_secrets(module: Module) -> Iterator[Hit]:
    """Arguments of a logger that are called a secret, or are what a request brought."""
    for call in module.all(ast.Call):
        if method(call) not in _LOG_METHODS or not isinstance(call.func, ast.Attribute):
            continue
        if _LOGGERS.search(module.origin(call.func.value)) and any(
            _is_secret(module, each) for each in _arguments(call)
        ):
            yield Hit(call)


def _named_texts(module: Module) -> Iterator[tuple[str, ast.expr]]:
    for node in module.nodes:
        yield from assigned(node)
        match node:
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=value):
                yield name, value
            case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=str(name)))], value=value):
                yield name, value
            case ast.keyword(arg=str(name), value=value):
                yield name, value
            case ast.Dict():
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield key.value, value


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    """What is written out: the arguments, and the values in f-strings and in `%`."""
    for given in (*call.args, *(each.value for each in call.keywords)):
        if isinstance(given, ast.JoinedStr):
            yield from (part.value for part in given.values if isinstance(part, ast.FormattedValue))
        elif isinstance(given, ast.BinOp) and isinstance(given.op, ast.Mod):
            yield from given.right.elts if isinstance(given.right, ast.Tuple) else (given.right,)
        else:
            yield given


def _is_secret(module: Module, node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name) if _SECRETS.search(name):
            return True
        case ast.Attribute(attr=name) if _SECRETS.search(name):
            return True
    value = module.value(node)
    inner = value.value if isinstance(value, ast.Await) else value
    inner = inner.func if isinstance(inner, ast.Call) else inner
    return isinstance(inner, ast.Attribute) and inner.attr in _BODIES and module.has_request_value(value)


RULES: Final = (
    Rule(notice=KNOWN_SECRET, find=find_known_secrets),
    Rule(notice=LIKELY_SECRET, find=find_likely_secrets),
    Rule(notice=LOGGED_SECRET, find=find_logged_secrets),
)
