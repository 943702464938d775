"""A compiled template: Jinja2's, with the nonce and token of its rendering at hand.

It is loaded only by an environment that would have compiled it to the same code. ASVS 5.0: V1.2.1.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from typing import Any, cast

import jinja2
from jinja2.environment import TemplateModule
from jinja2.runtime import Context as Variables

from fastness.html import page
from fastness.html.bytecode import Salted
from fastness.html.errors import TemplateSourceError
from fastness.html.plan import Use


class ContextualTemplate(jinja2.Template):
    """A compiled template that knows the places of its blocks."""

    fx_blocks: Mapping[str, tuple[Any, ...]]
    fx_uses: tuple[Use, ...]
    """The templates that this one names, and the places where it does."""

    @classmethod
    def _from_namespace(
        cls,
        environment: jinja2.Environment,
        namespace: MutableMapping[str, Any],
        globals: MutableMapping[str, Any],  # noqa: A002 the name in Jinja2
    ) -> "ContextualTemplate":
        if not isinstance(environment, Salted) or namespace.get("fx_salt") != environment.salt():
            raise TemplateSourceError(
                f"{namespace.get('name')!r} was compiled by another environment. Remove the compiled files."
            )
        template = cast(ContextualTemplate, super()._from_namespace(environment, namespace, globals))
        template.fx_blocks = {**namespace["fx_inherited"], **namespace["fx_blocks"]}
        template.fx_uses = namespace["fx_uses"]
        return template

    def render(self, *args: Any, **kwargs: Any) -> str:
        if self.environment.is_async:
            return super().render(*args, **kwargs)
        values = dict(*args, **kwargs)
        token = page.CURRENT.set(page.Page(values))
        try:
            return super().render(values)
        finally:
            page.CURRENT.reset(token)

    async def render_async(self, *args: Any, **kwargs: Any) -> str:
        values = dict(*args, **kwargs)
        token = page.CURRENT.set(page.Page(values))
        try:
            return await super().render_async(values)
        finally:
            page.CURRENT.reset(token)

    def generate(self, *args: Any, **kwargs: Any) -> Iterator[str]:
        if self.environment.is_async:
            yield from super().generate(*args, **kwargs)
            return
        values = dict(*args, **kwargs)
        additions = page.Page(values)
        steps = super().generate(values)
        while True:
            token = page.CURRENT.set(additions)
            try:
                text = next(steps, None)
            finally:
                page.CURRENT.reset(token)
            if text is None:
                return
            yield text

    async def generate_async(self, *args: Any, **kwargs: Any) -> Any:
        values = dict(*args, **kwargs)
        additions = page.Page(values)
        steps: AsyncIterator[str] = super().generate_async(values)
        while True:
            token = page.CURRENT.set(additions)
            try:
                text = await anext(steps, None)
            finally:
                page.CURRENT.reset(token)
            if text is None:
                return
            yield text

    def _get_default_module(self, ctx: Variables | None = None) -> TemplateModule:
        """The module of an import is kept between renderings: what it writes itself has no nonce and no token."""
        token = page.CURRENT.set(page.NO_PAGE)
        try:
            return super()._get_default_module(ctx)
        finally:
            page.CURRENT.reset(token)

    async def _get_default_module_async(self, ctx: Variables | None = None) -> TemplateModule:
        token = page.CURRENT.set(page.NO_PAGE)
        try:
            return await super()._get_default_module_async(ctx)
        finally:
            page.CURRENT.reset(token)

    def isolated(self) -> "IsolatedTemplate":
        """This template for an include without context."""
        made = object.__new__(IsolatedTemplate)
        made.__dict__.update(self.__dict__)
        return made


class IsolatedTemplate(ContextualTemplate):
    """A template that sees none of the values of the one that includes it."""

    def new_context(
        self,
        vars: dict[str, Any] | None = None,  # noqa: A002 the name in Jinja2
        shared: bool = False,  # noqa: FBT001, FBT002 as in Jinja2
        locals: Mapping[str, Any] | None = None,  # noqa: A002 the name in Jinja2
    ) -> Variables:
        del vars, shared, locals
        return super().new_context()
