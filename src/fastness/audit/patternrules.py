r"""Patterns that let more through than they say, or take for ever to say no.

`re.match("[a-z]+", value)` accepts "a<script>"; `re.match("^[a-z]+$", value)` accepts "a\n", which splits a header or a log
line; `(a+)+$` needs hours for forty letters. Only patterns written in the file are read.

ASVS 5.0: V2.2.1 (positive validation), V1.3.12 (no exponential backtracking).
"""

import ast
from collections.abc import Iterator
from typing import Final

from fastness.audit.module import Module, argument, is_false, is_none
from fastness.audit.patterns import ends_with_dollar, holds_whole_value, is_catastrophic
from fastness.audit.rule import Hit, Rule
from fastness.kernel.findings import Notice, Severity, Topic

DOLLAR: Final = Notice(
    id="FST-SOURCE-020",
    severity=Severity.MEDIUM,
    title="A check by pattern accepts a newline at the end",
    why=r"$ stands before a newline too, so that the value may bring a line of its own into a header, a log or a file.",
    fix="Write re.fullmatch(…) without ^ and $.",
    topic=Topic.INJECTION,
    asvs=("V2.2.1",),
)
UNANCHORED: Final = Notice(
    id="FST-SOURCE-021",
    severity=Severity.MEDIUM,
    title="A check by pattern looks at a part of the value only",
    why="re.match stops where the pattern does, and re.search begins anywhere: the rest of the value is not checked.",
    fix="Write re.fullmatch(…).",
    topic=Topic.INJECTION,
    asvs=("V2.2.1",),
)
BACKTRACKING: Final = Notice(
    id="FST-SOURCE-022",
    severity=Severity.HIGH,
    title="A pattern can take for ever",
    why="A repetition of a repetition tries every way to split the value: some forty letters stop the process.",
    fix="Repeat once, (a+)+ is a+, or use a possessive quantifier, (?:a++)+ (Python 3.11).",
    topic=Topic.DESIGN,
    asvs=("V1.3.12",),
)


_MATCHING: Final = frozenset({"re.match", "re.search"})
_PATTERNS: Final = (
    "re.compile", "re.match", "re.search", "re.fullmatch", "re.findall", "re.finditer", "re.split", "re.sub", "re.subn",
)  # fmt: skip
_VALIDATORS: Final = ("wtforms.validators.Regexp", "wtforms.validators.regexp")


def find_dollars(module: Module) -> Iterator[Hit]:
    """Tests that end with $."""
    for call, pattern in _tests(module):
        # A search for an ending is one: re.search("_id$", name).
        is_whole = not module.origin(call.func).endswith("search") or pattern.startswith("^")
        if is_whole and ends_with_dollar(pattern):
            yield Hit(call)


def find_unanchored(module: Module) -> Iterator[Hit]:
    """Tests that refuse a value when they do not match, and do not say where it ends."""
    refusing = {call for node in module.all(ast.If) if _refuses(node) for call in _negated(node.test)}
    for call, pattern in _tests(module):
        is_validator = module.origin(call.func) in _VALIDATORS
        if (is_validator or call in refusing) and not holds_whole_value(pattern):
            yield Hit(call)


def find_backtracking(module: Module) -> Iterator[Hit]:
    """Patterns with a repetition of a repetition, wherever they stand."""
    for call in module.calls(*_PATTERNS, *_VALIDATORS):
        pattern = argument(call, 0, "pattern")
        # A pattern that has a name is told where it is compiled, once.
        if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str) and is_catastrophic(pattern.value):
            yield Hit(call)


def _tests(module: Module) -> Iterator[tuple[ast.Call, str]]:
    """The calls that only ask whether a value fits, with their patterns."""
    asked = {call for node in module.nodes for call in _asked(node)}
    for call in module.all(ast.Call):
        origin = module.origin(call.func)
        pattern: ast.expr | None = None
        flags: ast.expr | None = None
        if origin in _VALIDATORS:
            pattern, flags = argument(call, 0, "regex"), argument(call, 1, "flags")
        elif origin in _MATCHING and call in asked:
            pattern, flags = argument(call, 0, "pattern"), argument(call, 2, "flags")
        elif isinstance(call.func, ast.Attribute) and call.func.attr in {"match", "search"} and call in asked:
            compiled = module.value(call.func.value)
            if isinstance(compiled, ast.Call) and module.origin(compiled.func) == "re.compile":
                pattern, flags = argument(compiled, 0, "pattern"), argument(compiled, 1, "flags")
        text = module.text(pattern)
        if text is not None and flags is None:
            yield call, text


def _asked(node: ast.AST) -> Iterator[ast.Call]:
    """Calls whose answer is used as yes or no."""
    test: ast.expr | None = None
    match node:
        case ast.If() | ast.IfExp() | ast.While() | ast.Assert():
            test = node.test
        case ast.Return(value=value):
            test = value if isinstance(value, ast.Compare | ast.UnaryOp | ast.BoolOp) or _is_bool(value) else None
        case ast.comprehension(ifs=[first, *_]):
            test = first
    if test is not None:
        yield from (call for call in _terms(test) if isinstance(call, ast.Call))


def _is_bool(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "bool"


def _terms(test: ast.expr) -> Iterator[ast.expr]:
    """What a condition is made of: through not, and, or, `is None` and bool(…)."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            yield from _terms(inner)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _terms(value)
        case ast.Compare(left=left, comparators=[other]) if is_none(other):
            yield from _terms(left)
        case ast.Call(func=ast.Name(id="bool"), args=[inner]):
            yield from _terms(inner)
        case _:
            yield test


def _negated(test: ast.expr) -> Iterator[ast.Call]:
    """The calls that have to match, or the branch is taken."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call() as call):
            yield call
        case ast.Compare(left=ast.Call() as call, ops=[ast.Is()], comparators=[other]) if is_none(other):
            yield call
        case ast.BoolOp(op=ast.Or(), values=values):
            for value in values:
                yield from _negated(value)


def _refuses(node: ast.If) -> bool:
    """Whether the branch raises, or answers False."""
    last = node.body[-1]
    return isinstance(last, ast.Raise) or (isinstance(last, ast.Return) and is_false(last.value))


RULES: Final = (
    Rule(notice=DOLLAR, find=find_dollars),
    Rule(notice=UNANCHORED, find=find_unanchored),
    Rule(notice=BACKTRACKING, find=find_backtracking),
)
