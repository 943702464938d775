"""What `fastness check` says of an app's templates: every one compiled, every opening listed with its reason.

Each template is compiled for HTML text and, where another template includes it by name, for the place of that include. A
template that is refused is a finding, not an end: the list is complete after one run. ASVS 5.0: V1.1.2, V15.1.5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import jinja2
from jinja2 import nodes

from fastness.html.contexts import Context
from fastness.html.environment import TemplateEnvironment
from fastness.html.errors import TemplateRefusedError
from fastness.kernel.because import Because

REFUSED: Final = "refused"
MIGRATING: Final = "migrating"
SAFE_FILTER: Final = "safe filter"
EVENTS: Final = "static event attributes"
SYNTAX: Final = "syntax"
UNUSED: Final = "opening that no template needs"

_ENDINGS: Final = (".html", ".htm", ".xhtml", ".jinja", ".j2", ".jinja2")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFinding:
    """One line of the list: what it is, where, and the reason or the problem."""

    kind: str
    template: str
    line: int
    text: str
    code: str = ""


def inspect(environment: TemplateEnvironment, *, endings: tuple[str, ...] = _ENDINGS) -> list[TemplateFinding]:
    """Findings of all templates of the environment, in the order of their names."""
    found: list[TemplateFinding] = []
    for name in environment.list_templates():
        if name.endswith(endings):
            found.extend(_inspect_one(environment, name))
    found.extend(_unused(environment))
    return found


def precompile(environment: TemplateEnvironment, *, endings: tuple[str, ...] = _ENDINGS) -> int:
    """Compile every template at start; raises at the first that is refused. The number of templates."""
    names = [name for name in environment.list_templates() if name.endswith(endings)]
    for name in names:
        environment.get_template(name)
    return len(names)


def _inspect_one(environment: TemplateEnvironment, name: str) -> Iterator[TemplateFinding]:
    rules = environment.rules
    try:
        tree = environment.parse_template(name)
    except jinja2.TemplateSyntaxError as error:
        yield TemplateFinding(kind=SYNTAX, template=name, line=error.lineno, text=error.message or "")
        return
    migration = rules.reason(rules.insecure_migration, name)
    try:
        plan = environment.strict_plan(tree, name)
    except TemplateRefusedError as error:
        kind = REFUSED if migration is None else MIGRATING
        yield TemplateFinding(
            kind=kind,
            template=error.template or name,
            line=error.line,
            text=error.problem + _because(migration),
            code=error.code,
        )
        return
    except jinja2.TemplateNotFound as error:
        yield TemplateFinding(kind=SYNTAX, template=name, line=1, text=f"there is no template {error.name}")
        return
    reason = rules.reason(rules.insecure_safe, name)
    for line in sorted(plan.safe_lines):
        yield TemplateFinding(kind=SAFE_FILTER, template=name, line=line, text=str(reason))
    events = rules.reason(rules.insecure_events, name)
    if events is not None:
        yield TemplateFinding(kind=EVENTS, template=name, line=1, text=str(events))
    yield from _included(environment, tree, name)


def _included(environment: TemplateEnvironment, tree: nodes.Template, name: str) -> Iterator[TemplateFinding]:
    """The templates that this one includes by name, in the places where it does."""
    for call in tree.find_all(nodes.Call):
        if not (
            isinstance(call.node, nodes.EnvironmentAttribute) and call.node.name in {"load_included", "load_isolated"}
        ):
            continue
        start, target = call.args[0], call.args[1]
        if not (isinstance(start, nodes.Const) and isinstance(target, nodes.Const) and isinstance(target.value, str)):
            continue
        try:
            environment.variant(Context(*start.value)).get_template(target.value, name)
        except TemplateRefusedError as error:
            problem = f"included in {name}, line {call.lineno}: {error.problem}"
            yield TemplateFinding(
                kind=REFUSED, template=error.template or target.value, line=error.line, text=problem, code=error.code
            )
        except jinja2.TemplateNotFound:
            continue  # `ignore missing`, or a run-time error that names it


def _because(reason: Because | None) -> str:
    return "" if reason is None else f" (migrating: {reason})"


def _unused(environment: TemplateEnvironment) -> Iterator[TemplateFinding]:
    """Openings whose templates do not exist any more: the next template of that name would get them."""
    rules = environment.rules
    names = environment.list_templates()
    for table in (rules.insecure_safe, rules.insecure_migration, rules.insecure_events):
        for opened, because in table.items():
            if not any(name == opened or (opened.endswith("/") and name.startswith(opened)) for name in names):
                yield TemplateFinding(kind=UNUSED, template=opened, line=0, text=str(because))
