"""Templates in other languages: what stands between `{% trans %}` and `{% endtrans %}` is a message, and so is its translation.

A message is a piece of a template, with its markup and its outputs, and is exchanged before the template is compiled. So every
translation goes through the contextual escaper like the template itself, and a page in one language costs nothing: for each
language the templates are compiled once.

A catalogue comes from translators, who need not be trusted with code: a translation has to have the very outputs and tags of its
message, in any order, and nothing else that a template or a browser acts on. One that has not is refused when it is loaded.

Catalogues are those of gettext, `<folder>/<language>/LC_MESSAGES/messages.mo`. ASVS 5.0: V1.2.1, V1.3.7.
"""

import gettext
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jinja2.ext import Extension

from fastness.html.errors import TemplateSourceError
from fastness.kernel.languages import ENGLISH
from fastness.kernel.wires import Wire, permitting

DOMAIN: Final = "messages"
CATALOGUES: Final = "locale"
"""The folder of catalogues in a folder of templates."""
_MESSAGE: Final = re.compile(r"\{% trans %\}(.*?)\{% endtrans %\}", re.DOTALL)
_ACTIVE: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|\{\w+\}|<[^<>]*>", re.DOTALL)
_LEFT: Final = re.compile(r"\{[{%#]|[{%#]\}|[<>\"]")


class Messages(gettext.NullTranslations):
    """One language: the messages of several catalogues, the first that has one wins."""

    def __init__(self, language: str, folders: Iterable[Path] = ()) -> None:
        super().__init__()
        self.language = language
        for folder in folders:
            file = folder / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
            if language != ENGLISH and file.is_file():
                # The library compiles the rule of the plurals, which it has read as an expression of numbers and nothing else.
                with file.open("rb") as opened, permitting(Wire.CODE):
                    self.add_fallback(_checked(gettext.GNUTranslations(opened), file))


class Translating(Extension):
    """Puts the messages of the environment's language in place."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002 - Jinja2's
        messages: gettext.NullTranslations = getattr(self.environment, "messages", _NONE)
        return _MESSAGE.sub(lambda found: messages.gettext(message_of(found[1])), source)


def messages_in(source: str) -> list[str]:
    """The messages of a template."""
    return [message_of(found[1]) for found in _MESSAGE.finditer(source)]


def message_of(text: str) -> str:
    """A message on one line, however it is broken in the template."""
    return " ".join(text.split())


def is_faithful(message: str, translation: str) -> bool:
    """Whether a translation has the outputs and tags of its message, and nothing else that acts."""
    same = Counter(_ACTIVE.findall(message)) == Counter(_ACTIVE.findall(translation))
    return same and Counter(_LEFT.findall(_ACTIVE.sub("", message))) == Counter(
        _LEFT.findall(_ACTIVE.sub("", translation))
    )


def _checked(found: gettext.GNUTranslations, file: Path) -> gettext.GNUTranslations:
    table: dict[object, str] = getattr(found, "_catalog", {})
    for key, translation in table.items():
        # A message with a plural is kept under (message, form).
        message = key[0] if isinstance(key, tuple) else str(key)
        if message and not is_faithful(message, translation):
            raise TemplateSourceError(f"{file}: the translation of {message!r} has other outputs or tags than it.")
    return found


_NONE: Final = gettext.NullTranslations()
