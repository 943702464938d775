"""What Chromium reads out of scripts, JSON blocks and attributes is what Python put in, on made data.

Values cross as code, as `JSON.parse` of a block, inside quotes of a script and as `dataset`. ASVS 5.0: V1.2.3.
"""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fastness.testing.chromium import chromium
from tests.html import oracle

TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=40)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
KEYS = TEXT | st.sampled_from(["__proto__", "constructor", "toString", "length", "0"])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
PAGE = """<!doctype html><meta charset=utf-8><body>
<script type="application/json" id="block">{{ x }}</script>
{% for text in texts %}<i data-text="{{ text }}"></i>{% endfor %}
<script>window.code = {{ x }}; window.texts = [{% for text in texts %}"{{ text }}",'{{ text }}',{% endfor %}];</script>
"""
READ = """() => JSON.stringify({
  code: window.code,
  block: JSON.parse(document.getElementById("block").textContent),
  texts: window.texts,
  data: Array.from(document.querySelectorAll("i"), (each) => each.dataset.text),
})"""


@pytest.fixture(scope="module")
def page():
    with chromium() as context:
        yield context.new_page()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(VALUES, min_size=5, max_size=30), st.lists(TEXT, max_size=10))
@example(
    [{"__proto__": {"__proto__": 1}}, {"</script>": "<!--"}, -0.0, 1e300, 5e-324], ["\u2028", "\\\"'`${}", "</script>"]
)
def test_values_arrive_as_they_were(page, values, texts):
    page.set_content(oracle.contextual({"main": PAGE}).get_template("main").render(x=values, texts=texts))
    # JavaScript writes a large double without its exponent.
    read = json.loads(page.evaluate(READ), parse_int=lambda text: int(text) if abs(int(text)) < 2**53 else float(text))
    assert read["code"] == values
    assert read["block"] == values
    assert read["texts"] == [text for each in texts for text in (each, each)]
    assert read["data"] == texts
