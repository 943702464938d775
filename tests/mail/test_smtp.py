"""The mailer and a real mail server: verified TLS or nothing, and what each answer means."""

import ssl

import pytest
import trustme

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.mail.errors import MailDelayedError, MailRefusedError
from fastness.mail.messages import Messages
from fastness.mail.rules import MailBackend, MailRules, MailSecurity
from fastness.mail.smtp import SMTPMailer
from fastness.testing.servers import free_port
from tests.mail.conftest import PASSWORD, SENDER, note, serving

pytestmark = pytest.mark.sockets
REASON = Because("a relay on the same machine")


@pytest.fixture
def message(folder, clock, outbox):
    from uuid import UUID

    return Messages(MailRules(sender=SENDER), [folder]).make(note(), mail_id=UUID(int=7), created_at=clock.now())


async def reason_of(mailer, message, error=MailDelayedError):
    with pytest.raises(error) as caught:
        await mailer.send(message)
    return caught.value.reason


@pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
@pytest.mark.parametrize("password", [PASSWORD, None])
async def test_a_message_arrives_encrypted(make_post, message, security, password):
    post = await make_post(security=security)
    secret = None if password is None else Secret(password)
    await post.mailer(username="shop", password=secret).send(message)
    assert post.handler.senders == [(SENDER, security is MailSecurity.STARTTLS)]
    (content,) = post.handler.received
    assert b"Open x" in content
    assert b"<00000000-0000-0000-0000-000000000007@shop.example>" in content


async def test_a_server_that_refuses_starttls_is_told_nothing(make_post, message):
    """CVE-2026-7666."""
    post = await make_post()
    post.offers_tls = False
    assert await reason_of(post.mailer(username="shop", password=Secret(PASSWORD)), message) == "starttls_refused"
    assert (post.handler.senders, post.handler.received) == ([], [])


@pytest.mark.asvs("V12.3.2", "V16.3.4")
@pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_a_server_with_another_certificate_is_told_nothing(make_post, authority, message, security, wrong):
    certificate = trustme.CA().issue_cert("localhost") if wrong == "authority" else authority.issue_cert("other.test")
    post = await make_post(certificate=certificate, security=security)
    assert await reason_of(post.mailer(), message) == "certificate"
    assert (post.handler.senders, post.handler.received) == ([], [])


async def test_what_a_stranger_says_before_tls_does_not_count_after_it(message, tmp_path, authority, certificate):
    """Answers put into the clear part of the connection are not taken for the server's (CVE-2011-0411, reversed)."""
    said = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    async def talk(reader, writer):
        writer.write(b"220 mail\r\n")
        await reader.readline()
        writer.write(b"250-mail\r\n250 STARTTLS\r\n")
        said.append(await reader.readline())
        writer.write(b"220 go\r\n250-forged\r\n250 AUTH PLAIN\r\n250 OK\r\n250 OK\r\n354 go\r\n250 OK\r\n")
        await writer.drain()
        await writer.start_tls(context)
        said.extend([line async for line in reader])

    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    async with serving(talk) as port:
        rules = MailRules(
            backend=MailBackend.SMTP, host="localhost", port=port, sender=SENDER,
            security=MailSecurity.STARTTLS, ca_file=str(file), timeout_seconds=2,
        )  # fmt: skip
        with pytest.raises(MailDelayedError):
            await SMTPMailer(rules).send(message)
    assert said[0] == b"STARTTLS\r\n"
    assert not any(line.startswith((b"MAIL", b"AUTH")) for line in said)


async def test_a_wrong_password_is_a_matter_of_the_settings(make_post, message):
    post = await make_post()
    assert await reason_of(post.mailer(username="shop", password=Secret("wrong")), message) == "sign_in_refused"
    assert post.handler.senders == []


@pytest.mark.parametrize(
    ("step", "answer", "error", "reason"),
    [
        pytest.param("RCPT", "550 no such user", MailRefusedError, "recipient_refused_550", id="no-recipient"),
        pytest.param("RCPT", "450 busy", MailDelayedError, "recipient_refused_450", id="greylisted"),
        pytest.param("DATA", "554 spam", MailRefusedError, "message_refused_554", id="message-refused"),
        pytest.param("DATA", "451 later", MailDelayedError, "message_refused_451", id="message-later"),
        pytest.param("MAIL", "550 not you", MailDelayedError, "sender_refused_550", id="sender"),
        pytest.param("MAIL", "421 closing", MailDelayedError, "sender_refused_421", id="closing"),
    ],
)
async def test_what_an_answer_means(make_post, message, step, answer, error, reason):
    post = await make_post()
    post.handler.answers[step] = answer
    assert await reason_of(post.mailer(), message, error) == reason
    assert post.handler.received == []


async def test_no_server(message, authority, tmp_path):
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    rules = MailRules(backend=MailBackend.SMTP, host="localhost", port=free_port(), sender=SENDER, ca_file=str(file))
    assert await reason_of(SMTPMailer(rules), message) == "connection_failed"


@pytest.mark.parametrize("speech", [b"", b"220 mail\r\n", b"22"])
async def test_a_server_that_says_nothing_more_is_left(message, speech):
    async def talk(reader, writer):
        writer.write(speech)
        await reader.read()

    async with serving(talk) as port:
        rules = MailRules(
            backend=MailBackend.SMTP, host="localhost", port=port, sender=SENDER,
            security=MailSecurity.PLAINTEXT, insecure_plaintext=REASON, timeout_seconds=0.2,
        )  # fmt: skip
        with pytest.raises(MailDelayedError):
            await SMTPMailer(rules).send(message)


async def test_plaintext_has_to_be_asked_for_with_a_reason(make_post, message):
    post = await make_post(security=MailSecurity.PLAINTEXT)
    with pytest.raises(ConfigError):
        post.mailer()
    with pytest.raises(ConfigError):
        post.mailer(insecure_plaintext=REASON, password=Secret(PASSWORD))
    await post.mailer(insecure_plaintext=REASON).send(message)
    assert len(post.handler.received) == 1


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"sender": "a@b.example\r\nBcc: c@d.example"}, id="sender"),
        pytest.param({"sender_name": "Shop\nBcc: c@d.example"}, id="sender-name"),
        pytest.param({"reply_to": "nobody"}, id="reply-to"),
        pytest.param({"host": "smtp.example.com:25"}, id="host"),
        pytest.param({"port": 0}, id="port"),
        pytest.param({"keep_days": 0}, id="keep"),
        pytest.param({"timeout_seconds": 0}, id="timeout"),
    ],
)
def test_rules_that_cannot_be_right(changes):
    with pytest.raises(ConfigError):
        MailRules(**changes)
