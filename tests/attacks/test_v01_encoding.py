"""V1, encoding: what a visitor writes stays what it is, in a header, in a page, in a path, in the database."""

import json
from urllib.parse import urlencode

import pytest

from tests.attacks.wire import request

PAYLOAD = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'`{{7*7}}${7*7}"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param("/paths/%252e%252e%252fetc", "%2e%2e%2fetc", id="dots-and-slash"),
        pytest.param("/paths/%2525", "%25", id="percent"),
        pytest.param("/paths/%253cscript", "%3cscript", id="markup"),
        pytest.param("/encoded/a%2fb", "a/b", id="slash-where-the-route-takes-it"),
    ],
)
def test_v1_1_1_a_path_is_decoded_once(any_site, path, name):
    with any_site.records_nothing():
        answer = any_site.send(request(f"GET {path}"))
    assert answer.status == 200
    assert json.loads(answer.body) == name


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("/named-file?name=a%0d%0aSet-Cookie:planted=1", "header_value", id="cr-lf"),
        pytest.param("/named-file?name=a%0aSet-Cookie:planted=1", "header_value", id="lf"),
        pytest.param("/named-file?name=a%0dSet-Cookie:planted=1", "header_value", id="cr"),
        pytest.param("/named-file?name=a%00planted=1", "header_value", id="nul"),
        pytest.param("/named-file?name=a%0d%0a%20planted", "header_value", id="folded"),
        # Cut to one byte, U+010D U+010A would become CR LF.
        pytest.param("/named-file?name=a%c4%8d%c4%8aSet-Cookie:planted=1", "header_value", id="cut-to-cr-lf"),
        pytest.param("/foreign-header?value=a%0d%0aSet-Cookie:planted=1", "split_header", id="mounted-app-cr-lf"),
        pytest.param("/foreign-header?value=a%0aSet-Cookie:planted=1", "split_header", id="mounted-app-lf"),
        pytest.param("/foreign-header?value=a%00planted=1", "split_header", id="mounted-app-nul"),
    ],
)
def test_v1_2_1_a_line_break_never_reaches_a_response_header(any_site, path, reason):
    with any_site.records("input_validation_fail", reason):
        answer = any_site.send(request(f"GET {path}"))
    assert answer.status == 500
    assert answer.header("set-cookie") is None
    assert b"planted" not in answer.body


async def test_v1_2_1_markup_is_shown_as_text(any_site):
    async with any_site.browser() as browser:
        page = await browser.open("/?" + urlencode({"shown": PAYLOAD}))
    assert page.status == 200
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert 'title="&lt;script&gt;' in page.text
    assert "{{7*7}}" in page.text


async def test_v1_2_4_v1_1_2_a_value_reaches_the_database_as_it_was_sent(site):
    hostile = "'); DROP TABLE attack_notes; --"
    async with site.browser() as browser:
        before = (await browser.fetch("/notes/count")).json()
        await browser.open("/")
        assert (await browser.submit("/notes", text=hostile)).status == 200
        assert (await browser.fetch("/notes/count")).json() == before + 1
