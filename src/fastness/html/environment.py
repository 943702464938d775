"""The template environment: Jinja2's, compiling through the contextual escaper.

Templates come from folders or a loader, never from a string that a request could have influenced (server-side template
injection, CWE-1336). A template that is included inside a tag, a title or a script is compiled once more for that place; a
template whose parent is known at run time only is checked against the places of the parent's blocks, and compiled again for
them if they differ.

The attacker writes the values. The author of a template is trusted, and makes mistakes. Not covered: a template that asks
its objects for secrets, and HTML that a value brings along as `Markup`. ASVS 5.0: V1.2.1, V1.3.7, V1.1.2.
"""

import hashlib
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.runtime import Context as Variables

from fastness.html import filters, page
from fastness.html.bytecode import BytecodeBeside, own_code
from fastness.html.compiled import ContextualTemplate
from fastness.html.contexts import Context
from fastness.html.encoders import is_local_url
from fastness.html.errors import (
    AmbiguousPlaceError,
    BrokenTemplateError,
    MarkupRefusedError,
    TemplateRefusedError,
    TemplateSourceError,
)
from fastness.html.escapers import BlockedValue, Escapers
from fastness.html.folders import OWN_NAME, TemplateFolders
from fastness.html.generator import ContextualGenerator, generate
from fastness.html.plan import Plan
from fastness.html.speedups import escape_inner
from fastness.html.tracker import advance
from fastness.html.translating import Messages, Translating
from fastness.html.walk import Settings, make_plan, make_unchecked_plan
from fastness.kernel.because import Because
from fastness.kernel.languages import ENGLISH
from fastness.kernel.values import dataclass

_OWN_CODE: Final = own_code()
_MAX_PARENTS: Final = 32

logger: Final = logging.getLogger("fastness.html")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRules:
    """What an app may open, each with its reason; keys are names of templates, or folders that end in a slash."""

    insecure_safe: Mapping[str, Because] = field(default_factory=dict)
    insecure_migration: Mapping[str, Because] = field(default_factory=dict)
    insecure_events: Mapping[str, Because] = field(default_factory=dict)
    checks_markup: bool = False

    def reason(self, table: Mapping[str, Because], template: str) -> Because | None:
        """The reason that covers this template."""
        for name, because in table.items():
            if name == template or (name.endswith("/") and template.startswith(name)):
                return because
        return None


class TemplateEnvironment(jinja2.Environment):
    """Where an app's templates come from, and how they are compiled."""

    template_class: type[jinja2.Template] = ContextualTemplate
    code_generator_class = ContextualGenerator

    def __init__(
        self,
        folders: Iterable[Path] = (),
        *,
        loader: jinja2.BaseLoader | None = None,
        reloads: bool = False,
        rules: TemplateRules | None = None,
        on_blocked: Callable[[BlockedValue], None] | None = None,
        extensions: Sequence[str | type[Extension]] = (),
        is_async: bool = False,
        keeps_bytecode: bool = False,
        messages: Messages | None = None,
    ) -> None:
        self.rules = rules or TemplateRules()
        self.messages = messages or Messages(ENGLISH)
        self.fx = Escapers(
            on_blocked=on_blocked or log_blocked, check_markup=check_markup if self.rules.checks_markup else None
        )
        self.fx_inner = escape_inner
        self.fx_page = page
        self.fx_is_local = is_local_url
        self.fx_on_text = filters.on_text
        self.start = Context()
        self.assumed: tuple[str, Mapping[str, Context]] = ("", {})
        self.base: TemplateEnvironment = self
        self.variants: dict[object, TemplateEnvironment] = {}
        self.parents: dict[tuple[str, Context, str], Mapping[str, Context]] = {}
        super().__init__(
            loader=loader or TemplateFolders(folders),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=reloads,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=(filters.TokenTag, Translating, *extensions),
            enable_async=is_async,
            bytecode_cache=BytecodeBeside() if keeps_bytecode else None,
        )
        self.filters.update(filters.text_filters(self.filters))
        # What `<html lang="…">` says; a value of the page with this name goes before it.
        self.globals["language"] = self.messages.language

    # --- what is refused ---

    def from_string(self, *_args: Any, **_options: Any) -> NoReturn:
        raise TemplateSourceError("from_string: a template is a file, never a string. Put it into a template folder.")

    def compile_expression(self, *_args: Any, **_options: Any) -> NoReturn:
        raise TemplateSourceError("compile_expression: a template is a file, never a string.")

    # --- compiling ---

    def handle_exception(self, source: str | None = None) -> NoReturn:
        """As Jinja2's; a template that cannot be read is said with its name and line, which are else in the traceback only."""
        error = sys.exc_info()[1]
        if isinstance(error, jinja2.TemplateSyntaxError):
            raise BrokenTemplateError(error.message or "", template=error.name or "", line=error.lineno) from None
        super().handle_exception(source)

    def salt(self) -> str:
        """What compiled code depends on beyond its source."""
        parts = (_OWN_CODE, jinja2.__version__, sorted(self.extensions), self.spot())
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    def spot(self) -> str:
        """What tells the code of a template from that of the same one in another place, language or app."""
        return repr((self.is_async, self.rules, self.start, self.assumed, self.messages.language))

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,  # noqa: FBT001, FBT002
    ) -> str:
        if defer_init:
            raise TemplateSourceError("templates are compiled by the environment that renders them.")
        plan = self.plan(source, name or "template")
        return generate(source, self, name=name, filename=filename, plan=plan, salt=self.salt())

    def plan(self, tree: nodes.Template, name: str) -> Plan:
        """How each output of the template is written; a template that is being migrated falls back to plain escaping."""
        rules = self.rules
        try:
            return self.strict_plan(tree, name)
        except TemplateRefusedError as error:
            if rules.reason(rules.insecure_migration, name) is None:
                raise
            logger.warning("not escaped by context yet: %s", error)
            return make_unchecked_plan(tree, name)

    def strict_plan(self, tree: nodes.Template, name: str, *, allows_events: bool = True) -> Plan:
        """The plan, or the refusal, whatever the migration; without the rules' static event attributes if asked."""
        rules = self.rules
        inherited = dict(self.blocks_of_parents(tree, name, 0))
        if name == self.assumed[0]:
            inherited.update(self.assumed[1])
        settings = Settings(
            template=name,
            start=self.start,
            inherited=inherited,
            allows_safe=rules.reason(rules.insecure_safe, name) is not None,
            allows_events=allows_events and rules.reason(rules.insecure_events, name) is not None,
        )
        return make_plan(tree, settings)

    def parse_template(self, name: str) -> nodes.Template:
        """The tree of a template, as the compiler gets it."""
        if self.loader is None:
            raise TemplateSourceError("the environment has no loader.")
        source, filename, _ = self.loader.get_source(self, name)
        return self._parse(source, name, filename)

    def file_of(self, name: str) -> str:
        """The path of a template, or nothing where it has none."""
        try:
            return "" if self.loader is None else self.loader.get_source(self, name)[1] or ""
        except jinja2.TemplateNotFound:
            return ""

    def has_template(self, name: str) -> bool:
        """Whether there is a template of this name."""
        try:
            return self.loader is not None and bool(self.loader.get_source(self, name))
        except jinja2.TemplateNotFound:
            return False

    def blocks_of_parents(self, tree: nodes.Template, name: str, depth: int) -> Mapping[str, Context]:
        """The places of the blocks of the templates that this one extends by name, outermost first."""
        extends = next((node for node in tree.body if isinstance(node, nodes.Extends)), None)
        if extends is None or self.loader is None:
            return {}
        parent = extends.template
        if not (isinstance(parent, nodes.Const) and isinstance(parent.value, str)):
            return {}
        if depth > _MAX_PARENTS:
            raise AmbiguousPlaceError("templates extend each other in a circle.", template=name, line=1)
        parent_name = self.join_path(parent.value, name)
        if parent_name == name:
            own = f"{OWN_NAME}{name}"
            hint = f' The one whose place it takes is {{% extends "{own}" %}}.' if self.has_template(own) else ""
            raise BrokenTemplateError(f"it extends itself.{hint}", template=name, line=extends.lineno)
        try:
            source, filename, _ = self.loader.get_source(self, parent_name)
        except jinja2.TemplateNotFound:
            raise BrokenTemplateError(
                f"there is no template {parent_name}.", template=name, line=extends.lineno
            ) from None
        key = (parent_name, self.start, hashlib.sha256(source.encode()).hexdigest())
        # A grandparent may have changed while this source did not, so that only ends of chains are remembered.
        found = self.base.parents.get(key)
        if found is not None:
            return found
        parent_tree = self._parse(source, parent_name, filename)
        inherited = self.blocks_of_parents(parent_tree, parent_name, depth + 1)
        blocks = {**inherited, **self._plan_of_parent(parent_tree, parent_name, inherited)}
        if next((node for node in parent_tree.body if isinstance(node, nodes.Extends)), None) is None:
            self.base.parents[key] = blocks
        return blocks

    def _plan_of_parent(
        self, tree: nodes.Template, name: str, inherited: Mapping[str, Context]
    ) -> Mapping[str, Context]:
        rules = self.rules
        settings = Settings(
            template=name, start=self.start, inherited=inherited,
            allows_safe=rules.reason(rules.insecure_safe, name) is not None,
            allows_events=rules.reason(rules.insecure_events, name) is not None,
        )  # fmt: skip
        try:
            return make_plan(tree, settings).blocks
        except TemplateRefusedError:
            if rules.reason(rules.insecure_migration, name) is None:
                raise
            return {}

    # --- places that are known at run time ---

    def variant(self, start: Context, assumed: tuple[str, Mapping[str, Context]] = ("", {})) -> "TemplateEnvironment":
        """This environment, for templates that begin in another place."""
        base = self.base
        if start == base.start and not assumed[0]:
            return base
        key = (start, assumed[0], tuple(sorted(assumed[1].items())))
        found = base.variants.get(key)
        if found is None:
            found = base.overlay()
            found.start, found.assumed = start, assumed
            base.variants[key] = found
        return found

    def load_included(self, start: tuple[Any, ...], names: Any, parent: str) -> jinja2.Template:
        """The included template, compiled for the place of the include."""
        if isinstance(names, jinja2.Template):
            names = names.name
        return self.variant(Context(*start)).get_or_select_template(names, parent)

    def load_isolated(self, start: tuple[Any, ...], names: Any, parent: str) -> jinja2.Template:
        """The same for an include without context."""
        return cast(ContextualTemplate, self.load_included(start, names, parent)).isolated()

    def load_imported(self, _nothing: None, name: Any, parent: str) -> jinja2.Template:
        """A template of macros, which are HTML text wherever they are used."""
        if isinstance(name, jinja2.Template):
            name = name.name
        return self.base.get_template(name, parent)

    def load_parent(self, variables: Variables, name: Any, child: str) -> jinja2.Template:
        """The extended template; blocks that were compiled for other places than it has are compiled again."""
        if isinstance(name, jinja2.Template):
            name = name.name
        parent = cast(ContextualTemplate, self.variant(self.start).get_template(name, child))
        for block, stack in variables.blocks.items():
            expected = parent.fx_blocks.get(block)
            if expected is None:
                continue
            for index, function in enumerate(stack):
                module = function.__globals__
                if module["fx_blocks"].get(block, expected) != expected:
                    stack[index] = self.recompiled(str(module["name"]), parent, block)
        return parent

    def recompiled(self, name: str, parent: "ContextualTemplate", block: str) -> Any:
        """One block of a template, compiled for the place that it has in `parent`."""
        places = {key: Context(*value) for key, value in parent.fx_blocks.items()}
        template = self.variant(self.start, (name, places)).get_template(name)
        function = template.blocks[block]
        if function.__globals__["fx_blocks"].get(block) != parent.fx_blocks[block]:
            raise AmbiguousPlaceError(
                f"the block {block} stands in another place in {parent.name} than it was written for.",
                template=name,
                line=1,
            )
        return function

    # --- values ---

    def make_globals(self, d: MutableMapping[str, Any] | None) -> dict[str, Any]:
        """What every template sees; a plain dict, since each rendering copies it twice and a chain of two is slow to walk."""
        return {**self.globals, **(d or {})}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As Jinja2's; a value that brings markup gives its text's methods, and a dict's keys are looked up first."""
        if type(obj) is dict:
            # All attributes of a plain dict are its methods; asking for another one would raise, which is slow.
            if attribute not in _DICT_METHODS:
                return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        elif isinstance(obj, str) and filters.is_cut_by(obj, attribute):
            obj = filters.on_text(obj)
        try:
            return getattr(obj, attribute)
        except AttributeError:
            pass
        try:
            return obj[attribute]
        except (TypeError, LookupError, AttributeError):
            return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """As Jinja2's, on the text of a value that brings markup."""
        if isinstance(obj, str) and filters.is_cut_by(obj, argument):
            obj = filters.on_text(obj)
        return super().getitem(obj, argument)


_DICT_METHODS: Final = frozenset(dir(dict))


def log_blocked(blocked: BlockedValue) -> None:
    """The default report: a line in the log."""
    logger.warning("a value was blocked in %s, line %d (%s)", blocked.template, blocked.line, blocked.place)


def check_markup(markup: str) -> None:
    """Refuse trusted HTML that leaves a tag, comment or raw element open (for tests and development)."""
    end, _ = advance(Context(), markup, events=True)
    if end != Context():
        raise MarkupRefusedError("trusted HTML that does not end in HTML text: something in it is cut or left open.")
