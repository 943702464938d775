"""Which variables there are: generated from the fields of the settings and of the rules they hold.

`session.idle_seconds` is FASTNESS_SESSION_IDLE_SECONDS; a new field of any rules has its variable at once, in the
loader and in the reference. A name that begins with the prefix and belongs to no field is refused: a misspelt
FASTNESS_SESION_IDLE_SECONDS must not leave the default in force without a word.

ASVS 5.0: V2.2.1 (positive validation).
"""

from dataclasses import Field, fields, is_dataclass
from typing import Final, NamedTuple

from fastness.kernel.nearest import nearest
from fastness.settings.sources import PREFIX, show_name

# A group with one field that everybody sets is named after the group alone.
_SHORT: Final = {"FASTNESS_HOSTS_ALLOWED": "FASTNESS_HOSTS"}


class Variable(NamedTuple):
    """One variable and the field it fills."""

    name: str
    group: str
    """The field of the settings: a value, or rules."""
    field: str | None
    """The field of those rules; None where the settings' own field is filled."""
    kind: object
    """The annotated type."""


def variables_of(settings: type) -> dict[str, Variable]:
    """Return every variable by its name, in the order of the fields."""
    found: list[Variable] = []
    for top in _open_fields(settings):
        if is_dataclass(top.type) and isinstance(top.type, type):
            for inner in _open_fields(top.type):
                long_name = f"{PREFIX}{top.name}_{inner.name}".upper()
                found.append(Variable(_SHORT.get(long_name, long_name), top.name, inner.name, inner.type))
        else:
            found.append(Variable(f"{PREFIX}{top.name}".upper(), top.name, None, top.type))
    return {variable.name: variable for variable in found}


def refuse_unknown(name: str, known: dict[str, Variable]) -> str:
    """Return the problem of a name that belongs to no field."""
    close = nearest(name.upper(), known, alike=0.75)
    hint = f"did you mean {close[0]}?" if close else "docs/reference/settings.md lists them all."
    return f"{show_name(name)} is not a setting; {hint}"


def _open_fields(owner: type) -> list[Field[object]]:
    return [field for field in fields(owner) if field.init and not field.name.startswith("_")]
