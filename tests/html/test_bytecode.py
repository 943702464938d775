"""Compiled templates beside their source: used again while nothing changed that they depend on, and only then."""

import sys
from pathlib import Path

import jinja2
import pytest

from fastness.html.bytecode import BytecodeBeside
from fastness.html.environment import TemplateEnvironment, TemplateRules
from fastness.html.errors import TemplateRefusedError
from fastness.html.inventory import precompile
from fastness.html.translating import Messages
from fastness.kernel.because import Because
from fastness.kernel.wires import NOTHING, PERMITTED, Wire
from scripts.catalogues import mo_bytes

CHILD = '{% extends "base.html" %}{% block body %}{{ x }}{% endblock %}'
BASE = "<body>{% block body %}{% endblock %}</body>"


@pytest.fixture(autouse=True)
def writes(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "child.html").write_text(CHILD)
    (tmp_path / "base.html").write_text(BASE)
    return tmp_path


@pytest.fixture
def compiled(monkeypatch):
    """The names of the templates that were compiled, in order."""
    names = []
    generate = TemplateEnvironment._generate

    def note(self, source, name, *rest, **options):
        names.append(name)
        return generate(self, source, name, *rest, **options)

    monkeypatch.setattr(TemplateEnvironment, "_generate", note)
    return names


def environment(folder, **options):
    return TemplateEnvironment([folder], keeps_bytecode=True, **options)


def test_a_second_start_compiles_nothing(folder, compiled):
    for _ in range(2):
        made = environment(folder)
        assert precompile(made) == 2
        assert made.get_template("child.html").render(x="<b>") == "<body>&lt;b&gt;</body>"
    assert sorted(compiled) == ["base.html", "child.html"]
    assert {path.parent.name for path in folder.rglob("*") if path.suffix != ".html"} == {folder.name, "__pycache__"}


def test_without_being_asked_nothing_is_kept(folder):
    precompile(TemplateEnvironment([folder]))
    assert not (folder / "__pycache__").exists()


@pytest.mark.parametrize(
    ("name", "text", "again"),
    [
        pytest.param("child.html", CHILD.replace("{ x }", "{ y }"), ["child.html"], id="itself"),
        pytest.param("base.html", BASE.replace("body", "main", 1), ["base.html", "child.html"], id="its-parent"),
    ],
)
def test_what_has_changed_is_compiled_again(folder, compiled, name, text, again):
    precompile(environment(folder))
    compiled.clear()
    (folder / name).write_text(text)
    precompile(environment(folder))
    assert sorted(compiled) == again


@pytest.mark.asvs("V1.2.1")
def test_a_parent_that_moves_a_block_has_its_children_looked_at_again(folder):
    precompile(environment(folder))
    (folder / "base.html").write_text("<script>x = {% block body %}{% endblock %}</script>")
    made = environment(folder)
    precompile(made)
    assert made.get_template("child.html").render(x="</script>") == '<script>x = "\\u003c/script\\u003e"</script>'
    (folder / "base.html").write_text('<a onclick="{% block body %}{% endblock %}">')
    with pytest.raises(TemplateRefusedError):
        precompile(environment(folder))


def test_other_rules_another_language_and_another_catalogue_have_code_of_their_own(folder, compiled):
    (folder / "base.html").write_text("{% trans %}Good morning{% endtrans %}")
    file = folder / "locale" / "de" / "LC_MESSAGES" / "messages.mo"
    file.parent.mkdir(parents=True)

    def german(text):
        file.write_bytes(mo_bytes({("Good morning", ""): (text,)}, "de"))
        made = environment(folder, messages=Messages("de", [folder / "locale"]))
        return made.get_template("base.html").render()

    assert environment(folder).get_template("base.html").render() == "Good morning"
    assert german("Guten Morgen") == "Guten Morgen"
    assert german("Moin") == "Moin"
    assert german("Moin") == "Moin"
    assert compiled == ["base.html"] * 3
    rules = TemplateRules(insecure_safe={"base.html": Because("made by our own editor")})
    environment(folder, rules=rules).get_template("base.html")
    assert compiled == ["base.html"] * 4


def test_code_of_another_compiler_is_not_taken(folder, compiled):
    precompile(environment(folder))
    plain = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), autoescape=True)
    code = plain.compile(CHILD, "child.html", str(folder / "child.html"))
    for kept in (folder / "__pycache__").glob("child.html*"):
        bucket = jinja2.bccache.Bucket(plain, "x", "of another")
        bucket.code = code
        kept.write_bytes(bucket.bytecode_to_string())
    compiled.clear()
    assert environment(folder).get_template("child.html").render(x="<b>") == "<body>&lt;b&gt;</body>"
    assert compiled == ["child.html"]


@pytest.mark.parametrize("kept", [b"", b"j2", b"no code at all"])
def test_what_cannot_be_read_is_compiled(folder, compiled, kept):
    precompile(environment(folder))
    for file in (folder / "__pycache__").iterdir():
        file.write_bytes(kept)
    compiled.clear()
    precompile(environment(folder))
    assert sorted(compiled) == ["base.html", "child.html"]


@pytest.mark.parametrize("length", [20, 40, 80, 200])
def test_what_ends_too_soon_is_compiled(folder, compiled, length):
    precompile(environment(folder))
    for file in (folder / "__pycache__").iterdir():
        file.write_bytes(file.read_bytes()[:length])
    compiled.clear()
    precompile(environment(folder))
    assert sorted(compiled) == ["base.html", "child.html"]


def test_a_folder_that_cannot_be_written_is_no_error(folder, monkeypatch):
    (folder / "__pycache__").write_text("a file where the folder would be")
    assert precompile(environment(folder)) == 2
    (folder / "__pycache__").unlink()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert precompile(environment(folder)) == 2
    assert not Path(folder / "__pycache__").exists()


def test_what_is_kept_while_the_site_serves_trips_no_wire(tmp_path):
    """A template that is compiled for a request is written outside of the declared folders."""

    class Watched(jinja2.bccache.Bucket):
        def bytecode_to_string(self):
            permitted.append(PERMITTED.get())
            return super().bytecode_to_string()

    permitted: list[frozenset[Wire]] = []
    bucket = Watched(jinja2.Environment(autoescape=True), str(tmp_path / "__pycache__" / "page.html"), "")
    bucket.code = compile("", "page.html", "exec")
    BytecodeBeside().dump_bytecode(bucket)
    assert (tmp_path / "__pycache__" / "page.html").exists()
    assert permitted == [frozenset({Wire.FILES})]
    assert PERMITTED.get() == NOTHING
