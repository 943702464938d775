"""What can be said about a regular expression from its text: does it hold the whole value, can it take for ever?

The text is read by a small parser of groups and quantifiers; one that it cannot read is left to Python. Nothing is matched.
ASVS 5.0: V1.3.12 (no exponential backtracking).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_QUANTIFIER: Final = re.compile(r"\*|\+|\?|\{(\d*)(,?)(\d*)\}")
_MANY: Final = 10
"""From so many repetitions on, a repetition inside doubles the work each time."""


@dataclass(slots=True)
class _Group:
    """The items of one group, in alternatives: each item's least, its most, and the group it is, if it is one."""

    alternatives: list[list["_Item"]] = field(default_factory=lambda: [[]])


@dataclass(slots=True)
class _Item:
    least: int = 1
    most: float = 1
    is_possessive: bool = False
    group: _Group | None = None


def ends_with_dollar(pattern: str) -> bool:
    r"""Whether the pattern ends with `$`, which accepts a newline after the value; `\Z` does not."""
    return pattern.endswith("$") and not re.search(r"(?<!\\)(?:\\\\)*\\\$$", pattern) and not _is_multiline(pattern)


def holds_whole_value(pattern: str) -> bool:
    """Whether the pattern says where the value ends."""
    return pattern.endswith(("$", r"\Z", r"\z", "$)", r"\Z)")) or bool(re.search(r"\.[*+]\)?$", pattern))


def is_catastrophic(pattern: str) -> bool:
    """Whether a repetition holds nothing but another one: `(a+)+` splits n letters in 2ⁿ ways before it gives up."""
    group = _parse(pattern)
    return group is not None and _is_catastrophic(group)


def _is_multiline(pattern: str) -> bool:
    return bool(re.match(r"\(\?[a-z]*m", pattern))


def _is_catastrophic(group: _Group) -> bool:
    for item in (item for items in group.alternatives for item in items):
        inner = item.group
        if inner is None:
            continue
        if item.most >= _MANY and not item.is_possessive and any(_is_run(items) for items in inner.alternatives):
            return True
        if _is_catastrophic(inner):
            return True
    return False


def _is_run(items: Sequence[_Item]) -> bool:
    """Whether one item may repeat without end, and nothing else has to stand beside it."""
    for item in items:
        is_alone = all(other.least == 0 for other in items if other is not item)
        is_endless = item.most >= _MANY and not item.is_possessive
        is_inside = item.group is not None and any(_is_run(each) for each in item.group.alternatives)
        if is_alone and (is_endless or is_inside):
            return True
    return False


def _parse(pattern: str) -> _Group | None:
    """The groups of a pattern; None where its brackets do not fit."""
    root = _Group()
    stack = [root]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        item = _Item()
        if character == "\\":
            position += 2
        elif character == "[":
            end = _end_of_class(pattern, position)
            if end is None:
                return None
            position = end
        elif character == "(":
            opened = _Group()
            stack[-1].alternatives[-1].append(_Item(group=opened))
            stack.append(opened)
            head = re.compile(r"\((\?(?:P<\w+>|P=\w+|[:=!>#]|<[=!]|[a-zA-Z-]+:?|\(\w+\)))?").match(pattern, position)
            position = position + 1 if head is None else head.end()
            continue
        elif character == ")":
            if len(stack) == 1:
                return None
            stack.pop()
            item = stack[-1].alternatives[-1].pop()
            position += 1
        elif character == "|":
            stack[-1].alternatives.append([])
            position += 1
            continue
        elif character in "^$":
            position += 1
            continue
        else:
            position += 1
        position = _quantify(pattern, position, item)
        stack[-1].alternatives[-1].append(item)
    return root if len(stack) == 1 else None


def _quantify(pattern: str, position: int, item: _Item) -> int:
    """Read the quantifier behind an item, if there is one, and return where it ends."""
    found = _QUANTIFIER.match(pattern, position)
    if found is None or found[0] in {"{}", "{,}"}:
        return position
    if found[0][0] == "{":
        item.least = int(found[1] or 0)
        item.most = float(found[3]) if found[3] else (float("inf") if found[2] else item.least)
    else:
        item.least = 1 if found[0] == "+" else 0
        item.most = 1 if found[0] == "?" else float("inf")
    end = found.end()
    item.is_possessive = pattern.startswith("+", end)
    return end + 1 if pattern.startswith(("+", "?"), end) else end


def _end_of_class(pattern: str, position: int) -> int | None:
    found = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL).match(pattern, position)
    return None if found is None else found.end()
