"""What was wrong with input, for whoever answers it: without the classes that read input, which not every app has.

No message holds a value that was sent. ASVS 5.0 V2.2.1, V16.5.1.
"""

from collections.abc import Iterable

from fastness.kernel.errors import InvalidInputError
from fastness.kernel.texts import Text
from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with what was sent."""

    field: str
    """Where: "title", "lines[3].price"; empty for the whole."""
    rule: str
    """Which rule, as a code that does not change."""
    message: str
    """The sentence for people."""


def at_most(characters: int) -> Text:
    """What is said of a text that is too long."""
    return Text("At most {count} character.", "At most {count} characters.", count=characters)


class InputRefusedError(InvalidInputError):
    """What was sent is not what the class asks for; `errors` says why, field by field."""

    code = "input_refused"
    status = 422
    public: str = Text("Some of what was sent is not as it should be.")

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"The input was refused: {self.rules()}.")

    def rules(self) -> str:
        """Fields and rules on one line, for the log and the event."""
        return ", ".join(f"{error.field or '(whole)'}: {error.rule}" for error in self.errors)

    def by_field(self) -> dict[str, list[str]]:
        """The sentences by field, for a page that shows them beside its fields."""
        found: dict[str, list[str]] = {}
        for error in self.errors:
            found.setdefault(error.field, []).append(error.message)
        return found
