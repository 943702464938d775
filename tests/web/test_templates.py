"""Templates of an app: compiled before the first request in production, and what a blocked value leaves in the log."""

import pytest

from fastness import Routes, access, render
from fastness.html.environment import TemplateRules
from fastness.html.errors import TemplateRefusedError
from fastness.kernel.because import Because
from fastness.kernel.hosts import HostRules
from fastness.settings.profiles import Profile
from tests.web.shop import Shop

DEVELOPMENT = {
    "profile": Profile.DEVELOPMENT,
    "hosts": HostRules(allowed=("localhost",)),
    "is_https_required": False,
}
REFUSED = "<p>\n<a title={{ x }}></a>"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "templates"
    made.mkdir()
    return made


async def lifespan(app):
    """What a server is told when it starts the app."""
    told = []

    async def receive():
        return {"type": "lifespan.startup" if not told else "lifespan.shutdown"}

    async def send(message):
        told.append(message)

    await app({"type": "lifespan"}, receive, send)
    return told[0]


async def test_a_refused_template_refuses_the_start_with_its_message(tmp_path, folder, clock):
    (folder / "a.html").write_text(REFUSED)
    shop = Shop(tmp_path, (), clock=clock, templates=folder)
    message = await lifespan(shop.app)
    assert message["type"] == "lifespan.startup.failed"
    assert message["message"].startswith("a.html, line 2: ")
    assert 'name="{{ value }}"' in message["message"]
    assert shop.names() == []


async def test_a_server_without_lifespan_gets_no_answer_either(tmp_path, folder, clock):
    (folder / "a.html").write_text(REFUSED)
    shop = Shop(tmp_path, (), clock=clock, templates=folder)
    with pytest.raises(TemplateRefusedError):
        await shop.app({"type": "http"}, None, None)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        pytest.param("<p>\n<a title='{{ x }}'></a>", {}, id="sound"),
        pytest.param(REFUSED, {"settings": DEVELOPMENT}, id="development"),
        pytest.param(
            REFUSED,
            {
                "template_rules": TemplateRules(
                    insecure_migration={"a.html": Because("moves to the new layout in spring")}
                )
            },
            id="migrating",
        ),
    ],
)
async def test_neighbours_start(tmp_path, folder, clock, text, options):
    (folder / "a.html").write_text(text)
    message = await lifespan(Shop(tmp_path, (), clock=clock, templates=folder, **options).app)
    assert message == {"type": "lifespan.startup.complete"}


async def test_a_page_of_the_framework_that_is_replaced_is_compiled_with_those_that_extend_it(tmp_path, folder, clock):
    (folder / "accounts").mkdir()
    # The block that the framework's pages fill stands inside an attribute now.
    (folder / "accounts" / "layout.html").write_text('<a href="{% block content %}{% endblock %}">x</a>')
    message = await lifespan(Shop(tmp_path, (), clock=clock, templates=folder).app)
    assert message["type"] == "lifespan.startup.failed"


async def test_a_blocked_value_is_an_event_of_its_request(make_shop, browse, folder):
    routes = Routes()
    (folder / "a.html").write_text('<p>\n<a href="{{ link }}">x</a>')

    @routes.get("/", access=access.public)
    async def page(request):
        return render(request, "a.html", link="javascript:alert(1)")

    shop = await make_shop(routes, templates=folder)
    async with browse(shop) as browser:
        assert 'href="about:invalid#fastness-blocked"' in (await browser.open("/")).text
    (event,) = [each for each in shop.events.events if each.reason == "blocked_value"]
    assert dict(event.detail) == {"template": "a.html", "line": "2", "place": "url"}
    assert (event.method, event.route, bool(event.request_id), bool(event.client_ip)) == ("GET", "page", True, True)
    assert "alert" not in repr(event)
