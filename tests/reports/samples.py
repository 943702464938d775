"""Runs for the tests of reports: an empty one, one with everything, one of somebody who means harm, a huge one."""

from datetime import UTC, datetime

from fastness.kernel.because import Because
from fastness.kernel.findings import Finding, Severity, Topic
from fastness.kernel.report import Report, Unchecked
from fastness.reports.appfacts import AppFacts, RouteFacts, StepFacts
from fastness.reports.run import Package, Run

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></textarea>--><svg onload=alert(1)>",
    "]]></failure><failure>",
    "\x1b[31m\x00\x07\x9b",
    "user\u202egnp.exe\u2066",
    "{{ 7 * 7 }}{% for %}",
    "line\nbreak\u2028here",
    "\ud800 alone",
    "javascript:alert(1)",
)


def finding(severity=Severity.HIGH, *, topic=Topic.INJECTION, **values):
    texts = {
        "id": "FST-CSP-002",
        "title": "Something is wrong",
        "detail": "Somebody could get in.",
        "fix": "Close the door.",
    }
    return Finding(severity=severity, topic=topic, **{**texts, **values})


def run_of(tool="check", *findings, accepted=(), unchecked=(), **values):
    report = Report(tool=tool, findings=findings, accepted=tuple(accepted), unchecked=tuple(unchecked))
    return Run(report=report, made_at=NOW, **values)


EMPTY = run_of("check", subject="shop", profile="production")

CHECK = run_of(
    "check",
    finding(Severity.CRITICAL, id="FST-SETTINGS-001", topic=Topic.MISCONFIGURATION, where="FASTNESS_SECRET_KEY"),
    finding(Severity.MEDIUM, where="shop/app.py:12", asvs=("V3.4.3",)),
    finding(Severity.INFO, id="FST-ROUTES-002", topic=Topic.ACCESS_CONTROL, where="/-/csp-report (csp_report)"),
    accepted=[
        (
            finding(Severity.LOW, id="FST-MAIL-001", topic=Topic.AUTHENTICATION, where="FASTNESS_MAIL_BACKEND: none"),
            Because("nobody has an address here"),
        )
    ],
    subject="shop",
    profile="production",
)
AUDIT = run_of(
    "audit",
    finding(id="FST-DEPS-001", topic=Topic.COMPONENTS, where="requirements.txt: jinja2 2.10", asvs=("V15.2.1",)),
    unchecked=[Unchecked(what="Bandit", why="It cannot be started.", topic=Topic.COMPONENTS)],
    subject="shop",
    packages=(
        Package(name="jinja2", version="2.10", where="requirements.txt", has_hash=True, licence="BSD-3-Clause"),
        Package(name="rich", version="15.0.0", where="installed"),
    ),
)
PROBE = run_of(
    "probe",
    finding(Severity.LOW, id="FST-PROBE-001", topic=Topic.MISCONFIGURATION, where="GET /x (404), GET /y (404)"),
    subject="https://shop.example.com",
)
ALL = (CHECK, AUDIT, PROBE)


def hostile_run(tool="check"):
    return run_of(
        tool,
        *(
            finding(title=text.replace("\n", " "), detail=text, fix=text, where=text, id="FST-ROUTES-002")
            for text in HOSTILE
        ),
        accepted=[(finding(where=text), Because(f"because of {text}")) for text in HOSTILE],
        unchecked=[Unchecked(what=text, why=text) for text in HOSTILE],
        subject=HOSTILE[0],
        profile=HOSTILE[1],
        packages=tuple(Package(name=text, version=text, where=text, licence=text) for text in HOSTILE),
    )


def huge_run(count=3000):
    return run_of(
        "audit", *(finding(Severity.LOW, where=f"shop/module_{number}.py:{number}") for number in range(1, count + 1))
    )


def facts(path="/cases/{case_id:uuid}", reason="reports come from anywhere", must="Every fee has to be paid first."):
    return AppFacts(
        routes=(
            RouteFacts(
                path=path,
                methods="GET, HEAD",
                name="show",
                rule="signed_in",
                admits=(("by object", ("signed in", "role keepers")), ("denied", ("anonymous",))),
                exemptions=(("insecure_cross_site", reason),),
            ),
        ),
        steps=(StepFacts(model="Case", name="close", sources="open", to="closed", may="edit", must=must),),
    )
