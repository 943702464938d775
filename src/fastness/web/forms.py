r"""HTML forms: values kept, errors beside the fields.

`bound_form` hands the submitted pairs to a form class (WTForms' own, or one that is built the same way: called with `formdata`,
it has `validate()` and `errors`). The library is imported by the apps that use it, not here, so that a JSON service does not
pay for it. What no text field should ever hold is taken care of before: NUL bytes (PostgreSQL refuses them, C libraries stop
at them) are refused, and line ends are made `\n`.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from starlette.datastructures import UploadFile

from fastness.web.bodies import MalformedFormError

FormT = TypeVar("FormT")


class FormValues:
    """The submitted pairs in the shape that form libraries read: `name in values`, `getlist(name)`, iteration over names."""

    __slots__ = ("_values",)

    def __init__(self, pairs: list[tuple[str, str | UploadFile]]) -> None:
        values: dict[str, list[str | UploadFile]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(clean_text(value) if isinstance(value, str) else value)
        self._values = values

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        # A form library takes an empty mapping for "nothing was submitted" and shows no errors: an empty POST would pass.
        return len(self._values) or 1

    def getlist(self, name: str) -> list[str | UploadFile]:
        """All values of a field, in the order they were sent."""
        return self._values.get(name, [])


def clean_text(value: str) -> str:
    """A field's text with plain line ends; NUL is refused."""
    if "\0" in value:
        raise MalformedFormError("A form field holds a NUL character.")
    return value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value


def text_pairs(pairs: list[tuple[str, str | UploadFile]]) -> Iterator[tuple[str, str]]:
    """The pairs of a form that has no files."""
    for name, value in pairs:
        if not isinstance(value, str):
            raise MalformedFormError("A file was sent where text is read.")
        yield name, clean_text(value)


def bound_form(form_class: Callable[..., FormT], pairs: list[tuple[str, str | UploadFile]]) -> FormT:
    """The form with the submitted values, validated."""
    form: Any = form_class(formdata=FormValues(pairs))
    form.validate()
    bound: FormT = form
    return bound
