r"""HTML forms: values kept, errors beside the fields.

`bound_form` hands the submitted pairs to a form class (WTForms' own, or one that is built the same way: called with `formdata`,
it has `validate()` and `errors`). The library is imported by the apps that use it, not here, so that a JSON service does not
pay for it. Anybody may send any pairs, not only those that a browser makes of the form, so each field is settled before its
validators run:

- text that is longer than the field's validators say, or than the site's limit where none says, is cut off and refused before
  anything walks through it;
- a field with one value that was sent twice is refused: two readers take two different ones (CWE-235);
- a file where text belongs, text where a file belongs, and a second file in a field for one (CVE-2023-31047) are refused;
- NUL bytes (PostgreSQL refuses them, C libraries stop at them) are refused, and line ends are made `\n`.

What WTForms itself says of a field is said in the language of the page, from the catalogues that it brings.

ASVS 5.0 V2.2.1, V15.3.5, V15.3.7.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from starlette.datastructures import UploadFile

from fastness.kernel.languages import ENGLISH
from fastness.kernel.texts import Catalogue, Text, translated
from fastness.web.bodies import MalformedFormError
from fastness.web.inputerrors import at_most

FormT = TypeVar("FormT")

_SEVERAL: Final = (list, tuple, set, frozenset)


class Submitted(list[str]):
    """The texts that were sent under one name, and beside them its files.

    A form library keeps this list as the field's `raw_data`, and reads texts only: one that takes a file for text fails in ways
    of its own.
    """

    uploads: tuple[UploadFile, ...] = ()


class FormValues:
    """The submitted pairs in the shape that form libraries read: `name in values`, `getlist(name)`, iteration over names."""

    __slots__ = ("_values",)

    def __init__(self, pairs: list[tuple[str, str | UploadFile]]) -> None:
        values: dict[str, Submitted] = {}
        for name, value in pairs:
            submitted = values.get(name)
            if submitted is None:
                submitted = values[name] = Submitted()
            if isinstance(value, str):
                submitted.append(clean_text(value))
            elif value.filename:
                # A file field in which nothing was chosen sends a part without a name.
                submitted.uploads += (value,)
        self._values = values

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        # A form library takes an empty mapping for "nothing was submitted" and shows no errors: an empty POST would pass.
        return len(self._values) or 1

    def getlist(self, name: str) -> list[str]:
        """All texts of a field, in the order they were sent."""
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


def bound_form(
    form_class: Callable[..., FormT],
    pairs: list[tuple[str, str | UploadFile]],
    *,
    max_characters: int,
    language: str = ENGLISH,
) -> FormT:
    """The form with the submitted values, validated; `max_characters` holds for fields that state no length."""
    form: Any = form_class(formdata=FormValues(pairs))
    if language != ENGLISH:
        speak(form, language)
    for field in fields_of(form):
        submitted = getattr(field, "raw_data", None)
        if not isinstance(submitted, Submitted):
            submitted = Submitted()
        if is_file_field(field):
            settle_files(field, submitted)
        else:
            settle_texts(field, submitted, max_characters)
    form.validate()
    bound: FormT = form
    return bound


def fields_of(form: Any) -> Iterator[Any]:  # noqa: ANN401 - form libraries are known by shape only
    """The fields that hold values themselves, of forms and lists inside the form, too."""
    for field in form if hasattr(form, "__iter__") else ():
        # Asked of the object itself: a form inside a form answers for its fields, one of which may have that name.
        own = vars(field)
        if "form" in own:
            yield from fields_of(own["form"])
        elif "entries" in own:
            yield from fields_of(own["entries"])
        else:
            yield field


def translate_errors(value: object, catalogue: Catalogue) -> None:
    """Put a form's errors into the catalogue's language, where they are texts of ours or the app's; nothing else is a form."""
    if not (hasattr(value, "validate") and hasattr(value, "errors")):
        return
    for field in fields_of(value):
        said = [translated(each, catalogue) for each in field.errors]
        if isinstance(field.errors, list):
            # In place: the field of a list of fields holds the errors of these, too.
            field.errors[:] = said
        else:
            field.errors = said


def speak(form: Any, language: str) -> None:  # noqa: ANN401 - as above
    """Have the library say its own sentences in a language of the site, unless the app has chosen catalogues by itself."""
    meta = getattr(form, "meta", None)
    if getattr(meta, "locales", None) is not False:
        return
    # The second is for a language that the library does not know: without it the look-up fails.
    form.meta.locales = (language.replace("-", "_"), ENGLISH)
    give_catalogue(form, form.meta.get_translations(form))


def give_catalogue(fields: Any, catalogue: Catalogue) -> None:  # noqa: ANN401 - as above
    """Give each field the catalogue that it says its sentences from, and put what it has said already into it."""
    for field in fields:
        own = vars(field)
        if "form" in own:
            give_catalogue(own["form"], catalogue)
            continue
        if "entries" in own:
            give_catalogue(own["entries"], catalogue)
        # A field of which the class's own is no longer the one in use was given another by the app.
        if getattr(field, "_translations", None) is getattr(type(field), "_translations", catalogue):
            field._translations = catalogue  # noqa: SLF001 - the name under which the library documents it
            # A value that could not be read was refused while the form was made.
            field.process_errors = [
                catalogue.gettext(said) if type(said) is str and said else said for said in field.process_errors
            ]


def is_file_field(field: Any) -> bool:  # noqa: ANN401 - as above
    """Whether the browser shows a file chooser for it."""
    return getattr(getattr(field, "widget", None), "input_type", "") == "file"


def settle_files(field: Any, submitted: Submitted) -> None:  # noqa: ANN401 - as above
    """Give a file field its files; the library has seen none."""
    files = list(submitted.uploads)
    is_several = bool(getattr(field.widget, "multiple", False))
    if any(submitted):
        refuse(field, Text('This is text and no file. The form needs enctype="multipart/form-data".'))
    elif len(files) > 1 and not is_several:
        refuse(field, Text("Choose one file."))
        files = []
    field.raw_data = files
    field.data = files if is_several else files[0] if files else None
    for change in getattr(field, "filters", ()):
        field.data = change(field.data)


def settle_texts(field: Any, submitted: Submitted, max_characters: int) -> None:  # noqa: ANN401 - as above
    """Refuse what no browser makes of the field, and cut what is too long."""
    if submitted.uploads:
        refuse(field, Text("This is a file; text belongs here."))
    if not submitted:
        return
    if len(submitted) > 1 and not isinstance(field.data, _SEVERAL):
        refuse(field, Text("This was sent more than once."))
    limit = stated_length(field) or max_characters
    if len(max(submitted, key=len)) > limit:
        refuse(field, at_most(limit))
        field.raw_data = [text[:limit] for text in submitted]
        if isinstance(field.data, str):
            field.data = field.data[:limit]


def stated_length(field: Any) -> int | None:  # noqa: ANN401 - as above
    """The smallest `maxlength` of the field's validators."""
    lengths = []
    for validator in getattr(field, "validators", ()):
        flags = getattr(validator, "field_flags", None)
        if flags and "maxlength" in flags:
            lengths.append(flags["maxlength"])
    return min(lengths, default=None)


def refuse(field: Any, message: str) -> None:  # noqa: ANN401 - as above
    """Put an error beside the field, and let its validators rest: the value is none of theirs."""
    field.process_errors = [*field.process_errors, message]
    field.validators = ()
