"""The examples of the guide, put together in their order, are an app that does what the guide says."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "input.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
JSON = {"content-type": "application/json", "sec-fetch-site": "same-origin"}
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


TICKET = {"id": "00000000-0000-0000-0000-000000000007", "title": "Lost key", "note": None, "has_note": False}


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    file = tmp_path_factory.mktemp("guide") / "guide_of_input.py"
    file.write_text("\n\n".join(BLOCK.findall(GUIDE.read_text(encoding="utf-8"))), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # annotations are looked up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[file.stem]


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status", "answer"),
    [
        pytest.param(
            "POST",
            "/tickets",
            JSON,
            b'{"title":"a","lines":[{"what":"key","price":"12.50"}]}',
            200,
            {"title": "a", "total": "12.50"},
            id="json",
        ),
        pytest.param("GET", "/tickets?page=2&tag=a&tag=b", {}, b"", 200, [2, ["a", "b"]], id="query"),
        pytest.param("GET", "/tickets/lost-key", {}, b"", 200, "lost-key", id="path"),
        pytest.param("POST", "/spans", FORM, b"first=2&last=5", 200, 3, id="form"),
        pytest.param("POST", "/form", FORM, b"title=a", 200, {"title": "a"}, id="form-class"),
        pytest.param(
            "GET",
            "/example",
            {},
            b"",
            200,
            {"ticket": TICKET, "tickets": [TICKET]},
            id="output",
        ),
    ],
)
async def test_an_example_answers(guide, make_shop, browse, method, path, headers, content, status, answer):
    shop = await make_shop(guide.routes)
    async with browse(shop) as browser:
        page = await browser.raw(method, path, content=content, headers=headers)
    assert (page.status, page.json()) == (status, answer)


@pytest.mark.parametrize(
    ("path", "headers", "content", "rules"),
    [
        pytest.param(
            "/tickets",
            JSON,
            b'{"lines":[{"what":"key","price":12.5}],"owner":1}',
            ["title:required", "lines[0].price:type", ":unknown_field"],
            id="as-in-the-guide",
        ),
        pytest.param("/spans", FORM, b"first=5&last=2", ["last:before_first"], id="between-fields"),
    ],
)
async def test_an_example_refuses(guide, make_shop, browse, path, headers, content, rules):
    shop = await make_shop(guide.routes)
    async with browse(shop) as browser:
        page = await browser.raw("POST", path, content=content, headers=headers)
    assert page.status == 422
    assert [f"{one['field']}:{one['rule']}" for one in page.json()["errors"]] == rules


@pytest.mark.parametrize(("chosen", "is_offered"), [("theirs", False), ("", False), ("own", True)])
async def test_a_choice_among_rows(guide, make_shop, migrated, browse, chosen, is_offered):
    shop = await make_shop(guide.routes)
    services = shop.app.services
    async with services.database.write.begin() as connection:
        await connection.run_sync(guide.Ticket.__table__.create)
    ticket = guide.Ticket(title="Lost key", pickup_hash="$argon2id$")
    async with services.open_unit(is_read_only=False) as unit:
        unit.session.add(ticket)
    value = str(ticket.id) if chosen == "own" else chosen
    async with browse(shop) as browser:
        page = await browser.fetch("/assign", "POST", content=f"ticket={value}".encode(), headers=FORM)
    assert page.json() == (value if is_offered else {"ticket": ["Not a valid choice."]})
