"""Templates of plain text, such as the text part of a mail.

There is nothing to escape in plain text, and so nothing that could be forgotten: what may not stand in it is refused. A value
is a text or a number without control characters but tab and line feed; markup is refused, since a reader would see its tags. A
template comes from a folder, never from a string. Never serve what is made here as HTML.

ASVS 5.0: V1.2.1 (output fits its context), V1.3.7 (templates are no input).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import jinja2
from markupsafe import Markup

from fastness.html.errors import TemplateSourceError, ValueRefusedError
from fastness.html.folders import TemplateFolders
from fastness.html.translating import Messages, Translating
from fastness.kernel.formats import decide_text
from fastness.kernel.languages import ENGLISH
from fastness.kernel.verdicts import Deny

MAX_VALUE_LENGTH: Final = 65_536


class PlainTextTemplates:
    """The plain texts in some folders; the first folder that has a name wins."""

    __slots__ = ("_environment",)

    def __init__(self, folders: Iterable[Path], *, reloads: bool = False, messages: Messages | None = None) -> None:
        self._environment = _Environment(
            loader=TemplateFolders(folders),
            autoescape=False,
            undefined=jinja2.StrictUndefined,
            auto_reload=reloads,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            finalize=_plain,
            extensions=(Translating,),
        )
        self._environment.messages = messages or Messages(ENGLISH)

    def render(self, name: str, context: Mapping[str, object]) -> str:
        """The text that the template makes of `context`."""
        return self._environment.get_template(name).render(context)

    def has(self, name: str) -> bool:
        """Whether there is a template of this name."""
        try:
            self._environment.get_template(name)
        except jinja2.TemplateNotFound:
            return False
        return True


class _Environment(jinja2.Environment):
    messages: Messages

    def from_string(self, *_args: Any, **_options: Any) -> NoReturn:  # noqa: ANN401 - Jinja2's own signature
        raise TemplateSourceError("from_string: a template is a file, never a string. Put it into a template folder.")


def _plain(value: object) -> object:
    if isinstance(value, jinja2.Undefined):
        return value  # raises with the name when it is written
    if isinstance(value, Markup):
        raise ValueRefusedError("HTML was put into a plain text; give the text itself.")
    if type(value) is int:
        return value
    if not isinstance(value, str) or isinstance(
        decide_text(value, max_length=MAX_VALUE_LENGTH, is_multiline=True), Deny
    ):
        raise ValueRefusedError("plain text takes texts without control characters, and whole numbers.")
    return value
