"""Walks a parsed template along every way a rendering can take, and decides for each expression how it is written.

The walk carries a `Context`: static text moves it, an expression gets its place from it, branches are joined, the body of a
loop has to hold for zero, one and more runs. Bodies of macros, call, set and filter blocks are written as HTML text, whatever
surrounds them: their results are markup, which is trusted in HTML text only. A block is written for the place where the
outermost template of a static chain defines it.

The result is a `Plan`. Nodes that are not in the tables here are refused.

Not covered: what extensions put into the tree beyond nodes known here. ASVS 5.0: V1.2.1, V1.1.2.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from jinja2 import nodes

from fastness.html import contexts as at
from fastness.html import filters, places
from fastness.html.contexts import Context, describe
from fastness.html.errors import (
    AmbiguousPlaceError,
    ExpressionPlaceError,
    TemplateConstructError,
    TemplateRefusedError,
)
from fastness.html.joins import ends_well, join, settle
from fastness.html.nodechecks import check_nodes, construct_problem, last_piece, refused
from fastness.html.places import Place
from fastness.html.plan import FORM_URL, TOKEN_IF_LOCAL, TOKEN_TAG, TOKEN_UNLESS_PLACED, Plan
from fastness.html.reader import FOREIGN_CODE, Insertion
from fastness.html.references import refuse_half_reference
from fastness.html.tracker import advance
from fastness.kernel.values import dataclass

BodyNode: TypeAlias = nodes.Macro | nodes.CallBlock | nodes.AssignBlock | nodes.FilterBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the walk has to know of the environment."""

    template: str
    start: Context
    inherited: Mapping[str, Context]
    allows_safe: bool = False
    allows_events: bool = False


def make_plan(tree: nodes.Template, settings: Settings) -> Plan:
    """The plan of a template; raises `TemplateRefusedError` at the first place that cannot be written safely."""
    walk = _Walk(settings)
    walk.plan.safe_lines.extend(check_nodes(tree, settings.template, allows_safe=settings.allows_safe))
    walk.template(tree)
    walk.plan.apply()
    return walk.plan


def make_unchecked_plan(tree: nodes.Template, name: str) -> Plan:
    """Plain escaping everywhere, as before: for a template that is still being migrated."""
    walk = _Walk(Settings(template=name, start=Context(), inherited={}))
    for node in tree.find_all((nodes.Output, nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        if isinstance(node, nodes.Output):
            for child in node.nodes:
                if not isinstance(child, nodes.TemplateData):
                    walk.placed(child, Place(places.TEXT))
        else:
            walk.statement(node, Context())
    walk.plan.apply()
    return walk.plan


class _Walk:
    """One walk over one template."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.plan = Plan(inherited=dict(settings.inherited))
        self.loops: list[list[Context | None]] = []
        self.blocks: list[tuple[str, Context]] = []
        self.form_count = 0
        self.in_body = 0

    # --- the whole tree ---

    def refused(self, error: TemplateRefusedError, node: nodes.Node, lines: int = 0) -> TemplateRefusedError:
        return refused(self.settings.template, error, node, lines)

    def template(self, tree: nodes.Template) -> None:
        context: Context | None = self.settings.start
        is_child = False
        for node in tree.body:
            if isinstance(node, nodes.Extends):
                if context is not None and not is_child and not ends_well(self.settings.start, context):
                    raise self.refused(
                        AmbiguousPlaceError(
                            "the text before {% extends %} is written too, and ends in another place. Remove it."
                        ),
                        node,
                    )
                self.load(node, "load_parent", nodes.ContextReference(lineno=node.lineno))
                is_child = True
            elif is_child:
                self.silent(node)
            else:
                context = self.statement(node, context)
        if not is_child and not ends_well(self.settings.start, context):
            end = describe(context) if context is not None else ""
            raise self.refused(
                AmbiguousPlaceError(
                    f"the template ends in {end}, not where it began ({describe(self.settings.start)}). Close what it opens."
                ),
                last_piece(tree),
            )

    def silent(self, node: nodes.Node) -> None:
        """A statement of a child template: what it writes outside of blocks goes nowhere."""
        if isinstance(node, nodes.Output):
            return
        if isinstance(node, nodes.Block):
            self.block(node, None)
        elif isinstance(node, nodes.If):
            for child in (*node.body, *(grand for branch in node.elif_ for grand in branch.body), *node.else_):
                self.silent(child)
        elif (
            isinstance(node, nodes.For | nodes.With | nodes.Scope)
            and next(node.find_all(nodes.Block), None) is not None
        ):
            raise self.refused(
                TemplateConstructError("a block inside a loop of a child template is written twice. Move it out."),
                node,
            )
        else:
            self.statement(node, Context())

    # --- statements ---

    def statements(self, body: Iterable[nodes.Node], context: Context | None) -> Context | None:
        for node in body:
            context = self.statement(node, context)
        return context

    def statement(self, node: nodes.Node, context: Context | None) -> Context | None:
        if context is None:
            context = Context()  # never reached; still has to be a template
        try:
            handler = _STATEMENTS.get(type(node))
            if handler is None:
                raise TemplateConstructError(construct_problem(node))
            return handler(self, node, context)
        except TemplateRefusedError as error:
            raise error if error.line else self.refused(error, node) from error

    def output(self, node: nodes.Output, context: Context) -> Context:
        written: list[nodes.Expr] = []
        before = ""
        waiting = list(reversed(node.nodes))
        while waiting:
            child = waiting.pop()
            if type(child) is nodes.TemplateData:
                context = self.data(child, context, written)
                before = child.data
            else:
                try:
                    refuse_half_reference(before)
                    before = ""
                    expression, context = self.pair(child, waiting, context) or self.expression(child, context)
                except TemplateRefusedError as error:
                    raise self.refused(error, child) from error
                written.append(expression)
        self.plan.outputs[id(node)] = (node, written)
        return context

    def data(self, child: nodes.TemplateData, context: Context, written: list[nodes.Expr]) -> Context:
        try:
            context, insertions = advance(
                context, child.data, form_key=self.form_key(), events=self.settings.allows_events
            )
        except TemplateRefusedError as error:
            raise self.refused(error, child, child.data.count("\n", 0, max(error.offset, 0))) from error
        position = 0
        for insertion in insertions:
            if insertion.what == FOREIGN_CODE:
                self.plan.foreign_code_lines.append(child.lineno + child.data.count("\n", 0, insertion.offset))
                continue
            if insertion.offset > position:
                written.append(nodes.TemplateData(child.data[position : insertion.offset], lineno=child.lineno))
            written.append(self.inserted(insertion, child.lineno))
            position = insertion.offset
        if position == 0 and all(insertion.what == FOREIGN_CODE for insertion in insertions):
            written.append(child)
        elif position < len(child.data):
            written.append(nodes.TemplateData(child.data[position:], lineno=child.lineno))
        return context

    def form_key(self) -> str:
        """What ties a form's dynamic action to the end of its tag; it changes after each form that uses it."""
        return f"{self.settings.template}:{self.form_count}"

    def inserted(self, insertion: Insertion, line: int) -> nodes.Expr:
        what = insertion.what
        if insertion.form:
            what = TOKEN_IF_LOCAL
            self.form_count += 1
        return self.placed(nodes.Const("", lineno=line), Place(what, form=insertion.form))

    def placed(self, node: nodes.Expr, place: Place) -> nodes.Expr:
        self.plan.places[id(node)] = place
        self.plan.kept.append(node)  # while the node lives, its id is its own
        return node

    def expression(self, node: nodes.Expr, context: Context) -> tuple[nodes.Expr, Context]:
        token = self.token_call(node, context)
        if token is not None:
            return token, context
        if self.is_super(node, context):
            return self.placed(node, Place(places.RAW)), settle(context)
        place, after = places.place_of(context)
        if place.escaper == "url" and context.element == "form" and context.attribute == "action":
            place = Place(FORM_URL, form=self.form_key())
        return self.placed(filters.unwrap(node, place, self.settings.allows_safe), place), after

    def pair(self, name: nodes.Expr, waiting: list[nodes.Expr], context: Context) -> tuple[nodes.Expr, Context] | None:
        """`{{ name }}="{{ value }}"` in a tag; what it consists of is taken from `waiting`, whose end comes next."""
        if len(waiting) < 3:
            return None
        equals, value, rest = waiting[-1], waiting[-2], waiting[-3]
        if not (isinstance(equals, nodes.TemplateData) and isinstance(rest, nodes.TemplateData)):
            return None
        quote = equals.data[1:]
        if equals.data[:1] != "=" or quote not in {'"', "'"} or not rest.data.startswith(quote):
            return None
        found = places.place_of_pair(context)
        if found is None or isinstance(value, nodes.TemplateData):
            return None
        del waiting[-3:]
        waiting.append(nodes.TemplateData(rest.data[1:], lineno=rest.lineno))
        return self.placed(nodes.Tuple([name, value], "load", lineno=name.lineno), found[0]), found[1]

    def token_call(self, node: nodes.Expr, context: Context) -> nodes.Expr | None:
        """`{{ csrf_field() }}` and `{% csrf_token %}`: nothing where the form has its token already."""
        if not (
            isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and not node.args and not node.kwargs
        ):
            return None
        if node.node.name not in {"csrf_field", filters.TOKEN_TAG_NAME}:
            return None
        if context.state != at.TEXT or context.pending:
            raise ExpressionPlaceError(f"the form's token in {describe(context)}. It stands in a form, between tags.")
        if context.form == at.FORM_PLACED:
            return nodes.TemplateData("", lineno=node.lineno)
        empty = nodes.Const("", lineno=node.lineno)
        if context.form:
            return self.placed(empty, Place(TOKEN_UNLESS_PLACED, form=context.form))
        return self.placed(empty, Place(TOKEN_TAG))

    def is_super(self, node: nodes.Expr, context: Context) -> bool:
        if not (isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "super"):
            return False
        return bool(self.blocks) and not self.in_body and self.blocks[-1][1] == context

    def branch(self, node: nodes.If, context: Context) -> Context | None:
        after = self.statements(node.body, context)
        for elif_ in node.elif_:
            after = join(after, self.statements(elif_.body, context), what="{% if %}")
        return join(after, self.statements(node.else_, context), what="{% if %}")

    def loop(self, node: nodes.For, context: Context) -> Context | None:
        if node.recursive and (context.state != at.TEXT or context.pending):
            raise TemplateConstructError(f"a recursive loop in {describe(context)}. It writes HTML text.")
        once = self.loop_body(node, context)
        start = join(context, once, what="{% for %}") or context
        if start != context:
            again = join(start, self.loop_body(node, start), what="{% for %}")
            if again != start:
                raise AmbiguousPlaceError(f"{{% for %}} ends in another place at each turn, here in {describe(start)}.")
        return join(start, self.statements(node.else_, context), what="{% for %}") if node.else_ else start

    def loop_body(self, node: nodes.For, context: Context) -> Context | None:
        self.loops.append([])
        after = self.statements(node.body, context)
        for other in self.loops.pop():
            after = join(after, other, what="{% for %}")
        return after

    def jump(self, _node: nodes.Node, context: Context) -> Context | None:
        if self.loops:
            self.loops[-1].append(context)
        return None

    def body(self, node: BodyNode, context: Context) -> Context:
        """A macro, call, set or filter block: HTML text, wherever it is."""
        loops, self.loops = self.loops, []
        self.in_body += 1
        if next(node.find_all(nodes.Block), None) is not None:
            raise TemplateConstructError("a block inside a macro, call, set or filter block. Move it out.")
        start = Context()
        after = self.statements(node.body, start)
        if not ends_well(start, after):
            end = describe(after) if after is not None else ""
            raise AmbiguousPlaceError(f"a body that is written as HTML text ends in {end}. Close what it opens.")
        self.in_body -= 1
        self.loops = loops
        return context

    def captured(self, node: nodes.AssignBlock | nodes.FilterBlock, context: Context) -> Context:
        """A set or filter block: its filter must not take escapes apart."""
        names = filters.chain_of(node.filter)
        wrong = [name for name in names if name not in filters.BLOCK_FILTERS]
        if wrong:
            raise TemplateConstructError(
                f"the filter {wrong[0]} on a block works on escaped text. Use it on the expressions inside."
            )
        return self.body(node, context)

    def writing_body(self, node: nodes.CallBlock | nodes.FilterBlock, context: Context) -> Context:
        """A call or filter block, which writes its result where it stands."""
        if context.state != at.TEXT or context.pending:
            raise TemplateConstructError(f"a call or filter block in {describe(context)}. It writes HTML text.")
        return self.captured(node, context) if isinstance(node, nodes.FilterBlock) else self.body(node, context)

    def inline(self, node: nodes.With | nodes.Scope, context: Context) -> Context | None:
        """with, scope: the body is written where it stands."""
        return self.statements(node.body, context)

    def quiet(self, _node: nodes.Node, context: Context) -> Context:
        return context

    def include(self, node: nodes.Include, context: Context) -> Context:
        if context.pending:
            places.place_of(context)
        start = nodes.Const(tuple(context), lineno=node.lineno)
        self.load(node, "load_included" if node.with_context else "load_isolated", start)
        return settle(context)

    def importing(self, node: nodes.Import | nodes.FromImport, context: Context) -> Context:
        self.load(node, "load_imported", nodes.Const(None, lineno=node.lineno))
        return context

    def load(
        self, node: nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends, function: str, what: nodes.Expr
    ) -> None:
        """Let the environment choose the compilation that fits the place."""
        callee = nodes.EnvironmentAttribute(function, lineno=node.lineno)
        arguments = [what, node.template, nodes.Const(self.settings.template, lineno=node.lineno)]
        self.plan.loads[id(node)] = (node, nodes.Call(callee, arguments, [], None, None, lineno=node.lineno))

    def extends(self, node: nodes.Extends, context: Context) -> Context:
        self.load(node, "load_parent", nodes.ContextReference(lineno=node.lineno))
        if not ends_well(self.settings.start, context):
            raise AmbiguousPlaceError(f"{{% extends %}} in {describe(context)}. Put it at the top of the template.")
        return context

    def block(self, node: nodes.Block, context: Context | None) -> Context:
        start = self.settings.inherited.get(node.name, context or Context())
        if context is not None and start != context:
            raise AmbiguousPlaceError(
                f"the block {node.name} stands in {describe(context)} here and in {describe(start)} "
                "in the template that is extended."
            )
        self.plan.blocks[node.name] = start
        if start.pending:
            places.place_of(start)
        self.blocks.append((node.name, start))
        loops, self.loops = self.loops, []
        after = self.statements(node.body, start)
        self.loops = loops
        self.blocks.pop()
        if not ends_well(start, after):
            end = describe(after) if after is not None else ""
            raise AmbiguousPlaceError(
                f"the block {node.name} begins in {describe(start)} and ends in {end}. Close what it opens."
            )
        return settle(start)


_Handler: TypeAlias = Callable[[_Walk, Any, Context], Context | None]
_STATEMENTS: Final[dict[type[nodes.Node], _Handler]] = {
    nodes.Output: _Walk.output,
    nodes.If: _Walk.branch,
    nodes.For: _Walk.loop,
    nodes.Break: _Walk.jump,
    nodes.Continue: _Walk.jump,
    nodes.Macro: _Walk.body,
    nodes.CallBlock: _Walk.writing_body,
    nodes.FilterBlock: _Walk.writing_body,
    nodes.AssignBlock: _Walk.captured,
    nodes.Assign: _Walk.quiet,
    nodes.ExprStmt: _Walk.quiet,
    nodes.With: _Walk.inline,
    nodes.Scope: _Walk.inline,
    nodes.Include: _Walk.include,
    nodes.Import: _Walk.importing,
    nodes.FromImport: _Walk.importing,
    nodes.Extends: _Walk.extends,
    nodes.Block: _Walk.block,
}
