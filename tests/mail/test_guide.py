"""The example of the guide, as it stands there: what a visitor notices of a mail, and what arrives."""

import asyncio
import re
from pathlib import Path

import pytest

from fastness import Settings
from fastness.db.migrations import upgrade
from fastness.mail.mailers import text_of
from fastness.mail.rules import MailBackend, MailRules
from tests.web.shop import make_settings
from tests.web.wire import ask

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "mail.md").read_text(encoding="utf-8")
HEADERS = [(b"content-type", b"application/json"), (b"sec-fetch-site", b"same-origin")]
POSTED = {"method": "POST", "path": "/ship", "headers": HEADERS}


def block(kind, start):
    found = re.search(rf"```{kind}\n({re.escape(start)}.*?)```", GUIDE, re.DOTALL)
    assert found is not None, start
    return found.group(1)


@pytest.fixture
async def app(tmp_path, monkeypatch, request):
    url = f"sqlite:///{tmp_path}/data.sqlite3"
    await asyncio.to_thread(upgrade, url, None)
    rules = getattr(request, "param", MailRules(backend=MailBackend.MEMORY, sender="noreply@shop.example"))
    settings = make_settings(store_url=f"sqlite:///{tmp_path}/store.sqlite3", database_url=url, mail=rules)
    monkeypatch.setattr(Settings, "load", lambda: settings)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "templates" / "mail").mkdir(parents=True)
    (tmp_path / "templates" / "mail" / "shipped.txt").write_text(block("text", "Subject:"))
    names = {}
    exec(block("python", "from pathlib"), names)  # noqa: S102 - the guide's own text
    app = names["app"]
    await app.open()
    yield app
    await app.close()


async def test_the_example(app):
    assert await ask(app, **POSTED) == (200, b'{"shipped":7}')
    assert app.services.mailer.sent == []
    await app.services.postman.deliver_due()
    (message,) = app.services.mailer.sent
    assert (message["To"], message["Subject"]) == ("ada@example.com", "Your order 7 is on its way")
    assert "https://shop.example/orders/7" in text_of(message)


@pytest.mark.sockets
@pytest.mark.parametrize(
    "app",
    [pytest.param(MailRules(backend=MailBackend.SMTP, host="localhost", port=9, sender="a@shop.example"), id="down")],
    indirect=True,
)
async def test_the_visitor_notices_nothing_of_a_server_that_is_down(app):
    assert await ask(app, **POSTED) == (200, b'{"shipped":7}')
    assert await app.services.postman.deliver_due() == 0
    assert await ask(app, **POSTED) == (200, b'{"shipped":7}')


async def test_in_development_mail_goes_to_the_terminal_by_itself(tmp_path, monkeypatch, capsys):
    from fastness import Fastness
    from fastness.kernel.hosts import HostRules
    from fastness.mail.notices import Notice, notice
    from fastness.settings.profiles import Profile

    url = f"sqlite:///{tmp_path}/data.sqlite3"
    await asyncio.to_thread(upgrade, url, None)
    settings = Settings.load(
        environ={},
        folder=tmp_path,
        profile=Profile.DEVELOPMENT,
        secret_key=make_settings().secret_key,
        hosts=HostRules(allowed=("shop.example",)),
        store_url="memory:",
        database_url=url,
    )
    app = Fastness(settings)
    await app.open()
    services = app.services
    told = notice(Notice.DEACTIVATED, to="ada@example.com", site="shop", at=services.clock.now(), username="ada")
    async with services.open_unit(is_read_only=False) as unit:
        await services.outbox.add(unit.session, told)
    said = ""
    while "mail| To: ada@example.com" not in said:  # the test's own time limit ends a wait in vain
        await asyncio.sleep(0.02)
        said += capsys.readouterr().err
    await app.close()
