"""The examples of the guides to accounts and to API tokens do what the guides say, as they stand there."""

import re
import uuid
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from fastness import Because, Fastness, Permissions
from fastness.auth.account_rules import AccountRules
from fastness.auth.users import User, find_user
from fastness.db.model import Model
from fastness.mail.mailers import text_of
from fastness.testing.browser import Browser
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import LINK, routes
from tests.ready_made import MAIL_IN_MEMORY
from tests.web.shop import ORIGIN, make_settings

__all__ = ["routes"]

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"
REASON = Because("the test prepares what it needs")


class CasePermissions(Permissions):
    READ = "cases.read", "May read cases."


def block(guide, start):
    found = re.search(rf"```python\n({re.escape(start)}.*?)```", (GUIDES / guide).read_text(), re.DOTALL)
    assert found is not None, start
    return found.group(1)


@pytest.fixture
def settings(tmp_path, migrated):
    return make_settings(
        store_url=f"sqlite:///{tmp_path}/store.sqlite3",
        database_url=f"sqlite:///{tmp_path}/data.sqlite3",
        accounts=AccountRules(sign_up=True),
        mail=MAIL_IN_MEMORY,
    )


@pytest.fixture
async def opened(settings):
    """Opens the app that the guide's text makes, and a browser on it."""
    apps = []

    async def run(text, names):
        exec(text, names)  # noqa: S102 - the guide's own text
        app = names["app"]
        await app.open()
        apps.append(app)
        return app, Browser(app, origin=ORIGIN)

    yield run
    for app in apps:
        await app.close()


async def make_user(app):
    async with app.services.open_unit(is_read_only=False) as unit:
        return await app.services.accounts.create_user(unit.session, username="ada", password=PASSWORD)


async def test_fields_of_your_own(settings, routes, opened):
    names = {"settings": settings, "routes": routes}
    # Its own name for the table: other examples have members, too.
    text = block("account-flows.md", "import uuid").replace('"members"', '"guide_members"')
    app, browser = await opened(text, names)
    member = names["Member"]
    async with app.services.database.write.begin() as connection:
        await connection.run_sync(member.__table__.create)
    await browser.open("/account/sign-up")
    await browser.submit(email="grace@mail.example")
    await app.services.postman.deliver_due()
    await browser.open(LINK.search(text_of(app.services.mailer.sent[0]))[1])
    page = await browser.submit(username="grace", password=PASSWORD, team="green")
    assert page.status == 422
    page = await browser.submit(username="grace", password=PASSWORD, team="blue")
    assert page.url.endswith("/account/signed-up")
    async with app.services.open_unit(is_read_only=True) as unit:
        [(user, found)] = await unit.session.execute(select(User, member).join(member, member.user_id == User.id))
        assert (user.username, found.team) == ("grace", "blue")


async def test_what_the_app_adds_to_the_download(settings, routes, opened):
    class GuideCase(Model):
        __tablename__ = "guide_cases"

        id: Mapped[int] = mapped_column(primary_key=True)
        owner_id: Mapped[uuid.UUID]
        title: Mapped[str]
        opened_at: Mapped[datetime]

    names = {"Fastness": Fastness, "settings": settings, "routes": routes, "Case": GuideCase, "select": select}
    text = block("account-flows.md", "async def export_cases")
    app, browser = await opened(text, names)
    user = await make_user(app)
    async with app.services.database.write.begin() as connection:
        await connection.run_sync(GuideCase.__table__.create)
    async with app.services.open_unit(is_read_only=False) as unit:
        for owner in (user.id, uuid.uuid4()):
            unit.session.add(GuideCase(owner_id=owner, title="Damp flat", opened_at=user.created_at))
    await browser.sign_in("ada", PASSWORD)
    page = await browser.fetch("/account/data/export")
    assert page.json()["cases"] == [{"title": "Damp flat", "opened": user.created_at.isoformat()}]


async def test_a_route_that_takes_tokens(settings, opened):
    text = block("api-tokens.md", "from fastness import JSONResponse, Routes, access")
    names = {"Fastness": Fastness, "settings": settings, "CasePermissions": CasePermissions}
    app, browser = await opened(text + "\napp = Fastness(settings, routes=[api], permissions=[CasePermissions])", names)
    await make_user(app)
    services = app.services
    async with services.open_unit(is_read_only=False) as unit:
        user = await find_user(unit.session, "ada")
        await services.roles.grant_permission(unit.session, "cases.read", to=user, by=REASON)
        _, secret = await services.tokens.create(unit.session, user, name="nightly", permissions=["cases.read"], days=1)
    headers = {"authorization": f"Bearer {secret.reveal()}"}
    assert (await browser.raw("GET", "/api/cases", headers=headers)).json() == {"for": "ada"}
    assert (await browser.raw("GET", "/account/security", headers=headers)).status == 403
    assert (await browser.raw("GET", "/api/cases", headers={"authorization": "Bearer wrong"})).status == 401
