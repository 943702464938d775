"""Which form of a page a test sends, and where it goes."""

import pytest

from fastness.testing.browser import Browser, BrowserError

LAYOUT = '<form method="post" action="/account/sign-out"><button>Sign out</button></form>'
PAGE = f"""{LAYOUT}
<form><input type="search" name="q" value="old"></form>
<form method="post"><input type="checkbox" name="done"><textarea name="text"></textarea></form>
"""


async def echo(scope, receive, send):
    """Shows the page to whoever asks for it, and what was asked for to whoever sends it."""
    body = (await receive()).get("body", b"")
    told = f"{scope['method']} {scope['path']}?{scope['query_string'].decode()} {body.decode()}"
    text = PAGE if told.startswith(("GET /loans?sort", "GET /loans? ")) else told
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": text.encode()})


@pytest.fixture
async def browser():
    async with Browser(echo) as browser:
        await browser.open("/loans?sort=title")
        yield browser


@pytest.mark.parametrize(
    ("form", "values", "asked"),
    [
        pytest.param(None, {"text": "Hello"}, "POST /loans?sort=title text=Hello", id="the-one-with-the-field"),
        pytest.param(
            None, {"done": "on", "text": ""}, "POST /loans?sort=title text=&done=on", id="a-field-that-has-no-value-yet"
        ),
        pytest.param("/loans", {"text": "Hello"}, "POST /loans?sort=title text=Hello", id="the-pages-own-path"),
        pytest.param("sign-out", {}, "POST /account/sign-out? ", id="the-end-of-an-action"),
        pytest.param(None, {"q": "new"}, "GET /loans?q=new ", id="fields-in-place-of-the-query"),
    ],
)
async def test_the_form_that_is_meant(browser, form, values, asked):
    assert (await browser.submit(form, **values)).text == asked


@pytest.mark.parametrize(
    ("form", "values"),
    [
        pytest.param(None, {}, id="several"),
        pytest.param("/loans", {}, id="several-of-the-pages-own-path"),
        pytest.param(None, {"txet": "Hello"}, id="a-field-that-none-has"),
        pytest.param("elsewhere", {}, id="an-action-that-none-has"),
    ],
)
async def test_a_form_that_is_not_clear(browser, form, values):
    with pytest.raises(BrowserError, match=r"/account/sign-out \(\); /loans \(q\); /loans \(done, text\)"):
        await browser.submit(form, **values)
