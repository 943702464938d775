"""What `fastness check` says of an app's templates: every one compiled, every opening listed with its reason.

Each template is compiled for HTML text, and once more for each other place where a template that is looked at includes it by
name, however deep. A template that is refused is a finding, not an end: the list is complete after one run. What is included
or extended by a name that only a request knows is compiled when that request comes. ASVS 5.0: V1.1.2, V15.1.5.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import jinja2

from fastness.html.compiled import ContextualTemplate
from fastness.html.contexts import Context
from fastness.html.environment import TemplateEnvironment
from fastness.html.errors import BrokenTemplateError, TemplateRefusedError
from fastness.html.plan import Plan, Use
from fastness.kernel.because import Because

REFUSED: Final = "refused"
BROKEN: Final = "broken"
MIGRATING: Final = "migrating"
SAFE_FILTER: Final = "safe filter"
EVENTS: Final = "static event attributes"
FOREIGN_CODE: Final = "code of another host without its hash"
NEEDLESS: Final = "opening that no template needs"

ENDINGS: Final = (".html", ".htm", ".xhtml", ".jinja", ".j2", ".jinja2")
_WORDS: Final = {
    "insecure_safe": "|safe",
    "insecure_migration": "plain escaping",
    "insecure_events": "static on… attributes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFinding:
    """One line of the list: what it is, where, and the reason or the problem."""

    kind: str
    template: str
    line: int
    text: str
    code: str = ""
    file: str = ""
    """The path of the template, where it has one."""


def inspect(environment: TemplateEnvironment) -> list[TemplateFinding]:
    """Findings of all templates of the environment, in the order of their names."""
    look = _Look(environment)
    for name in template_names(environment.loader):
        look.template(environment, name)
    return [*look.found, *look.needless()]


def template_names(loader: jinja2.BaseLoader | None) -> list[str]:
    """The names of all templates that hold HTML, as far as their endings tell."""
    return [] if loader is None else [name for name in loader.list_templates() if name.endswith(ENDINGS)]


def precompile(environment: TemplateEnvironment, names: Iterable[str] | None = None) -> int:
    """Compile templates at start, with all that they name; raises at the first that is refused. The number compiled."""
    waiting = [(environment, name) for name in (template_names(environment.loader) if names is None else names)]
    seen: set[tuple[Context, str]] = set()
    for each, name in waiting:
        if (each.start, name) in seen:
            continue
        seen.add((each.start, name))
        try:
            template = each.get_template(name)
        except jinja2.TemplateNotFound as error:
            raise BrokenTemplateError(f"there is no template {error.name}.", template=name, line=1) from None
        if isinstance(template, ContextualTemplate):
            waiting.extend(_used(each, name, template.fx_uses))
    return len(seen)


def _used(
    environment: TemplateEnvironment, name: str, uses: Iterable[Use]
) -> Iterator[tuple[TemplateEnvironment, str]]:
    """The templates that `name` names, each with the environment of its place; one that is not there is left out."""
    for start, targets in uses:
        for target in targets:
            joined = environment.join_path(target, name)
            if environment.has_template(joined):  # else `ignore missing`, or a run-time error that names it
                yield environment.variant(Context(*start)), joined


@dataclass(slots=True)
class _Look:
    """One look at all templates of an environment."""

    base: TemplateEnvironment
    found: list[TemplateFinding] = field(default_factory=list)
    seen: set[tuple[Context, str]] = field(default_factory=set)
    needed: set[tuple[str, str]] = field(default_factory=set)
    """Tables of the rules with the templates that needed them."""

    def template(self, environment: TemplateEnvironment, name: str, user: str = "") -> None:
        """Look at a template in the place where the environment's templates begin, and at those it names."""
        if (environment.start, name) in self.seen:
            return
        self.seen.add((environment.start, name))
        plan = self.plan(environment, name, user)
        if plan is None:
            return
        self.openings(environment, name, plan)
        for each, target in _used(environment, name, plan.uses()):
            self.template(each, target, name)

    def plan(self, environment: TemplateEnvironment, name: str, user: str) -> Plan | None:
        try:
            plan = environment.strict_plan(environment.parse_template(name), name)
            environment.get_template(name)  # a filter that is not there is known only now
            return plan
        except BrokenTemplateError as error:
            self.note(BROKEN, error.template or name, error.line, error.problem, error.code)
        except TemplateRefusedError as error:
            self.refused(error, name, "" if environment is self.base else user)
        except jinja2.TemplateSyntaxError as error:
            self.note(BROKEN, error.name or name, error.lineno, error.message or "", BrokenTemplateError.code)
        except jinja2.TemplateNotFound as error:
            self.note(BROKEN, name, 1, f"there is no template {error.name}.", BrokenTemplateError.code)
        return None

    def refused(self, error: TemplateRefusedError, name: str, user: str) -> None:
        rules = self.base.rules
        place = f"included in {user}: " if user else ""
        reason = rules.reason(rules.insecure_migration, name)
        if reason is not None:
            self.needed.add(("insecure_migration", name))
        text = f"{place}{error.problem}{_because(reason)}"
        self.note(REFUSED if reason is None else MIGRATING, error.template or name, error.line, text, error.code)

    def openings(self, environment: TemplateEnvironment, name: str, plan: Plan) -> None:
        """What a template that compiles needed the rules for."""
        rules = environment.rules
        if plan.safe_lines:
            self.needed.add(("insecure_safe", name))
        if environment is not self.base:
            return  # listed already, for HTML text
        for line in sorted(set(plan.foreign_code_lines)):
            self.note(FOREIGN_CODE, name, line, "It has no integrity attribute.")
        reason = rules.reason(rules.insecure_safe, name)
        for line in sorted(set(plan.safe_lines)):
            self.note(SAFE_FILTER, name, line, str(reason))
        events = rules.reason(rules.insecure_events, name)
        if events is not None:
            try:
                environment.strict_plan(environment.parse_template(name), name, allows_events=False)
            except TemplateRefusedError as error:
                self.needed.add(("insecure_events", name))
                self.note(EVENTS, name, error.line, str(events))

    def needless(self) -> Iterator[TemplateFinding]:
        """Openings that nothing uses: the next template of that name, or the next mistake in it, would get them."""
        rules = self.base.rules
        for table, word in _WORDS.items():
            used = [name for kind, name in self.needed if kind == table]
            openings = getattr(rules, table)
            for opened in openings:
                if not any(rules.reason({opened: openings[opened]}, name) for name in used):
                    text = f"TemplateRules({table}=…) opens it for {word}, and nothing there needs that."
                    yield TemplateFinding(kind=NEEDLESS, template=opened, line=0, text=text)

    def note(self, kind: str, template: str, line: int, text: str, code: str = "") -> None:
        file = self.base.file_of(template)
        found = TemplateFinding(kind=kind, template=template, line=line, text=text, code=code, file=file)
        if found not in self.found:  # a parent's refusal is met once more in each child
            self.found.append(found)


def _because(reason: Because | None) -> str:
    return "" if reason is None else f" (migrating: {reason})"
