"""Templates: compiled by the contextual escaper, looked up once.

The environment knows where each expression of a template stands and gives it the escaper of that place; it also puts the
nonce on the author's scripts and styles and the token into the author's forms (`html/environment.py`). A value that was not
written, because its place takes no such address, becomes a security event with template and line, never with the value.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import jinja2

from fastness.html import page
from fastness.html.environment import TemplateEnvironment, TemplateRules
from fastness.html.escapers import BlockedValue
from fastness.html.inventory import TemplateFinding, inspect, precompile, template_names
from fastness.html.translating import CATALOGUES, Messages
from fastness.kernel.events import EventName
from fastness.kernel.languages import ENGLISH, LANGUAGE
from fastness.kernel.texts import translated
from fastness.web.forms import translate_errors
from fastness.web.recording import record
from fastness.web.requests import Request

Report: TypeAlias = Callable[[EventName, str, Mapping[str, str]], None]


class Templates:
    """The templates of an app, loaded and compiled at first use; once for each of its languages."""

    __slots__ = ("_environment", "_environments", "_folders", "_loaded", "_reloads", "_report")

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        reloads: bool,
        rules: TemplateRules | None,
        report: Report,
        languages: Sequence[str] = (ENGLISH,),
    ) -> None:
        """Args: `languages` are those of the app, the first for whoever reads none of them; catalogues lie in `locale`."""
        self._folders = folders
        self._reloads = reloads
        self._report = report
        self._loaded: dict[tuple[str, str], jinja2.Template] = {}
        catalogues = [folder / CATALOGUES for folder in folders]
        self._environments = {
            language: TemplateEnvironment(
                folders,
                reloads=reloads,
                keeps_bytecode=not reloads,
                rules=rules,
                on_blocked=self._note,
                messages=Messages(language, catalogues),
            )
            for language in languages
        }
        self._environment = self._environments[languages[0]]

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The page that the template makes of `context`, in the request's language."""
        language = LANGUAGE.get()
        template = self._loaded.get((language, name))
        environment = self._environments.get(language, self._environment)
        if template is None:
            template = environment.get_template(name)
            if not self._reloads:
                self._loaded[language, name] = template
        messages = environment.messages
        if messages.language != ENGLISH:
            context = {key: translated(value, messages) for key, value in context.items()}
            for value in context.values():
                translate_errors(value, messages)
        return template.render(context)

    def compile_all(self) -> None:
        """Compile every template, so that one that is refused is known before a request asks for it."""
        for environment in self._environments.values():
            precompile(environment)

    def compile_from(self, folder: Path) -> None:
        """Compile the templates of one folder; raises `TemplateRefusedError` at the first that is refused.

        Where it replaces a template of another folder, those there that extend it may be refused for its sake, so that all are
        compiled.
        """
        own = _names_in([folder])
        others = _names_in([each for each in self._folders if each != folder])
        precompile(self._environment, sorted(own if own.isdisjoint(others) else own | others))

    def inspect(self) -> tuple[TemplateFinding, ...]:
        """What each template is refused for, or opens."""
        return tuple(inspect(self._environment))

    def _note(self, blocked: BlockedValue) -> None:
        detail = {"template": blocked.template, "line": str(blocked.line), "place": blocked.place}
        request = page.CURRENT.get().values.get("request")
        if isinstance(request, Request):
            record(request.exchange, EventName.INPUT_VALIDATION_FAIL, "blocked_value", **detail)
        else:
            self._report(EventName.INPUT_VALIDATION_FAIL, "blocked_value", detail)


def _names_in(folders: Sequence[Path]) -> set[str]:
    return set(template_names(jinja2.FileSystemLoader(folders)))
