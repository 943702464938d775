"""Texts that people read, kept so that they can be translated: what is said in the code, and what is put into it.

A `Text` is the English text, and knows the message it was made of. Only such texts are translated; a name that somebody typed
stays what it is, even where it reads like a message.
"""

from collections.abc import Mapping
from typing import Protocol, Self


class Catalogue(Protocol):
    """Messages in another language; `gettext.NullTranslations` and its children are such."""

    def gettext(self, message: str, /) -> str: ...

    def ngettext(self, one: str, many: str, count: int, /) -> str: ...


class Text(str):
    """A message with its values in place: `Text("Try again in {time}.", time=…)`."""

    __slots__ = ("message", "number", "plural", "values")

    message: str
    plural: str
    number: int
    values: Mapping[str, object]

    def __new__(cls, message: str, plural: str = "", *, count: int = 1, **values: object) -> Self:
        """Make the English text; with `plural`, the one for `count`, which is a value as well."""
        given = {"count": count, **values} if plural else values
        text = super().__new__(cls, filled(message if count == 1 or not plural else plural, given))
        text.message, text.plural, text.number, text.values = message, plural, count, given
        return text

    def translated(self, catalogue: Catalogue) -> str:
        """The same in the catalogue's language."""
        found = (
            catalogue.ngettext(self.message, self.plural, self.number)
            if self.plural
            else catalogue.gettext(self.message)
        )
        return filled(found, {name: translated(value, catalogue) for name, value in self.values.items()})


def filled(message: str, values: Mapping[str, object]) -> str:
    """The message with its values; braces count only where there are values."""
    return message.format_map(values) if values else message


def translated(value: object, catalogue: Catalogue) -> object:
    """The value with all texts in it translated."""
    if isinstance(value, Text):
        return value.translated(catalogue)
    if type(value) is tuple:
        return tuple(translated(one, catalogue) for one in value)
    if type(value) is list:
        return [translated(one, catalogue) for one in value]
    if type(value) is dict:
        return {key: translated(one, catalogue) for key, one in value.items()}
    return value
