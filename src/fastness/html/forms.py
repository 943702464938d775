"""Reading the forms of a page, as far as a test or a probe needs it: by tags, without a browser's repairs."""

from html.parser import HTMLParser

from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class Form:
    """A form with the values the page gave it."""

    action: str
    method: str
    fields: list[tuple[str, str]]


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
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a form, or note a control of the open one."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(values.get("action", ""), values.get("method", "get").upper(), [])
            self.forms.append(self._open)
        form = self._open
        if form is None:
            return
        name = values.get("name", "")
        if tag == "input" and name:
            self._read_input(form, name, values)
        elif tag == "textarea" and name:
            self._area, self._text = name, []
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in values:
            form.fields.append((self._select, values.get("value", "")))

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
        elif tag == "select":
            self._select = None
        elif tag == "textarea" and self._area is not None and self._open is not None:
            # A line feed directly after the start tag is not part of the value (HTML standard, textarea).
            self._open.fields.append((self._area, "".join(self._text).removeprefix("\n")))
            self._area = None

    def handle_data(self, data: str) -> None:
        """Collect a text area's value."""
        if self._area is not None:
            self._text.append(data)
