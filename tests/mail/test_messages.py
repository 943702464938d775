"""Headers, parts and templates of a message."""

import io
from email import message_from_bytes, policy
from uuid import UUID

import jinja2
import pytest

from fastness.html.errors import TemplateRefusedError, ValueRefusedError
from fastness.mail.errors import MailError
from fastness.mail.mailers import ConsoleMailer, text_of
from fastness.mail.messages import Messages
from fastness.mail.notices import Notice, notice
from fastness.mail.rules import MailRules
from tests.mail.conftest import SENDER, note

HOSTILE = '<script>alert(1)</script>"\u202eevil'


@pytest.fixture
def make(folder, clock):
    def make(mail, **rules):
        messages = Messages(MailRules(**{"sender": SENDER, **rules}), [folder])
        made = messages.make(mail, mail_id=UUID(int=7), created_at=clock.now())
        return message_from_bytes(made.as_bytes(), policy=policy.default)

    return make


def test_the_headers(make):
    message = make(note(), sender_name='Ada\'s "shop", Zürich', reply_to="help@shop.example")
    assert message["From"].addresses[0].display_name == 'Ada\'s "shop", Zürich'
    assert message["From"].addresses[0].addr_spec == SENDER
    assert [each.addr_spec for each in message["To"].addresses] == ["ada@example.com"]
    assert message["Reply-To"] == "help@shop.example"
    assert message["Message-ID"] == "<00000000-0000-0000-0000-000000000007@shop.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert not [name for name in message if name.lower().startswith(("list-", "bcc", "cc"))]


def test_mail_that_can_be_ended_says_how(make):
    message = make(note(unsubscribe="https://shop.example/end/7"))
    assert message["List-Unsubscribe"] == "<https://shop.example/end/7>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.asvs("V1.3.11")
@pytest.mark.parametrize(
    ("template", "value"),
    [
        pytest.param("Subject: For {{ link }}\n\nx\n", "you\nBcc: eve@example.com", id="header-after-subject"),
        pytest.param("Subject: For {{ link }}\n\nx\n", "you\n\nforged body", id="body-after-subject"),
        pytest.param("Subject: {{ link }}\n\nx\n", "a" * 300, id="long-subject"),
        pytest.param("Subject: {{ link }}\n\nx\n", " ", id="empty-subject"),
        pytest.param("Hello\n\nx\n", "x", id="no-subject"),
    ],
)
def test_a_subject_is_one_line(make, folder, template, value):
    (folder / "note.txt").write_text(template)
    if "forged" in value:
        # What follows is the author's text; the value has written no header.
        message = make(note(context={"link": value}))
        assert (message["Subject"], message["Bcc"]) == ("For you", None)
        return
    with pytest.raises(MailError):
        make(note(context={"link": value}))


def test_a_subject_in_other_letters(make, folder):
    (folder / "note.txt").write_text("Subject: Grüße {{ link }}\n\nx\n")
    assert make(note(context={"link": "日本"}))["Subject"] == "Grüße 日本"


def test_values_are_text_in_both_parts(make, folder):
    (folder / "note.html").write_text(
        "{% extends 'mail/base.html' %}{% block content %}<p>{{ link }}{% endblock %}{% block footer %}{% endblock %}"
    )
    message = make(note(context={"link": HOSTILE}))
    html = message.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert HOSTILE in text_of(message)


def test_a_link_in_html_is_of_the_web(make, folder):
    (folder / "note.html").write_text('<a href="{{ link }}">here</a>')
    assert "javascript:" not in make(note(context={"link": "javascript:alert(1)"})).get_body(("html",)).get_content()


def test_a_template_that_cannot_be_escaped_is_refused(make, folder):
    (folder / "note.html").write_text("<script>{{ link }}</script><a {{ link }}>")
    with pytest.raises(TemplateRefusedError):
        make(note())


def test_a_value_that_is_missing_is_missed(make):
    with pytest.raises(jinja2.UndefinedError):
        make(note(context={}))


def test_markup_is_no_plain_text(folder):
    from markupsafe import Markup

    from fastness.html.plaintext import PlainTextTemplates

    with pytest.raises(ValueRefusedError):
        PlainTextTemplates([folder]).render("note.txt", {"link": Markup("<b>")})


def test_a_message_has_a_size(make, folder):
    (folder / "note.txt").write_text("Subject: x\n\n" + "{{ link }}" * 100)
    with pytest.raises(MailError):
        make(note(context={"link": "a" * 8_000}))


@pytest.mark.parametrize("kind", Notice)
def test_every_notice_can_be_made(make, clock, kind):
    mail = notice(
        kind, to="ada@example.com", site="shop.example", at=clock.now(), username="<b>ada", detail="Fire\nfox <i>"
    )
    message = make(mail)
    text, html = text_of(message), message.get_body(("html",)).get_content()
    assert "<b>ada" in text
    assert "&lt;b&gt;ada" in html
    assert "<b>ada" not in html
    assert "http" not in text.replace("https://", "") or "://" not in text  # nothing to follow
    assert "href" not in html
    assert "src" not in html.lower()
    assert "shop.example" in message["Subject"] + text


def test_an_app_replaces_a_notice(make, folder, clock):
    (folder / "mail").mkdir()
    (folder / "mail" / "new_device.txt").write_text("Subject: Ours\n\nHello {{ username }}\n")
    mail = notice(Notice.NEW_DEVICE, to="ada@example.com", site="s", at=clock.now(), username="ada")
    assert make(mail)["Subject"] == "Ours"


async def test_nothing_in_a_mail_acts_on_the_terminal(make, folder):
    (folder / "note.txt").write_text("Subject: x\n\nOpen {{ link }}\x1b[2J\n")
    stream = io.StringIO()
    await ConsoleMailer(stream).send(make(note(context={"link": "https://s/\u202e"})))
    said = stream.getvalue()
    assert "mail| Open https://s/\\u202e\\u001b[2J\n" in said
    assert "mail| To: ada@example.com\n" in said
