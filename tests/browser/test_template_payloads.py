"""Chromium judges the escaper alone: no Content-Security-Policy, every payload in every place, loaded, hovered and clicked.

The payloads call `alert`, which is replaced by a function that notes the call. Plain autoescape runs beside it, to show that the
payloads are live. ASVS 5.0: V1.2.1, V1.2.2, V1.2.3.
"""

import pytest

from fastness.html.errors import TemplateRefusedError, ValueRefusedError
from fastness.testing.chromium import chromium
from tests.html import oracle

PAYLOADS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "\x01java\nscript:alert(1)",
    "&#106;avascript&colon;alert(1)",
    "<script>alert(1)</script>",
    "</textarea ><img src=x onerror=alert(1)>",
    "</title></style></script ><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    '" autofocus tabindex=1 onfocus="alert(1)" onclick="alert(1)',
    "' autofocus tabindex=1 onfocus='alert(1)' onclick='alert(1)",
    " onclick=alert(1) onmouseover=alert(1) ",
    '";alert(1);"',
    "';alert(1);'",
    "alert(1)",
    '\\";alert(1);//',
    "*/alert(1)/*",
    "${alert(1)}",
    "--><script>alert(1)</script>",
    "\u2028alert(1)//",
    "data:text/html,<script>parent.alert(1)</script>",
    "red;background:url(javascript:alert(1))",
)
CONSTRUCTS = ("plain", "include inside")
PREPARE = """
window.called = 0; window.alert = () => { window.called += 1; }; window.f = () => {};
document.addEventListener("click", (event) => {
  // The page must stay; what the browser itself takes for a javascript: address is let through.
  const element = event.target.closest("a, button, input");
  const address = element ? String(element.href?.baseVal ?? element.href ?? element.formAction ?? "") : "";
  if (!address || new URL(address, "http://page.example/").protocol !== "javascript:") event.preventDefault();
}, true);
"""
POKE = """() => {
  for (const element of document.querySelectorAll("body *")) {
    for (const type of ["mouseover", "focus", "click"]) {
      element.dispatchEvent(new MouseEvent(type, {bubbles: true, cancelable: true}));
    }
  }
  // A javascript: address runs in a later task.
  const wait = document.body.outerHTML.toLowerCase().includes("script:") ? 30 : 4;
  return new Promise((done) => setTimeout(() => done(window.called), wait));
}"""


def pages(make):
    """Name, page and payload of every place and construct; what is refused runs nothing."""
    for place in oracle.PLACES:
        for construct in CONSTRUCTS:
            environment = make(oracle.folder(place, construct))
            for payload in PAYLOADS:
                try:
                    yield f"{place} - {construct} - {payload!r}", oracle.render(environment, payload)
                except (TemplateRefusedError, ValueRefusedError, TypeError):
                    continue


def executed(page, rows):
    """The names of the pages in which something of the value's ran. Places that make the same page are looked at once."""
    found = []
    for text, name in {text: name for name, text in rows}.items():
        page.set_content(text.replace("<head>", f"<head><script>{PREPARE}</script>", 1), wait_until="load")
        if page.evaluate(POKE):
            found.append(name)
    return found


@pytest.fixture(scope="module")
def page():
    with chromium() as context:
        opened = context.new_page()
        opened.set_default_timeout(5000)
        yield opened


@pytest.mark.timeout(600)
def test_nothing_of_a_value_runs(page):
    rows = list(pages(oracle.contextual))
    assert len(rows) >= 600
    assert executed(page, rows) == []


def test_the_payloads_are_live(page):
    rows = [
        row
        for row in pages(oracle.plain)
        if row[0].startswith(("href -", "script value -", "script string -", "text -"))
    ]
    found = executed(page, rows)
    assert any(name.startswith("href") for name in found)
    assert any(name.startswith("script value") for name in found)


def test_values_of_scripts_arrive_whole(page):
    values = [
        "</script><!--",
        "\u2028\u2029",
        "\\\"'`${}",
        "é漢😀",
        [1, -0.5, None, True, {"</script>": "<!--"}],
        2**53 - 1,
        "\x00\x7f",
    ]
    environment = oracle.contextual(
        {"main": '<!doctype html><script>window.got = {{ x }};</script><script>window.text = "{{ x }}";</script>'}
    )
    for value in values:
        page.set_content(oracle.render(environment, value))
        assert page.evaluate("window.got") == value
        if isinstance(value, str):
            assert page.evaluate("window.text") == value
