"""What the settings name is declared by being in them."""

from pathlib import Path

import pytest
from sqlalchemy import literal, select

from fastness import Because, Fastness, Secret, Settings
from fastness.auditlog.rules import AuditRules
from fastness.declaration import declaration_of
from fastness.kernel.events import MemorySink
from fastness.kernel.hosts import HostRules
from fastness.mail.rules import MailBackend, MailRules, MailSecurity
from fastness.settings.profiles import Profile
from fastness.tripwires.errors import TripwireError
from fastness.tripwires.rules import TripwireMode, TripwireRules

KEY = Secret("tests-only-Jx8vQn3kLw72mZpR5tYcB1sDfGhK9aEu")


def read_passwords():
    return Path("/etc/passwd").read_text()


def settings_with(**values):
    return Settings(**{"secret_key": KEY, "hosts": HostRules(allowed=("shop.example.com",)), **values})


def test_files_of_sqlite_and_the_mail_server_are_declared():
    mail = MailRules(backend=MailBackend.SMTP, host="smtp.example.com", sender="a@example.com")
    declared = declaration_of(
        settings_with(database_url="sqlite:///data.db", store_url="sqlite:////srv/store.db", mail=mail),
        (Path("static"),),
    )
    assert declared.folders == (Path("static"),)
    assert [str(file) for file in declared.data_files] == [
        "data.db",
        "/srv/store.db",
        "/srv/audit.sqlite3",
        "/srv/audit.sqlite3.spool",
    ]
    assert declared.servers == (("smtp.example.com", 465),)


def test_servers_and_sockets_of_postgresql_are_declared():
    declared = declaration_of(
        settings_with(
            database_url="postgresql://app:x@db.internal:5433/app",
            store_url="postgresql://app@/app?host=/run/postgresql",
            audit=AuditRules(url="off"),
        ),
        (),
    )
    assert declared.servers == (("db.internal", 5433),)
    assert declared.unix_sockets == ("/run/postgresql/.s.PGSQL.5432",)
    assert declared.data_files == ()


def test_a_mail_server_that_nothing_is_sent_to_is_not_declared():
    mail = MailRules(backend=MailBackend.NONE, host="smtp.example.com", security=MailSecurity.TLS)
    assert declaration_of(settings_with(mail=mail), ()).servers == ()


@pytest.mark.sockets
async def test_the_database_is_reached_where_everything_else_is_stopped(postgres_url):
    events = MemorySink()
    app = Fastness(
        settings_with(
            profile=Profile.DEVELOPMENT,
            database_url=postgres_url,
            store_url="memory:",
            tripwires=TripwireRules(mode=TripwireMode.BLOCK),
        ),
        events=events,
    )
    await app.open()
    app.arm()
    try:
        async with app.services.open_unit(is_read_only=True, unscoped=Because("no model is read here")) as unit:
            assert await unit.session.scalar(select(literal(1))) == 1
        with pytest.raises(TripwireError):
            read_passwords()
    finally:
        await app.close()
    assert [event.reason for event in events.events if event.name == "tripwire"] == ["files"]


async def test_nothing_is_watched_once_the_app_is_closed(tmp_path):
    app = Fastness(
        settings_with(
            profile=Profile.DEVELOPMENT,
            database_url=f"sqlite:///{tmp_path}/data.db",
            store_url="memory:",
            tripwires=TripwireRules(mode=TripwireMode.BLOCK),
        )
    )
    await app.open()
    app.arm()
    with pytest.raises(TripwireError):
        read_passwords()
    await app.close()
    assert read_passwords()
