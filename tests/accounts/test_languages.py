"""The account pages and mails in German: nothing is left in English, whoever asks for what."""

import html
import re
from pathlib import Path

import pytest

from fastness import Routes, access, render
from fastness.auth.account_rules import AccountRules
from fastness.html.translating import messages_in
from fastness.mail.mailers import text_of
from fastness.web.language import LanguageStage
from scripts.catalogues import PARTS, catalogue, collect, read_po
from tests.accounts.flows import deliver, make, routes
from tests.accounts.visits import visit_all
from tests.ready_made import MAIL_IN_MEMORY

__all__ = ["deliver", "make", "routes"]

FOR_OPERATORS = {"development.html", "debug_token.html", "tls_proxy.html"}
TEMPLATES = sorted(
    path
    for part in PARTS
    for path in part.rglob("*")
    if path.suffix in {".html", ".txt"} and path.name not in FOR_OPERATORS
)
GERMAN = {"accept-language": "de-DE,de;q=0.9,en;q=0.5"}
ACTIVE = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^<>]*>", re.DOTALL)
SAID = re.compile(r'\b(?:aria-label|alt|placeholder|title|data-password-meter-words)="([^"]*)"')


@pytest.fixture
async def shop(make_shop, migrated, routes):
    settings = {"mail": MAIL_IN_MEMORY, "languages": ("en", "de"), "accounts": AccountRules(sign_up=True)}
    return await make_shop(routes, settings=settings)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_text_of_a_template_is_left_out(path):
    source = re.sub(r"\{% trans %\}.*?\{% endtrans %\}", "", path.read_text(), flags=re.DOTALL)
    source = re.sub(r"<style.*?</style>", "", source, flags=re.DOTALL)
    left = ACTIVE.sub(" ", source).replace("Subject:", "")
    assert re.findall(r"[A-Za-z]{2,}", left) == []
    assert [text for text in SAID.findall(source) if re.search(r"[A-Za-z]{2,}", ACTIVE.sub("", text))] == []


@pytest.mark.parametrize("templates", PARTS, ids=lambda path: path.parent.name)
def test_every_message_has_a_german_text(templates):
    """If it fails: `python -m scripts.catalogues`, then translate what is empty, then the same once more."""
    files = catalogue(templates, PARTS[templates], "de")
    po = next(path for path in files if path.suffix == ".po")
    known = read_po(po.read_text(encoding="utf-8"))
    assert [message for message in collect(templates, PARTS[templates]) if not all(known.get(message, ("",)))] == []
    assert [str(path) for path, content in files.items() if path.read_bytes() != content] == []


async def test_no_page_says_anything_in_english(tmp_path):
    visits = await visit_all(tmp_path, settings={"languages": ("en", "de")}, **GERMAN)
    folder = next(iter(PARTS))
    german = {message: texts[0] for (message, _), texts in read_po(po_of(folder)).items()}
    said = [text for text in german if "{" not in text and len(text) > 12 and german[text] != text]
    for name, page in visits.pages.items():
        assert '<html lang="de">' in page, name
        text = html.unescape(page)
        assert [each for each in said if f">{each}<" in text or f'"{each}"' in text] == [], name


def po_of(folder: Path) -> str:
    return (folder / "locale" / "de" / "LC_MESSAGES" / "messages.po").read_text(encoding="utf-8")


async def test_the_language_is_that_of_the_browser(shop, browse):
    for language, heading in (("de", "Anmelden"), ("en", "Sign in"), ("fr", "Sign in"), ("de;q=0.1, en", "Sign in")):
        async with browse(shop) as browser:
            page = await browser.raw("GET", "/account/sign-in", headers={"accept-language": language})
            assert f"<h1>{heading}</h1>" in page.text
            assert "accept-language" in page.headers["vary"].lower()


async def test_a_mail_is_written_in_the_language_of_who_asked(shop, browse, make, deliver):
    await make()
    for language, subject, life in (("de", "Ein neues Passwort", "30 Minuten"), ("en", "A new password", "30 minutes")):
        async with browse(shop) as browser:
            browser._client.headers["accept-language"] = language
            await browser.open("/account/reset")
            await browser.submit(email="ada@mail.example")
        await deliver()
        message = shop.app.services.mailer.sent[-1]
        assert message["Subject"].startswith(subject)
        assert life in text_of(message)
        part = message.get_body(("html",)).get_content()
        assert f'<html lang="{language}">' in part
        assert life in part


async def test_an_app_with_one_language_pays_nothing(make_shop, browse, routes):
    one = await make_shop(routes)
    async with browse(one) as browser:
        page = await browser.raw("GET", "/account/sign-in", headers=GERMAN)
    assert '<html lang="en">' in page.text
    assert "accept-language" not in page.headers.get("vary", "").lower()
    stage = one.app._pipeline
    while (stage := getattr(stage, "app", None)) is not None:
        assert not isinstance(stage, LanguageStage)


async def test_an_app_translates_its_own_templates(make_shop, browse, tmp_path):
    folder = tmp_path / "templates"
    (folder / "locale" / "de" / "LC_MESSAGES").mkdir(parents=True)
    (folder / "page.html").write_text("<p>{% trans %}Opening hours{% endtrans %}</p>")
    po = folder / "locale" / "de" / "LC_MESSAGES" / "messages.po"
    po.write_text('msgid "Opening hours"\nmsgstr "\u00d6ffnungszeiten"\n', encoding="utf-8")
    for path, content in catalogue(folder, (), "de").items():
        path.write_bytes(content)
    own = Routes(access=access.public)

    @own.get("/hours")
    async def hours(request):
        return render(request, "page.html")

    shop = await make_shop(own, templates=folder, settings={"languages": ("de", "en")})
    async with browse(shop) as browser:
        assert "\u00d6ffnungszeiten" in (await browser.raw("GET", "/hours")).text
        assert "Opening hours" in (await browser.raw("GET", "/hours", headers={"accept-language": "en"})).text
    assert messages_in((folder / "page.html").read_text()) == ["Opening hours"]
