"""One mistake in an app's code or templates, found by its id."""

import json
import os

import pytest

from tests.checks.planted.project import NAME, REASON

BECAUSE = f'because=Because("{REASON}")'
IMPORTS = "from fastness import Because, Permissions, access, redirect\nfrom fastness.web.rates import Rate"
ROUTE = (
    f"{IMPORTS}\n\n\n@routes.%s\nasync def pay(request: Request) -> Response:\n    return render(request, 'home.html')"
)
PAGE = f"{NAME}/templates/page.html"

CODE = [
    ("FST-ROUTES-001", "no-rule", ROUTE % 'post("/pay")'),
    (
        "FST-ROUTES-002",
        "no-token",
        ROUTE % f'post("/pay", access=access.signed_in, insecure_skip_csrf=Because("{REASON}"))',
    ),
    ("FST-ROUTES-003", "a-frame", ROUTE % 'get("/pay", access=access.public, framing="same-origin")'),
    (
        "FST-ROUTES-004",
        "another-site",
        ROUTE % 'post("/pay", access=access.signed_in, trusted_origins=("https://pay.example.com",))',
    ),
    (
        "FST-SITES-002",
        "another-site-without-tls",
        ROUTE % 'post("/pay", access=access.signed_in, trusted_origins=("http://pay.example.com",))',
    ),
    ("FST-ROUTES-005", "a-rate", ROUTE % 'post("/pay", access=access.signed_in, rate=Rate(20, 60))'),
    ("FST-ROUTES-006", "strangers-write", ROUTE % 'post("/pay", access=access.public, rate=Rate(20, 60))'),
    ("FST-ROUTES-007", "strangers-write-without-end", ROUTE % 'post("/pay", access=access.public)'),
    (
        "FST-ROUTES-007",
        "strangers-or-editors-write",
        ROUTE % 'post("/pay", access=access.role("editors") | access.network("10.0.0.0/8"))',
    ),
    ("FST-ROUTES-008", "a-network-of-everybody", ROUTE % 'get("/pay", access=access.network("0.0.0.0/0"))'),
    ("FST-ACCESS-001", "a-new-route", ROUTE % 'get("/pay", access=access.signed_in)'),
    (
        "FST-TEMPLATES-007",
        "html-that-is-vouched-for",
        (
            "from fastness import Because\nfrom fastness.html.values import SafeHTML\n\n"
            f'LINE = SafeHTML.insecure_from("<hr>", {BECAUSE})'
        ),
    ),
    ("FST-TEMPLATES-008", "html-of-a-value", "from markupsafe import Markup\n\nLINE = Markup(str(HERE))"),
]


@pytest.mark.parametrize(("name", "code"), [pytest.param(name, code, id=f"{name}-{what}") for name, what, code in CODE])
def test_a_mistake_in_the_code_is_found(project, name, code):
    project.add_to_app(code)
    assert name in project.found()


def test_a_permission_that_no_route_demands_is_found(project):
    project.add_to_app(
        "from fastness import Permissions\n\n\n"
        'class Sales(Permissions):\n    REFUND = "sales.refund", "May give money back."'
    )
    project.replace(f"{NAME}/app.py", "routes=[routes],", "routes=[routes],\n    permissions=[Sales],")
    assert "FST-PERMISSIONS-001" in project.found()


TEMPLATES = [
    ("FST-TEMPLATES-001", "a-value-in-a-handler", '<button onclick="go({{ user }})">Go</button>', ""),
    ("FST-TEMPLATES-001", "safe-without-a-reason", "{{ user|safe }}", ""),
    ("FST-TEMPLATES-009", "a-script-of-another-host", '<script src="https://cdn.example/x.js"></script>', ""),
    ("FST-TEMPLATES-002", "a-block-that-does-not-end", "{% if user %}", ""),
    (
        "FST-TEMPLATES-003",
        "a-folder-that-is-moved",
        '<button onclick="go({{ user }})">Go</button>',
        f'insecure_migration={{"page.html": Because("{REASON}")}}',
    ),
    ("FST-TEMPLATES-004", "safe", "{{ user|safe }}", f'insecure_safe={{"page.html": Because("{REASON}")}}'),
    (
        "FST-TEMPLATES-005",
        "a-static-handler",
        '<button onclick="go()">Go</button>',
        f'insecure_events={{"page.html": Because("{REASON}")}}',
    ),
    ("FST-TEMPLATES-009", "code-of-another-host", '<script src="https://cdn.example.com/x.js"></script>', ""),
    ("FST-TEMPLATES-006", "a-needless-rule", "{{ user }}", f'insecure_safe={{"page.html": Because("{REASON}")}}'),
]


@pytest.mark.parametrize(
    ("name", "text", "rules"),
    [pytest.param(name, text, rules, id=f"{name}-{what}") for name, what, text, rules in TEMPLATES],
)
def test_a_mistake_in_a_template_is_found(project, name, text, rules):
    project.write(PAGE, text)
    if rules:
        project.add_to_app(
            f"from fastness import Because\nfrom fastness.html.environment import TemplateRules\n\nRULES = TemplateRules({rules})"
        )
        project.replace(f"{NAME}/app.py", "routes=[routes],", "routes=[routes],\n    template_rules=RULES,")
    assert name in project.found()


MODEL = """
import uuid
from fastness import Model
from fastness.db.model import PublicID
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column


class Invoice(Model):
    __tablename__ = "invoices"
    id: Mapped[PublicID]
    amount: Mapped[int]
    {owner}
{policy}"""
OWNER = 'owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id"))'
POLICY = """
from fastness import Policy


class InvoicePolicy(Policy[Invoice]):
    def view(self, actor):
        return Invoice.owner_id == actor.id
"""

# These change what the whole process has: its models, its loggers.
OWN_PROCESS = [
    ("FST-POLICIES-001", "rows-of-people", MODEL.format(owner=OWNER, policy=""), {"FST-POLICIES-001"}),
    ("FST-POLICIES-002", "rows-of-nobody", MODEL.format(owner="", policy=""), {"FST-POLICIES-002"}),
    ("FST-POLICIES-001", "guarded-rows", MODEL.format(owner=OWNER, policy=POLICY), set()),
    (
        "FST-LOGGING-001",
        "events-switched-off",
        'import logging.config\n\nlogging.config.dictConfig({"version": 1, "root": {"level": "INFO"}})',
        {"FST-LOGGING-001"},
    ),
    (
        "FST-LOGGING-001",
        "events-kept",
        'import logging.config\n\nlogging.config.dictConfig({"version": 1, "disable_existing_loggers": False})',
        set(),
    ),
    (
        "FST-LOGGING-002",
        "statements-in-the-log",
        'import logging\n\nlogging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)',
        {"FST-LOGGING-002"},
    ),
    (
        "FST-LOGGING-002",
        "everything-in-the-log",
        "import logging\n\nlogging.basicConfig(level=logging.DEBUG)",
        {"FST-LOGGING-002"},
    ),
]


@pytest.mark.parametrize(
    ("code", "ids"), [pytest.param(code, ids, id=f"{name}-{what}") for name, what, code, ids in OWN_PROCESS]
)
def test_what_the_command_says_of_a_process_of_its_own(project, forks, code, ids):
    project.write(f"{NAME}/app.py", f"{(project.folder / NAME / 'app.py').read_text()}\n\n{code}")
    run = forks.run("-m", "fastness.cli", "check", "--json", folder=project.folder, environ=os.environ)
    assert run.stdout, run.stderr
    report = json.loads(run.stdout)
    found = {finding["id"] for finding in report["findings"]}
    assert {name for name in found if name.startswith(("FST-POLICIES", "FST-LOGGING"))} == ids
    assert run.returncode == bool(report["errors"])
