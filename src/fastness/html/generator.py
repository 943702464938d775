"""Writes the Python code of a template: Jinja2's generator, with our escaper around every output.

It overrides what Jinja2's own `NativeCodeGenerator` overrides, and the four places where Jinja2 writes a result without an
escape of its own. An output that the plan does not know is refused. ASVS 5.0: V1.2.1.
"""

from io import StringIO
from typing import Final

from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator, Frame

from fastness.html import plan as plans
from fastness.html.errors import TemplateConstructError
from fastness.html.places import ATTRIBUTE, RAW, TEXT, Place
from fastness.html.plan import Plan
from fastness.html.speedups import escape_inner

_FAST: Final = frozenset({TEXT, ATTRIBUTE})
_WITH_ADDRESS: Final = frozenset(
    {"url", "media", "url_path", "url_root", "url_query", "code_url", "code_path", "srcset", "css", "css_url"}
)
_WITHOUT_ADDRESS: Final = frozenset({"textarea", "comment", "json", "js", "js_string", "srcdoc"})
_WITH_TAG: Final = frozenset({"attributes", "pair"})
_INSERTIONS: Final = {
    plans.NONCE: "fx_page.nonce(",
    plans.TOKEN: "fx_page.token(",
    plans.TOKEN_TAG: "fx_page.token(",
    plans.TOKEN_IF_LOCAL: "fx_page.token_if_local(",
    plans.TOKEN_UNLESS_PLACED: "fx_page.token_unless_placed(",
}


class ContextualGenerator(CodeGenerator):
    """One template's code; `plan` is set before the first visit."""

    plan: Plan
    salt: str
    repeats: int = 0
    """How many loops and macros we are in: what is written once a page is not worth more code."""

    def place(self, node: nodes.Expr) -> Place:
        found = self.plan.places.get(id(node))
        if found is None:
            raise TemplateConstructError(
                f"an output of type {type(node).__name__} that the escaper has not seen.",
                template=self.name or "",
                line=node.lineno,
            )
        return found

    def write_commons(self) -> None:
        super().write_commons()
        self.writeline("fx_inner = environment.fx_inner")
        self.writeline("fx_page = environment.fx_page")
        self.writeline("fx = environment.fx")
        self.writeline("fx_text = fx.text")
        used = {place.escaper for place in self.plan.places.values()}
        for name in sorted(used & (_WITH_ADDRESS | _WITHOUT_ADDRESS | _WITH_TAG | {ATTRIBUTE})):
            self.writeline(f"fx_{name} = fx.{name}")

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802 Jinja2's name
        uses = self.plan.uses()  # before the generator folds constants
        super().visit_Template(node, frame)
        stamps = {name: tuple(context._replace(form="")) for name, context in self.plan.blocks.items()}
        inherited = {name: tuple(context._replace(form="")) for name, context in self.plan.inherited.items()}
        self.writeline(f"fx_blocks = {stamps!r}")
        self.writeline(f"fx_inherited = {inherited!r}")
        self.writeline(f"fx_uses = {uses!r}")
        self.writeline(f"fx_salt = {self.salt!r}")

    # --- outputs ---

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:  # noqa: N802 Jinja2's name
        if not (frame.require_output_check and self.has_known_extends):
            for child in node.nodes:
                if not isinstance(child, nodes.TemplateData):
                    self.place(child)  # outside of the base method, which takes any error for "not a constant"
        super().visit_Output(node, frame)

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> str:
        del finalize
        if isinstance(node, nodes.TemplateData):
            return node.data
        if self.place(node).escaper not in _FAST:
            raise nodes.Impossible
        value = node.as_const(frame.eval_ctx)
        if type(value) is not str and type(value) is not int:
            raise nodes.Impossible
        return escape_inner(str(value))

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        del frame, finalize
        name = self.place(node).escaper
        if name in _FAST and self.repeats:
            self.write("fx_inner(fx_value) if type(fx_value := (")
        elif name in _FAST:
            self.write(f"fx_{name}(")
        elif name in _INSERTIONS:
            self.write(_INSERTIONS[name])
        elif name == plans.FORM_URL:
            self.write("fx_page.note_action(fx.url(")
        elif name == RAW:
            self.write("str(")
        elif name in _WITH_ADDRESS or name in _WITHOUT_ADDRESS or name in _WITH_TAG:
            self.write(f"fx_{name}(")
        else:
            raise TemplateConstructError(f"no escaper is named {name!r}.", template=self.name or "", line=node.lineno)

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        del frame, finalize
        place = self.place(node)
        name = place.escaper
        address = f"({self.name or 'template'!r}, {node.lineno})"
        if name in _FAST and self.repeats:
            self.write(f")) is str else fx_{name}(fx_value)")
        elif name in {plans.TOKEN_IF_LOCAL, plans.TOKEN_UNLESS_PLACED}:
            self.write(f", {place.form!r})")
        elif name == plans.FORM_URL:
            self.write(f", {address}), {place.form!r}, environment.fx_is_local)")
        elif name in _WITH_TAG:
            self.write(f", {place.element!r}, {place.present!r}, {address})")
        elif name in _WITH_ADDRESS:
            self.write(f", {address})")
        else:
            self.write(")")

    # --- where the usual case is written out ---

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802 Jinja2's name
        self.repeats += 1
        super().visit_For(node, frame)
        self.repeats -= 1

    def visit_Macro(self, node: nodes.Macro, frame: Frame) -> None:  # noqa: N802 Jinja2's name
        self.repeats += 1
        super().visit_Macro(node, frame)
        self.repeats -= 1

    # --- results that Jinja2 writes as they are ---

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: FBT001, FBT002, N802
        """The call of a call block is written where it stands, whatever the callable returns."""
        if forward_caller:
            self.write("fx_text(")
        super().visit_Call(node, frame, forward_caller=forward_caller)
        if forward_caller:
            self.write(")")

    def visit_FilterBlock(self, node: nodes.FilterBlock, frame: Frame) -> None:  # noqa: N802 Jinja2's name
        inner = frame.inner()
        inner.symbols.analyze_node(node)
        self.enter_frame(inner)
        self.buffer(inner)
        self.blockvisit(node.body, inner)
        self.start_write(frame, node)
        self.write("fx_text(")
        self.visit_Filter(node.filter, inner)
        self.write(")")
        self.end_write(frame)
        self.leave_frame(inner)

    def visit_AssignBlock(self, node: nodes.AssignBlock, frame: Frame) -> None:  # noqa: N802 Jinja2's name
        """Jinja2 calls the result of the block's filter markup, whatever it is."""
        self.push_assign_tracking()
        inner = frame.inner()
        inner.require_output_check = False
        inner.symbols.analyze_node(node)
        self.enter_frame(inner)
        self.buffer(inner)
        self.blockvisit(node.body, inner)
        self.newline(node)
        self.visit(node.target, frame)
        self.write(" = Markup(")
        if node.filter is None:
            self.write(f"concat({inner.buffer})")
        else:
            self.write("fx_text(")
            self.visit_Filter(node.filter, inner)
            self.write(")")
        self.write(")")
        self.pop_assign_tracking(frame)
        self.leave_frame(inner)

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802 Jinja2's name
        """A slice goes past the environment, which would have taken the text of markup."""
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.fx_on_text(")
        self.visit(node.node, frame)
        self.write(")[")
        self.visit(node.arg, frame)
        self.write("]")


def generate(
    tree: nodes.Template, environment: Environment, *, name: str | None, filename: str | None, plan: Plan, salt: str
) -> str:
    """The Python source of a planned template; `salt` goes into it, and is compared when it is loaded."""
    source = StringIO()
    generator = ContextualGenerator(environment, name, filename, source)
    generator.plan, generator.salt = plan, salt
    generator.visit(tree)
    return source.getvalue()
