"""Where the tracker is in a piece of static text, and what it has found to insert."""

from typing import Final

from fastness.html.contexts import Context
from fastness.html.parts import refuse_control
from fastness.kernel.values import dataclass

SPACE: Final = "\t\n\f\r "
INSERT_NONCE: Final = "nonce"
INSERT_TOKEN: Final = "token"  # noqa: S105 the name of an insertion
FOREIGN_CODE: Final = "foreign code"
"""Nothing is inserted: a tag that ends here loads code of another host, without its hash."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """Something of the framework's, at an offset of the text; `form` is the key of a form whose action is dynamic."""

    offset: int
    what: str
    form: str = ""


class Reader:
    """One run over one piece of text."""

    def __init__(self, context: Context, text: str, *, form_key: str, events: bool) -> None:
        refuse_control(text)
        self.cut = len(context.pending)
        self.text = context.pending + text
        self.context = context._replace(pending="")
        self.position = 0
        self.insertions: list[Insertion] = []
        self.form_key = form_key
        self.allows_events = events

    def insert(self, offset: int, what: str, form: str = "") -> None:
        """Note what comes at an offset."""
        self.insertions.append(Insertion(max(offset - self.cut, 0), what, form))

    def wait(self) -> None:
        """The rest of the text is half a token: keep it for the next piece."""
        self.context = self.context._replace(pending=self.text[self.position :])
        self.position = len(self.text)
