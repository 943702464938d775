"""A process full of people who sign up, sign in and forget their passwords, one after the other; its tests kill it at any moment.

Started with `multiprocessing`; tells over its pipe what was answered, and so acknowledged. Mail goes into files,
so that whichever process sends it, its reader finds it.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from zlib import crc32

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fastness import Fastness, JSONResponse, Routes, access
from fastness.auditlog.rules import AuditRules
from fastness.auth.account_rules import AccountRules
from fastness.db.model import Model
from fastness.mail.mailers import text_of
from fastness.services.services import import_late
from fastness.testing.browser import Browser
from tests.accounts.flows import LINK
from tests.ready_made import MAIL_IN_MEMORY
from tests.web.shop import ORIGIN, make_settings

FIRST = "the first of two phrases"
SECOND = "an entirely different one"
PATIENCE = 40

# A process is forked from one that has loaded this file, and shall not spend its short life with loading more.
import_late()


class KilledMember(Model):
    """What the app adds to each account."""

    __tablename__ = "killed_members"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id", ondelete="CASCADE"), primary_key=True)
    team: Mapped[str] = mapped_column(String(20))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the processes of one test meet."""

    database_url: str
    audit_url: str
    folder: Path


class FileMailer:
    """Puts the text of each message into a file that is there as a whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message) -> None:
        path = self._folder / str(message["To"])
        draft = path.with_suffix(f".{uuid.uuid4().hex}")
        draft.write_text(text_of(message))
        draft.rename(path.with_suffix(f".{uuid.uuid4().hex}.mail"))


def mails_to(place: Place, name: str) -> list[str]:
    """The texts that somebody was sent."""
    return [path.read_text() for path in place.folder.glob(f"{name}@mail.*.mail")]


def make_app(place: Place) -> Fastness:
    """The app that all processes of the test run."""
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        user = request.user_or_none
        return JSONResponse(user and user.username)

    async def add_member(db, user, fields):
        db.add(KilledMember(user_id=user.id, team=fields.get("team", "red")))

    settings = make_settings(
        database_url=place.database_url,
        store_url=f"sqlite:///{place.folder}/store.sqlite3",
        audit=AuditRules(url=place.audit_url),
        accounts=AccountRules(sign_up=True),
        mail=MAIL_IN_MEMORY,
    )
    app = Fastness(settings, routes=[routes], on_sign_up=add_member)
    app.services.mailer = FileMailer(place.folder)
    return app


def live(place: Place, name: str, pipe: Connection) -> None:
    """The body of the process: people without end."""
    asyncio.run(_live(place, name, pipe.send))


async def _live(place: Place, name: str, tell: Callable[[tuple[str, ...]], None]) -> None:
    app = make_app(place)
    await app.open()
    tell(("ready",))
    number = 0
    while True:
        number += 1
        who = f"{name}n{number}"
        async with Browser(app, origin=ORIGIN, client_ip=address_of(who)) as browser:
            if await _sign_up(app, browser, place, who):
                tell(("signed_up", who))
                await browser.sign_in(who, FIRST)
                tell(("signed_in", who, browser.cookies["__Host-session"].value))
                if await _reset(app, place, who):
                    tell(("reset", who))


def address_of(who: str) -> str:
    """Where somebody is: everybody at an address of their own, or they would be too many."""
    return f"2001:db8:{crc32(who.encode()) >> 16:x}:{crc32(who.encode()) & 0xFFFF:x}::1"


async def _sign_up(app: Fastness, browser: Browser, place: Place, who: str) -> bool:
    await browser.open("/account/sign-up")
    await browser.submit(email=f"{who}@mail.example")
    link = await _link(app, place, who, "/account/sign-up/")
    if link is None:
        return False
    await browser.open(link)
    page = await browser.submit(username=who, password=FIRST, team="blue")
    return page.url.endswith("/account/signed-up")


async def _reset(app: Fastness, place: Place, who: str) -> bool:
    async with Browser(app, origin=ORIGIN, client_ip=address_of(who)) as browser:
        await browser.open("/account/reset")
        await browser.submit(email=f"{who}@mail.example")
        link = await _link(app, place, who, "/account/reset/")
        if link is None:
            return False
        await browser.open(link)
        page = await browser.submit(password=SECOND)
        return page.url.endswith("/account/password-set")


async def _link(app: Fastness, place: Place, who: str, path: str) -> str | None:
    """The link in a mail, once some process has sent it; None if the one that has it was killed, and its lease goes on."""
    for _ in range(PATIENCE):
        await app.services.postman.deliver_due()
        for text in mails_to(place, who):
            found = LINK.search(text)
            if found and found[1].startswith(path):
                return found[1]
        await asyncio.sleep(0.005)
    return None
