"""Our rules as a plugin of Bandit, for people who use it without the rest of us: same functions, same ids, shorter.

`FST-SOURCE-005` is `FST005` there, since Bandit's comments know letters and digits only. Bandit visits one node after the
other; a rule looks at the whole file the first time that it is asked about one of its nodes.
Bandit loads each name below through an entry point of this package (`bandit.plugins` in pyproject.toml); a test compares.
"""

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from bandit.core.context import Context
from bandit.core.issue import Issue
from bandit.core.test_properties import checks, test_id

from fastness.audit.module import make_module
from fastness.audit.rule import Hit, Rule
from fastness.audit.rules import RULES
from fastness.kernel.findings import Severity

# Bandit loads its plugins before its own constants are there.
_LEVELS: Final = {
    Severity.INFO: "LOW",
    Severity.LOW: "LOW",
    Severity.MEDIUM: "MEDIUM",
    Severity.HIGH: "HIGH",
    Severity.CRITICAL: "HIGH",
}
# What the rules point at.
_NODES: Final = (
    "Assert", "Assign", "Call", "Compare", "Dict", "ExceptHandler", "Import", "ImportFrom", "Str", "Bytes",
)  # fmt: skip

Plugin = Callable[[Context], Issue | None]


def _plugin(rule: Rule) -> Plugin:
    def look(context: Context) -> Issue | None:
        hit = _hits(_root(context.node)).get((rule.short_id, context.node))
        if hit is None:
            return None
        return Issue(
            severity=_LEVELS[rule.notice.severity],
            confidence="HIGH",
            text=f"{rule.notice.title}: {hit.detail or rule.notice.why} {rule.notice.fix}",
            lineno=hit.line,
        )

    look.__name__ = rule.short_id.lower()
    plugin: Plugin = test_id(rule.short_id)(checks(*_NODES)(look))
    return plugin


def _root(node: ast.AST) -> ast.Module:
    """The tree of a node, by the links that Bandit leaves."""
    while (parent := getattr(node, "_bandit_parent", None)) is not None:
        node = parent
    return node if isinstance(node, ast.Module) else ast.Module(body=[], type_ignores=[])


@lru_cache(maxsize=1)
def _hits(tree: ast.Module) -> Mapping[tuple[str, ast.AST], Hit]:
    module = make_module(tree)
    return MappingProxyType({(rule.short_id, hit.node): hit for rule in RULES for hit in rule.find(module)})


PLUGINS: Final = {rule.short_id.lower(): _plugin(rule) for rule in RULES}


def __getattr__(name: str) -> Plugin:
    """Bandit asks for fst001 and so on."""
    try:
        return PLUGINS[name]
    except KeyError:
        raise AttributeError(name) from None
