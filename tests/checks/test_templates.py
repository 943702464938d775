"""Findings about templates and the code that vouches for HTML: id, place, reason."""

import jinja2
import pytest

from fastness.checks.check import Deployment
from fastness.checks.templates import check_sources, check_templates
from fastness.html.environment import TemplateEnvironment, TemplateRules
from fastness.html.inventory import inspect
from fastness.kernel.because import Because
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import random_token
from fastness.settings.settings import Settings

REASON = Because("the widgets of the old catalogue")


def deployment(folder, **values):
    settings = Settings(secret_key=Secret(random_token(48)), hosts=HostRules(allowed=("shop.example.com",)))
    return Deployment(settings=settings, folder=folder, **values)


@pytest.mark.parametrize(
    ("text", "rules", "expected"),
    [
        pytest.param("<p>{{ x }}</p>", {}, [], id="sound"),
        pytest.param("\n<p a={{ x }}>", {}, [("FST-TEMPLATES-001", "high", "pages/a.html:2")], id="refused"),
        pytest.param("{{ x", {}, [("FST-TEMPLATES-002", "high", "pages/a.html:1")], id="broken"),
        pytest.param(
            "<p a={{ x }}>", {"insecure_migration": "pages/"}, [("FST-TEMPLATES-003", "medium", "pages/a.html:1")], id="migrating"
        ),
        pytest.param("{{ x|safe }}", {}, [("FST-TEMPLATES-001", "high", "pages/a.html:1")], id="safe-without-a-reason"),
        pytest.param(
            "\n\n{{ x|safe }}", {"insecure_safe": "pages/a.html"}, [("FST-TEMPLATES-004", "info", "pages/a.html:3")], id="safe"
        ),
        pytest.param(
            "<p onclick='f()'></p>", {"insecure_events": "pages/a.html"}, [("FST-TEMPLATES-005", "info", "pages/a.html:1")],
            id="events",
        ),
        pytest.param("{{ x }}", {"insecure_safe": "pages/b.html"}, [("FST-TEMPLATES-006", "low", "pages/b.html")], id="gone"),
        pytest.param("{{ x }}", {"insecure_migration": "pages/"}, [("FST-TEMPLATES-006", "low", "pages/")], id="done"),
    ],
)  # fmt: skip
def test_templates(tmp_path, text, rules, expected):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.html").write_text(text)
    made = TemplateRules(**{table: {name: REASON} for table, name in rules.items()})
    found = inspect(TemplateEnvironment([tmp_path], rules=made))
    findings = list(check_templates(deployment(tmp_path, templates=tuple(found))))
    assert [(each.id, each.severity.value, each.where) for each in findings] == expected
    if rules and expected[0][0] != "FST-TEMPLATES-006":
        assert REASON.text in findings[0].detail


def test_a_template_without_a_file_is_named():
    found = inspect(TemplateEnvironment(loader=jinja2.DictLoader({"a.html": "<{{ x }}"})))
    (finding,) = check_templates(deployment(None, templates=tuple(found)))
    assert finding.where == "a.html:1"
    assert "template_place" in finding.detail


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param('x = SafeHTML.insecure_from(t, because=Because("our renderer"))', ["FST-TEMPLATES-007"], id="vouched"),
        pytest.param("x = Markup(t)", ["FST-TEMPLATES-008"], id="by-hand"),
        pytest.param('x = Markup("<b>{}</b>").format(t)', [], id="format"),
    ],
)  # fmt: skip
def test_code(tmp_path, source, expected):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "pages.py").write_text(f"\n{source}\n")
    findings = list(check_sources(deployment(tmp_path, sources=(tmp_path / "shop",))))
    assert [each.id for each in findings] == expected
    assert all((each.where or "").startswith("shop/pages.py:2") for each in findings)
