"""Puts the values of the settings together: the profile's defaults, the sources' texts, the code's overrides.

Problems are collected, not raised, so that one run reports all of them. A value that a part's rules refuse is named by
its variable: each is tried alone on the defaults first, so that the blame falls on the one that is wrong. What the
rules say about it is shown without the value itself.

ASVS 5.0: V16.2.5 (no credentials in messages), V2.2.1.
"""

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final

from fastness.kernel.errors import ConfigError
from fastness.kernel.nearest import nearest
from fastness.kernel.values import dataclass
from fastness.settings.conversion import Unreadable, read_value
from fastness.settings.profiles import DEVELOPMENT_DEFAULTS, Profile
from fastness.settings.sources import PREFIX, read_sources
from fastness.settings.variables import Variable, refuse_unknown, variables_of

VALUE_MARK: Final = "<value>"
_SHORT_ENTRY: Final = 4


@dataclass(frozen=True, slots=True)
class _Text:
    """A variable that was set, its text and the value it stands for."""

    variable: Variable
    text: str
    value: object


def load_values(
    settings: type, environ: Mapping[str, str], folder: Path, overrides: Mapping[str, object]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the fields that could be read, and what is wrong with the others; those have no value at all."""
    sources = read_sources(environ, folder)
    known = variables_of(settings)
    problems = [*sources.problems, *_unknown_overrides(settings, overrides)]
    read: list[_Text] = []
    refused: set[str] = set()
    for name, text in sources.texts.items():
        variable = known.get(name)
        if variable is None:
            problems.append(refuse_unknown(name, known))
            continue
        value = read_value(variable.kind, text)
        if isinstance(value, Unreadable):
            problems.append(f"{name}: expected {value.expected}.")
            refused.add(variable.group)
        else:
            read.append(_Text(variable, text, value))
    profile = overrides.get("profile") or next((each.value for each in read if each.variable.group == "profile"), None)
    values = _defaults(settings, profile)
    problems += _fill(values, read, refused)
    values = {name: value for name, value in values.items() if name not in refused}
    values |= {name: value for name, value in overrides.items() if name in _names(settings)}
    problems += [_unset(name) for name in _names(settings) if name not in values.keys() | refused]
    return values, tuple(problems)


def _unset(name: str) -> str:
    variable = f"{PREFIX}{name}".upper()
    if name == "secret_key":
        return f"{variable} is not set: make a key with `fastness keys new` and keep it out of the code."
    return f"{variable} is not set."


def _names(settings: type) -> list[str]:
    return [each.name for each in fields(settings) if each.init]


def _defaults(settings: type, profile: object) -> dict[str, object]:
    values: dict[str, object] = {}
    for each in fields(settings):
        if each.init and each.default is not MISSING:
            values[each.name] = each.default
        elif each.init and each.default_factory is not MISSING:
            values[each.name] = each.default_factory()
    if profile == Profile.DEVELOPMENT:
        values.update(DEVELOPMENT_DEFAULTS)
    return values


def _fill(values: dict[str, object], read: list[_Text], refused: set[str]) -> list[str]:
    """Put the texts' values in; return the problems and add the fields that got no value to `refused`."""
    problems: list[str] = []
    groups: dict[str, list[_Text]] = {}
    for each in read:
        if each.variable.field is None:
            values[each.variable.group] = each.value
        else:
            groups.setdefault(each.variable.group, []).append(each)
    for group, members in groups.items():
        default = values[group]
        try:
            values[group] = _replace(default, members)
        except ConfigError as error:
            problems += _blame(default, members) or [_together(members, error.detail)]
            refused.add(group)
    return problems


def _replace(rules: object, members: list[_Text]) -> object:
    if not is_dataclass(rules) or isinstance(rules, type):
        raise ConfigError(f"{type(rules).__name__} is no rules that a variable could fill.")
    return replace(rules, **{str(each.variable.field): each.value for each in members})


def _blame(rules: object, members: list[_Text]) -> list[str]:
    problems: list[str] = []
    for each in members:
        try:
            _replace(rules, [each])
        except ConfigError as error:
            problems.append(f"{each.variable.name}: {_without_value(error.detail, each.text)}")
    return problems


def _together(members: list[_Text], message: str) -> str:
    # Each is fine alone: they contradict each other.
    for each in members:
        message = _without_value(message, each.text)
    return f"{', '.join(each.variable.name for each in members)}: {message}"


def _without_value(message: str, text: str) -> str:
    """Take the value's parts out of what the rules say; a short one only where it stands in quotes."""
    entries = {text.strip(), *(entry.strip() for entry in text.split(",")), *text.replace(",", " ").split()}
    for entry in sorted(entries - {""}, key=len, reverse=True):
        pattern = (
            re.escape(repr(entry)) if len(entry) < _SHORT_ENTRY else f"{re.escape(repr(entry))}|{re.escape(entry)}"
        )
        message = re.sub(pattern, VALUE_MARK, message, flags=re.IGNORECASE)
    return message


def _unknown_overrides(settings: type, overrides: Mapping[str, object]) -> list[str]:
    names = _names(settings)
    problems: list[str] = []
    for name in overrides.keys() - set(names):
        close = nearest(name, names)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}."
        problems.append(f"Settings.load({name}=…): there is no such setting; {hint}")
    return sorted(problems)
