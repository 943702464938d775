from gettext import NullTranslations

import pytest

from fastness.kernel.texts import Text, translated


class Upside(NullTranslations):
    """Another language."""

    def gettext(self, message):
        return {"Try {time}.": "{time}: versuchen.", "Good.": "Gut."}.get(message, message)

    def ngettext(self, one, many, count):
        return "{count} Stunde" if count == 1 else "{count} Stunden"


HOURS = Text("{count} hour", "{count} hours", count=2)


@pytest.mark.parametrize(
    ("text", "english", "other"),
    [
        pytest.param(Text("Good."), "Good.", "Gut.", id="plain"),
        pytest.param(HOURS, "2 hours", "2 Stunden", id="many"),
        pytest.param(Text("{count} hour", "{count} hours", count=1), "1 hour", "1 Stunde", id="one"),
        pytest.param(Text("Try {time}.", time=HOURS), "Try 2 hours.", "2 Stunden: versuchen.", id="text-in-text"),
        pytest.param(Text("Try {time}.", time="{x}"), "Try {x}.", "{x}: versuchen.", id="a-value-is-no-message"),
        pytest.param(Text("{literal}"), "{literal}", "{literal}", id="braces-without-values"),
    ],
)
def test_a_text(text, english, other):
    assert text == english
    assert translated(text, Upside()) == other


def test_only_texts_are_translated_wherever_they_are():
    values = {"typed": "Good.", "said": [("name", Text("Good."))], "number": 7}
    assert translated(values, Upside()) == {"typed": "Good.", "said": [("name", "Gut.")], "number": 7}
