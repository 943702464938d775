"""A copied form is the form that the library would have made, and nothing of one visitor reaches the next."""

import gc
import weakref
from typing import Any

import pytest
import wtforms
from wtforms import DataList, Field, FieldList, Form, FormField, SelectChoice, StringField
from wtforms.fields.core import UnboundField
from wtforms.meta import DefaultMeta
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from fastness.web.formcopies import try_new_form
from fastness.web.forms import bound_form

KINDS: Any = ["a", "b"]
CHOICES: Any = [SelectChoice("a", "A", render_kw={"class": "wide"}), SelectChoice("b", "B")]
SUGGESTIONS: Any = {"datalist": DataList(choices=KINDS)}


class Inner(Form):
    street = StringField(validators=[Length(max=10)])


class Lazy:
    """A text that is put into words when it is shown."""

    def __str__(self) -> str:
        return "Later"

    def __html__(self) -> str:
        return "Later"


class Upper(StringField):
    """A field of the app that leaves the making to the library."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0].upper() if valuelist else ""


class Numbered(StringField):
    """A field of the app that looks at the moment it is made in."""

    made = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        type(self).made += 1
        self.description = f"number {self.made}"


class Described(StringField):
    """A field of the app that looks at the moment it is told something."""

    made = 0

    @property  # type: ignore[override]
    def description(self) -> str:
        return self.told

    @description.setter
    def description(self, text: str) -> None:
        type(self).made += 1
        self.told = f"number {self.made}"


class BoundLate(UnboundField):  # type: ignore[type-arg]  # not generic when it runs
    made = 0

    def bind(self, *args: Any, **kwargs: Any) -> Any:
        field = super().bind(*args, **kwargs)
        type(self).made += 1
        field.description = f"number {self.made}"
        return field


class Foreign(StringField):
    def gettext(self, string: str) -> str:
        return f"[{string}]"


def bound(form_class: type[Form], *pairs: tuple[str, str]) -> Any:
    return bound_form(form_class, list(pairs), max_characters=100)


def form_of(field: Any) -> type[Form]:
    return type("Made", (Form,), {"field": field})


def look_of(form: Any) -> dict[str, object]:
    return {
        name: (
            type(field),
            str(field),
            str(field.label),
            field.data,
            field.errors,
            field.raw_data,
            vars(field.flags),
            field.validators,
            field.meta is form.meta,
            field._form is form,
        )
        for name, field in form._fields.items()
    }


def shown(form: Any) -> list[object]:
    return [form.errors, *((str(field), str(field.label), vars(field.flags)) for field in form)]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: wtforms.BooleanField("Yes", false_values=("no",)), id="boolean"),
        pytest.param(wtforms.ColorField, id="colour"),
        pytest.param(lambda: wtforms.DateField(validators=[Optional()]), id="date"),
        pytest.param(lambda: wtforms.DateField(format=["%d.%m.%Y", "%Y-%m-%d"]), id="date-in-two-ways"),
        pytest.param(wtforms.DateTimeLocalField, id="moment"),
        pytest.param(lambda: wtforms.DecimalField(places=3), id="decimal"),
        pytest.param(wtforms.DecimalRangeField, id="decimal-range"),
        pytest.param(wtforms.EmailField, id="email"),
        pytest.param(lambda: FieldList(StringField(), min_entries=1, max_entries=3), id="list"),
        pytest.param(lambda: FieldList(FormField(Inner), max_entries=3), id="list-of-forms"),
        pytest.param(wtforms.FileField, id="file"),
        pytest.param(wtforms.FloatField, id="float"),
        pytest.param(lambda: FormField(Inner, "Where"), id="form"),
        pytest.param(lambda: wtforms.HiddenField(default="h"), id="hidden"),
        pytest.param(lambda: wtforms.IntegerField("How many", [InputRequired()]), id="integer"),
        pytest.param(wtforms.IntegerRangeField, id="integer-range"),
        pytest.param(wtforms.MonthField, id="month"),
        pytest.param(wtforms.MultipleFileField, id="files"),
        pytest.param(wtforms.PasswordField, id="password"),
        pytest.param(lambda: wtforms.RadioField(choices=KINDS, default="b"), id="radio"),
        pytest.param(wtforms.SearchField, id="search"),
        pytest.param(lambda: wtforms.SelectField(choices=KINDS), id="select"),
        pytest.param(lambda: wtforms.SelectField(choices=CHOICES), id="select-objects"),
        pytest.param(lambda: wtforms.SelectField(choices=lambda: KINDS), id="select-asked-for"),
        pytest.param(lambda: wtforms.SelectMultipleField(choices=KINDS), id="select-several"),
        pytest.param(lambda: wtforms.StringField(Lazy(), filters=[lambda text: text and text[::-1]]), id="string"),  # type: ignore[arg-type]
        pytest.param(lambda: wtforms.StringField(render_kw={"class": "wide"}, name="field", id="f"), id="rendered"),
        pytest.param(wtforms.SubmitField, id="submit"),
        pytest.param(wtforms.TelField, id="telephone"),
        pytest.param(lambda: wtforms.TextAreaField(validators=[Length(max=3)]), id="text"),
        pytest.param(wtforms.TimeField, id="time"),
        pytest.param(wtforms.URLField, id="address"),
        pytest.param(wtforms.WeekField, id="week"),
        pytest.param(Upper, id="of-the-app"),
    ],
)
@pytest.mark.parametrize("text", ["a", "7", "2024-05-06", ""])
def test_a_copy_is_what_the_library_would_have_made(make, text):
    form_class = form_of(make())
    pairs = (("field", text), ("field-0", text), ("field-street", text), ("field-0-street", text))
    first = bound(form_class, *pairs)
    assert try_new_form(form_class) is not None
    copy = bound(form_class, *pairs)
    assert look_of(copy) == look_of(first)
    assert copy.data == first.data
    assert copy.errors == first.errors
    assert vars(copy).keys() == vars(first).keys()
    assert vars(copy.field).keys() == vars(first.field).keys()


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(Numbered(), id="made-by-the-app"),
        pytest.param(Foreign(), id="labels-of-the-app"),
        pytest.param(StringField(**SUGGESTIONS), id="with-suggestions"),
        pytest.param(wtforms.SelectField(choices={"group": {"a": "A"}}), id="groups-of-choices"),
    ],
)
def test_what_may_come_out_otherwise_is_made_anew(field):
    form_class = form_of(field)
    first, second = bound(form_class), bound(form_class)
    assert try_new_form(form_class) is None
    assert (first.field is second.field, str(first.field)) == (False, str(second.field))


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        pytest.param(Numbered(), Numbered, id="in-its-init"),
        pytest.param(Described(), Described, id="where-it-is-set"),
        pytest.param(BoundLate(StringField), BoundLate, id="where-it-is-bound"),
    ],
)
def test_a_field_of_the_app_is_made_for_each_form(field, kind):
    form_class = form_of(field)
    before = kind.made
    assert [bound(form_class).field.description for _ in range(3)] == [f"number {before + i}" for i in (1, 2, 3)]


def test_a_field_of_the_app_that_only_tells_is_copied():
    class Telling(StringField):
        @property
        def told(self) -> str:
            return f"{self.data}!"

    form_class = form_of(Telling())
    assert [bound(form_class, ("field", text)).field.told for text in "ab"] == ["a!", "b!"]
    assert try_new_form(form_class) is not None


class OwnMaking(Form):
    field = StringField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.field.description = "own"


class OwnMeta(Form):
    field = StringField()

    class Meta:
        def bind_field(self, form: Form, unbound: Any, options: dict[str, Any]) -> Field:
            field: Field = unbound.bind(form=form, **options)
            field.description = "own"
            return field


class InheritsMeta(OwnMeta):
    """Says nothing itself."""


class Words:
    def gettext(self, string: str) -> str:
        return f"own {string}"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return f"own {many}"


class OwnWords(Form):
    field = StringField()

    class Meta(DefaultMeta):
        def get_translations(self, form: Form) -> Words:  # type: ignore[override]
            return Words()


@pytest.mark.parametrize("form_class", [OwnMaking, OwnMeta, InheritsMeta, OwnWords])
def test_a_form_with_a_say_in_its_making_is_made_anew(form_class):
    for _ in range(3):
        form = bound(form_class)
        assert "own" in form.field.description + form.field.label.text
    assert try_new_form(form_class) is None


def test_nothing_of_one_form_reaches_the_next():
    class Shown(Form):
        name = StringField(validators=[InputRequired()], render_kw={"class": "wide"})
        kind = wtforms.SelectField(choices=KINDS)

    fresh = look_of(bound(Shown, ("name", "a"), ("kind", "a")))
    for _ in range(3):
        form = bound(Shown, ("name", "Ada" * 100), ("name", "Bob"), ("kind", "c"))
        assert list(form.errors) == ["name", "kind"]
        form.name.label.text = "Changed"
        form.name.flags.required = None
        form.name.render_kw["class"] = "changed"
        form.kind.choices.append("changed")
        form.form_errors.append("changed")
        form.meta.csrf = True
        form.meta.changed = True
        del form.kind
        again = bound(Shown, ("name", "a"), ("kind", "a"))
        assert look_of(again) == fresh
        assert (again.errors, again.meta.csrf, hasattr(again.meta, "changed")) == ({}, False, False)


def test_a_default_is_asked_for_each_form():
    numbers = iter(range(10))
    form_class = form_of(StringField(default=lambda: str(next(numbers))))
    assert [bound(form_class).field.data for _ in range(3)] == ["0", "1", "2"]


def test_a_form_that_processes_in_its_own_way_is_asked_each_time():
    seen = []

    class Watched(Form):
        field = StringField()

        def process(self, formdata: Any = None, *args: Any, **kwargs: Any) -> None:
            seen.append(formdata.getlist("field"))
            super().process(formdata, *args, **kwargs)
            self.extra = self.field.data

    assert [bound(Watched, ("field", text)).extra for text in "abc"] == ["a", "b", "c"]
    assert seen == [["a"], ["b"], ["c"]]
    assert try_new_form(Watched) is not None


def test_filters_and_validators_of_the_form_are_asked_each_time():
    class Checked(Form):
        field = StringField(filters=[lambda text: text and text.strip()])

        def filter_field(self, text: str) -> str:
            return text * 2

        def validate_field(self, field: Any) -> None:
            if field.data == "bb":
                raise ValidationError("Not b.")

    for text in ("a", "b", "a", "b"):
        form = bound(Checked, ("field", f" {text} "))
        assert (form.field.data, form.errors) == (text * 2, {"field": ["Not b."]} if text == "b" else {})
    assert try_new_form(Checked) is not None


def add_field(form_class: Any) -> None:
    form_class.other = StringField("New")


def drop_field(form_class: Any) -> None:
    del form_class.field


def set_meta(form_class: Any) -> None:
    form_class.Meta = OwnWords.Meta


def set_choices(form_class: Any) -> None:
    form_class.kind.kwargs["choices"] = ["new"]


def add_choice(form_class: Any) -> None:
    form_class.kind.kwargs["choices"].append("new")


def set_name(form_class: Any) -> None:
    form_class.field.name = "called"


def add_validator(form_class: Any) -> None:
    form_class.field.args[1].append(Length(max=2))


@pytest.mark.parametrize("change", [add_field, drop_field, set_meta, set_choices, set_name, add_choice, add_validator])
def test_a_declaration_that_is_changed_counts_from_then_on(change):
    def declared() -> type[Form]:
        class Changed(Form):
            field = StringField("Name", [InputRequired()])
            kind = wtforms.SelectField(choices=[*KINDS])

        return Changed

    expected = declared()
    change(expected)
    form_class = declared()
    pairs = (("field", "abc"), ("kind", "a"))
    before = shown(bound(form_class, *pairs))
    assert try_new_form(form_class) is not None
    change(form_class)
    wanted = shown(bound(expected, *pairs))
    assert wanted != before
    for _ in range(3):
        assert shown(bound(form_class, *pairs)) == wanted


def test_a_class_that_is_made_for_one_request_goes_with_it():
    def made_and_left() -> weakref.ref[type[Form]]:
        form_class: Any = None
        form_class = form_of(StringField(validators=[lambda form, field: form_class]))
        for _ in range(3):
            bound(form_class)
        assert try_new_form(form_class) is not None
        return weakref.ref(form_class)

    gone = made_and_left()
    gc.collect()
    assert gone() is None


def test_a_form_below_another_is_not_taken_for_it():
    class Parent(Form):
        field = StringField()

    class Child(Parent):
        more = StringField()

    for _ in range(3):
        assert [[field.name for field in bound(one)] for one in (Parent, Child)] == [["field"], ["field", "more"]]
