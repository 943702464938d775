"""Randomness that can be guessed, hashes that are too fast, comparisons that tell how far they got, tokens unchecked.

ASVS 5.0: V11.5.1 (randomness), V11.4.2 (passwords), V11.2.4 (constant time), V9.1.1 and V9.1.2 (tokens).
"""

import ast
import re
from collections.abc import Iterator
from typing import Final

from fastness.audit.module import Module, argument, is_false, keyword
from fastness.audit.rule import Hit, Rule
from fastness.kernel.findings import Notice, Severity, Topic

WEAK_RANDOM: Final = Notice(
    id="FST-SOURCE-040",
    severity=Severity.HIGH,
    title="A token comes from a generator that can be guessed",
    why="Whoever has seen some values of random computes the next ones.",
    fix="Write fastness.kernel.tokens.random_token(), or use the module secrets.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V11.5.1",),
)
FAST_HASH: Final = Notice(
    id="FST-SOURCE-041",
    severity=Severity.HIGH,
    title="A password is hashed with a fast hash",
    why="A graphics card tries billions of passwords a second against MD5 or SHA; salt does not slow it.",
    fix="Leave passwords to the framework's accounts, or use Argon2id.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V11.4.2",),
)
WEAK_HASH: Final = Notice(
    id="FST-SOURCE-042",
    severity=Severity.MEDIUM,
    title="A hash that can be forged",
    why="Two texts with the same MD5 or SHA-1 are made in seconds or for some money.",
    fix="Use hashlib.sha256 or blake2b; where it protects nothing, say usedforsecurity=False.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V11.4.1",),
)
COMPARISON: Final = Notice(
    id="FST-SOURCE-043",
    severity=Severity.MEDIUM,
    title="A signature is compared with ==",
    why="== stops at the first difference, and the time it took tells a patient sender where that was.",
    fix="Write hmac.compare_digest(a, b).",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V11.2.4",),
)
UNCHECKED_TOKEN: Final = Notice(
    id="FST-SOURCE-044",
    severity=Severity.HIGH,
    title="A signed token is read without its signature",
    why="Anybody can write such a token for any account.",
    fix='Write jwt.decode(token, key, algorithms=["RS256"]) with the one algorithm that is used, and without verify_signature.',
    topic=Topic.AUTHENTICATION,
    asvs=("V9.1.1", "V9.1.2"),
)


_SENSITIVE: Final = re.compile(
    r"(?:^|_|(?<=[a-z]))(?:token|secret|passw(?:or)?d|passphrase|nonce|salt|otp|csrf|session_?id|session_?key|api_?key|"
    r"reset_?(?:code|link)|(?:recovery|verification|confirmation|invite)_?code)s?(?:$|_)",
    re.IGNORECASE,
)
_PASSWORD: Final = re.compile(r"(?:^|_)(?:password|passwd|passphrase|pwd)$", re.IGNORECASE)
_RANDOM: Final = tuple(
    f"random.{name}"
    for name in ("random", "randint", "randrange", "choice", "choices", "sample", "getrandbits", "randbytes", "uniform")
)
_HASHES: Final = tuple(
    f"hashlib.{name}"
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b", "blake2s")
)
_BROKEN: Final = ("md5", "sha1")
_DIGESTS: Final = frozenset({"digest", "hexdigest"})


def find_weak_random(module: Module) -> Iterator[Hit]:
    """Values of random in a function or behind a name that says token, password and so on."""
    inside = {part: name for node in module.nodes for name, value in _targets(node) for part in ast.walk(value)}
    for call in module.calls(*_RANDOM):
        owner = module.owners.get(call)
        names = (inside.get(call, ""), owner.name if owner else "")
        if any(_SENSITIVE.search(name) for name in names):
            yield Hit(call)


def find_fast_hashes(module: Module) -> Iterator[Hit]:
    """Passwords that go straight into a hash."""
    for call in module.calls(*_HASHES, "hashlib.new"):
        if _has_password(call) and _protects(call):
            yield Hit(call)


def find_weak_hashes(module: Module) -> Iterator[Hit]:
    """MD5 and SHA-1, unless the call says that they protect nothing."""
    for call in module.calls(*(f"hashlib.{name}" for name in _BROKEN), "hashlib.new"):
        name = module.text(argument(call, 0, "name")) if module.origin(call.func) == "hashlib.new" else _BROKEN[0]
        if (name or "").lower().replace("-", "") in _BROKEN and _protects(call) and not _has_password(call):
            yield Hit(call)


def find_comparisons(module: Module) -> Iterator[Hit]:
    """== and != with a digest of hmac on one side."""
    for node in module.all(ast.Compare):
        is_equal = isinstance(node.ops[0], ast.Eq | ast.NotEq)
        if is_equal and any(_is_mac(module, side) for side in (node.left, *node.comparators)):
            yield Hit(node)


def find_unchecked_tokens(module: Module) -> Iterator[Hit]:
    """jwt.decode told not to check, or to believe the token's own word for the algorithm."""
    for call in module.calls("jwt.decode", "jose.jwt.decode", "jwt.api_jwt.decode"):
        options = keyword(call, "options")
        options = module.value(options) if options is not None else None
        is_off = isinstance(options, ast.Dict) and any(
            module.text(key) == "verify_signature" and is_false(value)
            for key, value in zip(options.keys, options.values, strict=True)
        )
        is_off = is_off or is_false(keyword(call, "verify"))
        algorithms = argument(call, 2, "algorithms")
        names = (
            []
            if algorithms is None
            else [module.text(part) or "" for part in ast.walk(algorithms) if isinstance(part, ast.expr)]
        )
        if is_off or "none" in [name.lower() for name in names]:
            yield Hit(call)


def _targets(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.keyword(arg=str(name), value=value):
            yield name, value


def _protects(call: ast.Call) -> bool:
    """Unless the call itself says that it does not."""
    return not is_false(keyword(call, "usedforsecurity"))


def _has_password(call: ast.Call) -> bool:
    """Whether a name that says password is what is hashed, as it is or encoded."""
    names = (
        part.id if isinstance(part, ast.Name) else part.attr
        for given in call.args
        for part in ast.walk(given)
        if isinstance(part, ast.Name | ast.Attribute)
    )
    return any(_PASSWORD.search(name) for name in names)


def _is_mac(module: Module, node: ast.expr) -> bool:
    match module.value(node):
        case ast.Call(func=ast.Attribute(value=made, attr=name)) if name in _DIGESTS:
            made = module.value(made)
            return isinstance(made, ast.Call) and module.origin(made.func) in {"hmac.new", "hmac.HMAC"}
        case ast.Call(func=function):
            return module.origin(function) == "hmac.digest"
    return False


RULES: Final = (
    Rule(notice=WEAK_RANDOM, find=find_weak_random, same_as=("B311",)),
    Rule(notice=FAST_HASH, find=find_fast_hashes, same_as=("B303", "B324")),
    Rule(notice=WEAK_HASH, find=find_weak_hashes, same_as=("B303", "B324")),
    Rule(notice=COMPARISON, find=find_comparisons),
    Rule(notice=UNCHECKED_TOKEN, find=find_unchecked_tokens),
)
