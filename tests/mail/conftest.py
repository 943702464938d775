import asyncio
import contextlib
import ssl

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult

from fastness.auth.sealing import Sealer
from fastness.db.engine import Database
from fastness.db.unit import Unit
from fastness.kernel.clock import ManualClock
from fastness.kernel.events import MemorySink
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.mail.delivery import Postman
from fastness.mail.mail import Mail
from fastness.mail.mailers import MemoryMailer
from fastness.mail.messages import Messages
from fastness.mail.outbox import Outbox, QueuedMail
from fastness.mail.rules import MailBackend, MailRules, MailSecurity
from fastness.mail.smtp import SMTPMailer

SENDER = "noreply@shop.example"
PASSWORD = "correct horse"


def note(**changes):
    return Mail(**{"to": "ada@example.com", "template": "note", "context": {"link": "x"}, "kind": "note", **changes})


async def settle():
    """Let the loop close what was aborted."""
    for _ in range(10):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def serving(talk):
    """A server on this machine that talks as it is told to; its port."""
    writers, tasks = [], []

    async def serve(reader, writer):
        writers.append(writer)
        tasks.append(asyncio.current_task())
        with contextlib.suppress(OSError):
            await talk(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for writer in writers:
        writer.transport.abort()
    await settle()


class Handler:
    """What the server says, and what it was given."""

    def __init__(self):
        self.answers = {}
        self.received = []
        self.senders = []
        self.rests = None

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802 - as aiosmtpd calls it
        self.senders.append((address, session.ssl is not None))
        if answer := self.answers.get("MAIL"):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - as aiosmtpd calls it
        answer = self.answers.get("RCPT") or self.answers.get(address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - as aiosmtpd calls it
        if self.rests is not None:
            await self.rests.wait()
        if answer := self.answers.get("DATA"):
            return answer
        self.received.append(envelope.content)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    # Not handled: the server itself says how it went.
    return AuthResult(success=(data.login, data.password) == (b"shop", PASSWORD.encode()), handled=False)


class Session(SMTP):
    """Remembers its transports, the one below TLS too, so that none of them outlives the test."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.transports = []

    def connection_made(self, transport):
        self.transports.append(transport)
        super().connection_made(transport)


class Post:
    """A real mail server on this machine that can be stopped and started."""

    def __init__(self, folder, authority, certificate, *, security=MailSecurity.STARTTLS):
        self.handler = Handler()
        self.security = security
        self.offers_tls = True
        self._authority = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self._authority))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(self._context)
        self._server = None
        self._open = []
        self.port = None

    def _session(self):
        starttls = self.security is MailSecurity.STARTTLS and self.offers_tls
        session = Session(
            self.handler,
            hostname="mail.test",
            tls_context=self._context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate,
            auth_require_tls=self.security is not MailSecurity.TLS,
            loop=asyncio.get_running_loop(),
        )
        self._open.append(session)
        return session

    async def start(self):
        context = self._context if self.security is MailSecurity.TLS else None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, "127.0.0.1", self.port or 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        if self._server is None:
            return
        self._server.close()
        for session in self._open:
            task = session._handler_coroutine
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            for transport in session.transports:
                transport.abort()
        self._open.clear()
        await self._server.wait_closed()
        await settle()
        self._server = None

    def rules(self, **changes):
        base = {
            "backend": MailBackend.SMTP, "host": "localhost", "port": self.port, "security": self.security,
            "sender": SENDER, "ca_file": str(self._authority), "timeout_seconds": 20, "retry_seconds": 60,
        }  # fmt: skip
        return MailRules(**{**base, **changes})

    def mailer(self, **changes):
        return SMTPMailer(self.rules(**changes))


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(authority):
    return authority.issue_cert("localhost")


@pytest.fixture
async def make_post(tmp_path, authority, certificate):
    posts = []

    async def make(*, certificate=certificate, **options):
        post = Post(tmp_path, authority, certificate, **options)
        await post.start()
        posts.append(post)
        return post

    yield make
    for post in posts:
        await post.stop()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def events():
    return MemorySink()


@pytest.fixture
def seals():
    return Sealer(Keyring(Secret("mG7pQz2vX9rT4wKc8bNf5hJd3sLy6aEu")))


@pytest.fixture
def outbox(seals, clock):
    return Outbox(seals=seals, clock=clock)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "note.txt").write_text("Subject: A note\n\nOpen {{ link }}\n")
    return folder


@pytest.fixture
async def database(database_url):
    database = Database(database_url)
    await database.open()
    async with database.write.begin() as connection:
        await connection.run_sync(QueuedMail.__table__.create)
    yield database
    await database.close()


@pytest.fixture
def queue(database, outbox):
    """Puts mails into the outbox and commits."""

    async def put(*mails):
        async with Unit(database, is_read_only=False) as unit:
            return [await outbox.add(unit.session, mail) for mail in mails]

    return put


@pytest.fixture
def make_postman(database, seals, events, clock, folder):
    def make(mailer=None, *, rules=None, **changes):
        rules = rules or MailRules(sender=SENDER, connections=1, retry_seconds=60)
        mailer = MemoryMailer() if mailer is None else mailer
        messages = Messages(rules, [folder])
        parts = {"database": database, "seals": seals, "events": events, "clock": clock, "rules": rules}
        return Postman(mailer=lambda: mailer, messages=lambda: messages, **{**parts, **changes})

    return make


@pytest.fixture
def rows(database):
    async def read():
        from sqlalchemy import select

        async with Unit(database, is_read_only=True) as unit:
            return list(await unit.session.scalars(select(QueuedMail).order_by(QueuedMail.created_at)))

    return read
