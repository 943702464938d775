"""Messages of templates and their translations, which are escaped like the template itself."""

import jinja2
import pytest

from fastness.html.environment import TemplateEnvironment
from fastness.html.errors import TemplateSourceError
from fastness.html.translating import Messages, is_faithful
from scripts.catalogues import mo_bytes

PAGE = '<p title="{% trans %}Hello{% endtrans %}">{% trans %}Hello <b>{{ name }}</b>,\n  be welcome.{% endtrans %}</p>'
MESSAGE = "Hello <b>{{ name }}</b>, be welcome."


@pytest.fixture
def render(tmp_path):
    def render(**translations):
        folder = tmp_path / "locale" / "de" / "LC_MESSAGES"
        folder.mkdir(parents=True)
        messages = {(key, ""): (text,) for key, text in translations.pop("messages", {}).items()}
        (folder / "messages.mo").write_bytes(mo_bytes(messages, "de"))
        environment = TemplateEnvironment(
            loader=jinja2.DictLoader({"page.html": PAGE}), messages=Messages("de", [tmp_path / "locale"])
        )
        return environment.get_template("page.html").render(name="<Ada>")

    return render


def test_a_translation_is_escaped_in_its_place(render):
    shown = render(messages={"Hello": "Gr\u00fc\u00df & Gott", MESSAGE: "Willkommen, <b>{{ name }}</b>."})
    assert shown == '<p title="Gr\u00fc\u00df & Gott">Willkommen, <b>&lt;Ada&gt;</b>.</p>'


def test_without_a_translation_there_is_the_message(render):
    assert render() == '<p title="Hello">Hello <b>&lt;Ada&gt;</b>, be welcome.</p>'


@pytest.mark.parametrize(
    "translation",
    [
        pytest.param("Hallo {{ name }}", id="a-tag-less"),
        pytest.param("Hallo <b>{{ name }}</b><script>alert(1)</script>", id="a-script"),
        pytest.param("Hallo <b>{{ name }}</b>{{ request.site.keyring }}", id="another-output"),
        pytest.param("Hallo <b>{{ name.__class__ }}</b>", id="another-expression"),
        pytest.param("Hallo <b>{{ name }}</b>{% include 'secret' %}", id="a-statement"),
        pytest.param('Hallo <b onclick="x">{{ name }}</b>', id="an-attribute"),
        pytest.param('Hallo <b>{{ name }}</b>" onclick="alert(1)', id="quotes"),
        pytest.param("Hallo <b>{{ name }}</b> <img src=x", id="half-a-tag"),
        pytest.param("Hallo <b>{{ name }}</b> {{", id="half-an-output"),
    ],
)
def test_a_translation_that_does_more_than_its_message_is_refused(render, translation):
    assert not is_faithful(MESSAGE, translation)
    with pytest.raises(TemplateSourceError):
        render(messages={MESSAGE: translation})


def test_another_order_is_none_of_that():
    assert is_faithful("{{ a }} of <b>{{ b }}</b>", "<b>{{ b }}</b>: {{ a }}")
    assert is_faithful("{count} of {most}", "von {most}: {count}")
    assert not is_faithful("{count} of {most}", "{count} von {alle}")
