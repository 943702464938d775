"""What a browser would send of a form in which nobody fills anything in, and what can be filled in."""

import pytest

from fastness.html.forms import forms_in


@pytest.mark.parametrize(
    ("controls", "sent"),
    [
        pytest.param('<input name="a" value="1"><input name="b">', [("a", "1"), ("b", "")], id="texts"),
        pytest.param('<input name="a" value="1" disabled>', [], id="disabled"),
        pytest.param(
            '<input type="checkbox" name="a"><input type="checkbox" name="b" checked>', [("b", "on")], id="ticks"
        ),
        pytest.param('<button name="a" value="1">Save</button><input type="submit" name="b">', [], id="buttons"),
        pytest.param("<textarea name=a>\n\none</textarea>", [("a", "\none")], id="area"),
        pytest.param(
            "<select name=a><option value=1>One</option><option value=2 selected>Two</option></select>",
            [("a", "2")],
            id="chosen",
        ),
        pytest.param(
            "<select name=a><option value=1>One</option><option value=2>Two</option></select>",
            [("a", "1")],
            id="the-first-where-none-is-chosen",
        ),
        pytest.param(
            "<select name=a><option disabled value=0>None<option value=1>One</select>",
            [("a", "1")],
            id="the-first-that-can-be-chosen",
        ),
        pytest.param(
            "<select name=a><option>One\n  half</option><option selected>Two &amp; more</option></select>",
            [("a", "Two & more")],
            id="a-text-where-there-is-no-value",
        ),
        pytest.param("<select name=a><option value=''>none</option></select>", [("a", "")], id="an-empty-value"),
        pytest.param("<select name=a></select>", [], id="no-options"),
        pytest.param("<select name=a multiple><option>One</option></select>", [], id="of-several-none"),
        pytest.param(
            "<select name=a multiple><option selected>One</option><option selected>Two</option></select>",
            [("a", "One"), ("a", "Two")],
            id="several",
        ),
    ],
)
def test_what_is_sent(controls, sent):
    (form,) = forms_in(f"<form method=post action=/x>{controls}</form>")
    assert (form.action, form.method, form.fields) == ("/x", "POST", sent)


def test_what_can_be_filled_in():
    page = "<input name=outside><form><input type=radio name=a><select name=b multiple></select><textarea name=c></textarea>"
    (form,) = forms_in(f"{page}<button name=d></button><input name=e disabled></form>")
    assert form.names == {"a", "b", "c"}
