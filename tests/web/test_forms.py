"""HTML forms on the real pipeline: values kept, errors beside the fields, and what no browser would send."""

from typing import Any

import pytest
from markupsafe import Markup
from wtforms import (
    BooleanField,
    FieldList,
    FileField,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    MultipleFileField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange

from fastness import HTMLResponse, JSONResponse, Routes, access
from fastness.web.forms import bound_form
from fastness.web.validators import Email, Items, Must, Slug, Text, Whole

BOUNDARY = "frontier"
KINDS: Any = ["a", "b"]
SIZES: Any = ["s", "m"]
TAGS: Any = ["x", "y", "z"]
MULTIPART = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", "sec-fetch-site": "same-origin"}
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


class Address(Form):
    street = StringField(validators=[Length(max=10)])


class Everything(Form):
    name = StringField("Name", validators=[InputRequired(), Text(max=20)])
    email = StringField(validators=[Email()])
    slug = StringField(validators=[Slug()])
    about = TextAreaField()
    amount = IntegerField(validators=[Whole(min=1, max=9)])
    password = PasswordField()
    kind = SelectField(choices=KINDS)
    size = RadioField(choices=SIZES, validate_choice=True, default="s")
    tags = SelectMultipleField(choices=TAGS, validators=[Items(max=2)])
    case_id = HiddenField(validators=[Text(max=36)])
    agreed = BooleanField()
    picture = FileField()
    pages = MultipleFileField()
    address = FormField(Address)
    lines = FieldList(StringField(validators=[Length(max=5)]), max_entries=3)


def part(name: str, value: str, filename: str | None = None) -> str:
    file = "" if filename is None else f'; filename="{filename}"'
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{value}\r\n'


def bind(**values):
    pairs = {"name": ["Ada"], "kind": ["a"], **{name: [value] for name, value in values.items()}}
    flat = [(name, one) for name, value in pairs.items() for one in (value[0] if isinstance(value[0], list) else value)]
    return bound_form(Everything, flat, max_characters=100)


@pytest.fixture
async def shop(make_shop):
    routes = Routes(access=access.public)

    @routes.post("/save")
    async def save(request):
        form = await request.form(Everything)
        if form.errors:
            return JSONResponse({"errors": form.errors}, status=422)
        picture = form.picture.data
        return JSONResponse(
            {
                "name": form.name.data,
                "picture": picture and (await picture.read()).decode(),
                "pages": [page.filename for page in form.pages.data],
            }
        )

    @routes.post("/again")
    async def again(request):
        form = await request.form(Everything)
        return HTMLResponse(Markup("").join([form.name(), form.password(), form.picture(), form.about()]))

    return await make_shop(routes)


async def post(browse, shop, content, headers=FORM, path="/save"):
    async with browse(shop) as browser:
        return await browser.raw("POST", path, content=content.encode(), headers=headers)


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        pytest.param([part("picture", "pixels", "a.png")], {"picture": "pixels", "pages": []}, id="one-file"),
        pytest.param([part("picture", "", "")], {"picture": None, "pages": []}, id="nothing-chosen"),
        pytest.param([part("picture", "")], {"picture": None, "pages": []}, id="nothing-chosen-as-text"),
        pytest.param(
            [part("pages", "1", "a"), part("pages", "2", "b")],
            {"picture": None, "pages": ["a", "b"]},
            id="two-where-several-may-be",
        ),
    ],
)
async def test_a_file_field_gets_its_files(shop, browse, parts, answer):
    fields = [part("name", "Ada"), part("kind", "a"), *parts]
    page = await post(browse, shop, "".join(fields) + f"--{BOUNDARY}--\r\n", MULTIPART)
    assert page.json() == {"name": "Ada", **answer}


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        pytest.param([part("picture", "1", "a"), part("picture", "2", "b")], "picture", id="two-for-one"),
        pytest.param([part("picture", "a.png")], "picture", id="text-for-a-file"),
        pytest.param([part("email", "a@example.com", "a")], "email", id="file-for-text"),
        pytest.param([part("amount", "1", "a")], "amount", id="file-for-a-number"),
        pytest.param([part("size", "s", "a")], "size", id="file-for-a-choice"),
        pytest.param([part("agreed", "y", "a")], "agreed", id="file-for-a-box"),
        pytest.param([part("address-street", "a", "a")], "address", id="file-in-a-form-inside"),
        pytest.param([part("lines-7", "a", "a")], "lines", id="file-in-a-list"),
    ],
)
async def test_files_and_texts_stay_apart(shop, browse, parts, field):
    fields = [part("name", "Ada"), part("kind", "a"), *parts]
    page = await post(browse, shop, "".join(fields) + f"--{BOUNDARY}--\r\n", MULTIPART)
    assert (page.status, list(page.json()["errors"])) == (422, [field])


async def test_a_password_and_a_file_are_never_written_into_the_page_again(shop, browse):
    page = await post(browse, shop, "name=Ada%22%3E&password=hunter2-never&picture=a.png&about=kept", path="/again")
    assert "hunter2-never" not in page.text
    assert "a.png" not in page.text
    assert 'value="Ada&#34;&gt;"' in page.text
    assert "kept" in page.text


@pytest.mark.parametrize(
    ("values", "field"),
    [
        pytest.param({"kind": "a"}, None, id="choice"),
        pytest.param({"kind": "c"}, "kind", id="unknown-choice"),
        pytest.param({"size": "m"}, None, id="radio"),
        pytest.param({"size": "xl"}, "size", id="unknown-radio"),
        pytest.param({"tags": ["x", "y"]}, None, id="several-choices"),
        pytest.param({"tags": ["x", "q"]}, "tags", id="one-of-several-unknown"),
        pytest.param({"tags": ["x", "y", "z"]}, "tags", id="too-many"),
        pytest.param({"name": ["Ada", "Bob"]}, "name", id="one-value-sent-twice"),
        pytest.param({"agreed": ["y", ""]}, "agreed", id="box-sent-twice"),
        pytest.param({"about": "a" * 100}, None, id="at-the-sites-length"),
        pytest.param({"about": "a" * 101}, "about", id="above-the-sites-length"),
        pytest.param({"name": "a" * 20}, None, id="at-the-stated-length"),
        pytest.param({"name": "a" * 21}, "name", id="above-the-stated-length"),
        pytest.param({"address-street": "a" * 10}, None, id="inside-at-the-length"),
        pytest.param({"address-street": "a" * 11}, "address", id="inside-above"),
        pytest.param({"lines-3": "a" * 5}, None, id="list-at-the-length"),
        pytest.param({"lines-3": "a" * 6}, "lines", id="list-above"),
        pytest.param({"lines-0": ["a", "b"]}, "lines", id="list-entry-twice"),
        pytest.param({"case_id": "a" * 37}, "case_id", id="hidden-id-too-long"),
        pytest.param({"amount": "9"}, None, id="number"),
        pytest.param({"amount": "10"}, "amount", id="number-too-large"),
        pytest.param({"amount": "1_0"}, "amount", id="number-with-underscore"),
        pytest.param({"amount": "٣"}, "amount", id="digit-of-another-script"),
        pytest.param({"amount": "9" * 5000}, "amount", id="thousands-of-digits"),
        pytest.param({"email": "ada@example.com"}, None, id="address"),
        pytest.param({"email": "ada@example"}, "email", id="address-without-a-dot"),
        pytest.param({"email": ""}, None, id="left-empty"),
        pytest.param({"slug": "a-b"}, None, id="slug"),
        pytest.param({"slug": "a--b"}, "slug", id="no-slug"),
        pytest.param({"unknown": "a"}, None, id="a-button-of-the-page"),
    ],
)
def test_a_field_takes_what_a_browser_makes_of_it(values, field):
    assert list(bind(**values).errors) == ([] if field is None else [field])


def test_what_is_too_long_never_reaches_a_validator_whole():
    seen = []

    class Watched(Form):
        name = StringField(validators=[Length(max=5), lambda form, field: seen.append(field.data)])

        def validate_name(self, field):
            seen.append(field.data)

    form = bound_form(Watched, [("name", "a" * 1000)], max_characters=100)
    assert seen == ["aaaaa"]
    assert form.errors == {"name": ["At most 5 characters."]}


def test_a_number_range_is_no_length():
    class Range(Form):
        amount = IntegerField(validators=[NumberRange(max=1)])
        about = StringField()

    assert bound_form(Range, [("amount", "0"), ("about", "four")], max_characters=4).errors == {}


def test_a_browser_learns_the_lengths_from_our_validators():
    assert 'maxlength="20"' in bind().name()
    assert 'maxlength="254"' in bind().email()


def test_a_rule_of_ones_own_and_ones_own_words():
    class Even(Form):
        amount = IntegerField(validators=[Must(lambda value: value % 2 == 0, "even", "An even number.")])
        slug = StringField(validators=[Slug(message="Letters, please.")])

    form = bound_form(Even, [("amount", "3"), ("slug", "_")], max_characters=9)
    assert form.errors == {"amount": ["An even number."], "slug": ["Letters, please."]}


def test_every_form_is_made_for_its_request():
    visitors = iter(["Ada", "Grace"])

    class Greeting(StringField):
        @property  # type: ignore[override]
        def description(self) -> str:
            return self.told

        @description.setter
        def description(self, text: str) -> None:
            self.told = next(visitors)

    class Hello(Form):
        name = Greeting()

    first, second = (bound_form(Hello, [("name", "x")], max_characters=9) for _ in range(2))
    first.name.label.text = "Changed"
    assert (first.name.description, second.name.description, second.name.label.text) == ("Ada", "Grace", "Name")


def test_a_form_of_another_make_is_bound_too():
    class Own:
        def __init__(self, formdata):
            self.names = list(formdata)
            self.errors = {}

        def validate(self):
            self.errors["checked"] = ["yes"]

    form = bound_form(Own, [("a", "1")], max_characters=9)
    assert (form.names, form.errors) == (["a"], {"checked": ["yes"]})


async def test_the_sites_limit_comes_from_the_settings(shop, browse):
    page = await post(browse, shop, "name=Ada&kind=a&about=" + "a" * 10_000)
    assert page.status == 200
    page = await post(browse, shop, "name=Ada&kind=a&about=" + "a" * 10_001)
    assert page.json()["errors"] == {"about": ["At most 10000 characters."]}
