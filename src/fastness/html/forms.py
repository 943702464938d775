"""Reading the forms of a page, as far as a test or a probe needs it: by tags, without a browser's repairs."""

from dataclasses import field
from html.parser import HTMLParser

from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class Form:
    """A form with the values the page gave it."""

    action: str
    method: str
    fields: list[tuple[str, str]]
    """What is sent where nobody fills anything in."""
    names: set[str] = field(default_factory=set)
    """Everything that can be filled in, ticked or chosen, whether the page gave it a value or not."""


def forms_in(page: str) -> list[Form]:
    """The forms of the page, in order."""
    reader = FormReader()
    reader.feed(page)
    reader.close()
    return reader.forms


class FormReader(HTMLParser):
    """Collects forms and their successful controls."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._area: str | None = None
        self._text: list[str] = []
        self._select: _Select | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a form, or note a control of the open one."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(values.get("action", ""), values.get("method", "get").upper(), [])
            self.forms.append(self._open)
        form = self._open
        if form is None:
            return
        if tag == "option" and self._select is not None:
            self._select.end_option()
            self._select.option, self._select.is_chosen = values, "selected" in values
        name = values.get("name", "")
        if not name or "disabled" in values:
            return
        if tag in {"input", "textarea", "select"}:
            form.names.add(name)
        if tag == "input":
            self._read_input(form, name, values)
        elif tag == "textarea":
            self._area, self._text = name, []
        elif tag == "select":
            self._select = _Select(name, is_multiple="multiple" in values)

    @staticmethod
    def _read_input(form: Form, name: str, values: dict[str, str]) -> None:
        kind = values.get("type", "text").lower()
        if kind in {"checkbox", "radio"}:
            if "checked" in values:
                form.fields.append((name, values.get("value", "on")))
        elif kind not in {"submit", "button", "image", "reset", "file"}:
            form.fields.append((name, values.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        """Close what is open."""
        if tag == "form":
            self._open = None
        elif tag == "option" and self._select is not None:
            self._select.end_option()
        elif tag == "select" and self._select is not None and self._open is not None:
            self._open.fields.extend(self._select.chosen())
            self._select = None
        elif tag == "textarea" and self._area is not None and self._open is not None:
            # A line feed directly after the start tag is not part of the value (HTML standard, textarea).
            self._open.fields.append((self._area, "".join(self._text).removeprefix("\n")))
            self._area = None

    def handle_data(self, data: str) -> None:
        """Collect the value of a text area, or of an option that has no other."""
        if self._area is not None:
            self._text.append(data)
        elif self._select is not None:
            self._select.text += data


class _Select:
    """A list of options that is being read."""

    def __init__(self, name: str, *, is_multiple: bool) -> None:
        self.name = name
        self.is_multiple = is_multiple
        self.option: dict[str, str] | None = None
        self.is_chosen = False
        self.text = ""
        self._values: list[str] = []
        self._chosen: list[str] = []

    def end_option(self) -> None:
        """Note the option that is open: the next one and the end of the list close it as well."""
        if self.option is not None and "disabled" not in self.option:
            value = self.option.get("value", " ".join(self.text.split()))
            self._values.append(value)
            if self.is_chosen:
                self._chosen.append(value)
        self.option, self.is_chosen, self.text = None, False, ""

    def chosen(self) -> list[tuple[str, str]]:
        """What is sent: of a list in which nothing is chosen the first, and of several chosen ones the last, if it takes one."""
        self.end_option()
        chosen = self._chosen if self.is_multiple else (self._chosen or self._values[:1])[-1:]
        return [(self.name, value) for value in chosen]
