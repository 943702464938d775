"""Which template is found by a name: the app's before ours, and ours by the name that nobody takes from it."""

from pathlib import Path

import jinja2
import pytest

import fastness
from fastness.html.environment import TemplateEnvironment
from fastness.html.errors import BrokenTemplateError
from fastness.html.plaintext import PlainTextTemplates
from fastness.html.values import TrustedURL

OURS = Path(fastness.__file__).parent / "accounts" / "templates"
MAILS = Path(fastness.__file__).parent / "mail" / "templates"
NAME = "accounts/layout.html"


@pytest.fixture
def templates(tmp_path):
    def make(text, name=NAME):
        file = tmp_path / "templates" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return [tmp_path / "templates", OURS, MAILS]

    return make


def found(folders, name=NAME):
    environment = TemplateEnvironment(folders)
    return environment.loader.get_source(environment, name)[0]


def test_the_apps_template_takes_the_place_of_ours(templates):
    folders = templates("mine")
    assert found(folders) == "mine"
    assert found(folders, f"fastness/{NAME}") == (OURS / NAME).read_text()


def test_a_name_that_is_none_of_ours_is_the_apps(templates):
    folders = templates("mine", "fastness/other.html")
    assert found(folders, "fastness/other.html") == "mine"
    with pytest.raises(jinja2.TemplateNotFound):
        found(folders, "fastness/nothing.html")


def test_no_name_is_listed_twice(templates):
    names = TemplateEnvironment(templates("mine")).loader.list_templates()
    assert NAME in names
    assert not [name for name in names if name.startswith("fastness/")]


def test_a_template_extends_the_one_whose_place_it_takes(templates):
    page = '{% extends "fastness/accounts/sign_up_form.html" %}{% block fields %}<input name="team">{% endblock %}'
    templates("<main>{% block content %}{% endblock %}</main>")
    text = (
        TemplateEnvironment(templates(page, "accounts/sign_up_form.html"))
        .get_template("accounts/sign_up_form.html")
        .render(
            action="/x",
            email="a@b.example",
            asks_username=True,
            fields={"username": "", "display_name": ""},
            problems={},
            max_length=9,
            min_length=9,
            static=lambda name: TrustedURL(f"/{name}"),
        )
    )
    assert text.startswith("<main>")
    assert text.index('name="display_name"') < text.index('name="team"') < text.index('name="password"')


def test_a_mail_extends_ours(templates):
    folders = templates('{% extends "fastness/mail/footer.txt" %}', "mail/footer.txt")
    assert "{%" not in PlainTextTemplates(folders).render("mail/footer.txt", {"site": "x"})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param(NAME, '{% extends "fastness/accounts/layout.html" %}.', id="ours"),
        pytest.param("page.html", "it extends itself.", id="the-apps-own"),
    ],
)
def test_a_template_that_extends_itself_is_told_the_name(templates, name, said):
    folders = templates(f'{{% extends "{name}" %}}', name)
    with pytest.raises(BrokenTemplateError) as refused:
        TemplateEnvironment(folders).get_template(name)
    assert refused.value.problem.endswith(said)
