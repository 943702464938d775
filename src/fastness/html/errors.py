"""Why a template was refused, or a value could not be written.

    ConfigError
    └── TemplateRefusedError          the template as it is written cannot be escaped safely
        ├── MarkupRefusedError        static text that browsers repair, and so read otherwise than it looks
        ├── AmbiguousPlaceError       branches, loops, blocks or includes end in different places
        ├── ExpressionPlaceError      an expression in a place for which there is no escaper
        ├── URLPlaceError             an expression at a part of a URL that decides where it goes
        ├── ScriptPlaceError          an expression in a script where a value cannot stand
        ├── StylePlaceError           an expression in CSS that is not the value of a property
        ├── CodeAttributeError        an attribute whose text is a program: on…, @click, x-data
        ├── NonceByHandError          a nonce attribute in a template
        ├── SafeFilterError           `|safe`, where nothing says why
        ├── TemplateConstructError    a tag or node that the escaper does not know, `{% autoescape %}` among them
        ├── TemplateSourceError       a template that does not come from the loader
        └── BrokenTemplateError       a template that Jinja2 cannot read, or whose parent is not there
    FastnessError
    └── ValueRefusedError             a value that cannot be written at its place
        ├── UntypedURLError           the URL of code that is not a TrustedURL
        ├── UntypedAttributesError    an expression in a tag that is not an Attrs
        └── UnencodableValueError     a value without a JSON form in a script

A refusal names the template and the line, says in words where the expression stands, and what to write instead. It holds text
of the template, never a value. ASVS 5.0: V1.2.1, V1.1.2.
"""

from fastness.kernel.errors import ConfigError, FastnessError


class TemplateRefusedError(ConfigError):
    """A template that is not compiled; `template` and `line` say where."""

    code = "template_refused"

    def __init__(self, problem: str, *, template: str = "", line: int = 0) -> None:
        self.problem = problem
        self.template = template
        self.line = line
        self.offset = 0  # within the piece of text that was refused
        super().__init__(f"{template or 'template'}, line {line}: {problem}" if line else problem)

    def at(self, template: str, line: int) -> "TemplateRefusedError":
        """The same refusal with its address."""
        return type(self)(self.problem, template=template, line=line)


class MarkupRefusedError(TemplateRefusedError):
    """Static text that an HTML parser has to repair."""

    code = "template_markup"


class AmbiguousPlaceError(TemplateRefusedError):
    """Two ways through a template meet in different places."""

    code = "template_ambiguous"


class ExpressionPlaceError(TemplateRefusedError):
    """An expression where no escaper makes it safe."""

    code = "template_place"


class URLPlaceError(TemplateRefusedError):
    """An expression that would decide the scheme or host of a URL together with something else."""

    code = "template_url"


class ScriptPlaceError(TemplateRefusedError):
    """An expression in a script where a JSON value cannot stand."""

    code = "template_script"


class StylePlaceError(TemplateRefusedError):
    """An expression in CSS that is not the value of a property."""

    code = "template_style"


class CodeAttributeError(TemplateRefusedError):
    """An attribute whose value is a program."""

    code = "template_code_attribute"


class NonceByHandError(TemplateRefusedError):
    """A nonce written in a template."""

    code = "template_nonce"


class SafeFilterError(TemplateRefusedError):
    """`|safe` without a reason, or outside HTML text."""

    code = "template_safe"


class TemplateConstructError(TemplateRefusedError):
    """A construct that the escaper does not know, or that would switch it off."""

    code = "template_construct"


class TemplateSourceError(TemplateRefusedError):
    """A template from a string, or compiled by another environment."""

    code = "template_source"


class BrokenTemplateError(TemplateRefusedError):
    """A template that Jinja2 itself cannot read, or whose parent is not there."""

    code = "template_broken"


class ValueRefusedError(FastnessError):
    """A value that cannot be written where the template writes it."""

    code = "template_value"


class UntypedURLError(ValueRefusedError):
    """The URL of a script, frame or style sheet that is not a `TrustedURL`."""

    code = "template_value_url"


class UntypedAttributesError(ValueRefusedError):
    """An expression in a tag that is not an `Attrs`, or whose attribute is not allowed there."""

    code = "template_value_attributes"


class UnencodableValueError(ValueRefusedError):
    """A value in a script that JSON cannot say."""

    code = "template_value_json"
