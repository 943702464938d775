"""The report: order, what stops a start, and what a team has accepted."""

import pytest

from fastness.checks.check import Deployment
from fastness.checks.failures import findings_of
from fastness.checks.runner import make_report, run_checks
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import random_token
from fastness.settings.errors import SettingsError
from fastness.settings.settings import Settings

REASON = Because("internal network, see the risk register")


@pytest.fixture
def deployment(tmp_path):
    settings = Settings(
        secret_key=Secret(random_token(48)), hosts=HostRules(allowed=(".example.com",)), is_https_required=False
    )
    return Deployment(settings=settings, folder=tmp_path)


def test_the_gravest_comes_first(deployment):
    report = run_checks(deployment)
    assert [finding.id for finding in report.findings] == ["FST-HTTPS-001", "FST-MAIL-001", "FST-HOSTS-002"]
    assert [finding.id for finding in report.errors] == ["FST-HTTPS-001"]


def test_what_is_accepted_is_set_apart_with_its_reason(deployment):
    report = run_checks(deployment, accepted={"FST-HTTPS-001": REASON})
    assert report.errors == ()
    assert [finding.id for finding in report.findings] == ["FST-MAIL-001", "FST-HOSTS-002"]
    assert [(finding.id, reason) for finding, reason in report.accepted] == [("FST-HTTPS-001", REASON)]


def test_accepting_what_was_not_found_changes_nothing(deployment):
    report = run_checks(deployment, accepted={"FST-CSP-001": REASON})
    assert [finding.id for finding in report.errors] == ["FST-HTTPS-001"]


@pytest.mark.parametrize(
    "name", [pytest.param("FST-HTTPS-999", id="no-such-id"), pytest.param("fst-https-001", id="misspelt")]
)
def test_an_id_that_no_check_has_is_refused(deployment, name):
    with pytest.raises(ConfigError, match=name):
        run_checks(deployment, accepted={name: REASON})


def test_each_problem_of_the_settings_is_a_finding():
    findings = findings_of(SettingsError(("one", "two")))
    assert [(finding.id, finding.detail) for finding in findings] == [
        ("FST-SETTINGS-001", "one"),
        ("FST-SETTINGS-001", "two"),
    ]
    assert len(make_report(findings, {}).errors) == 2


def test_another_failure_is_one_finding_with_its_code():
    (finding,) = findings_of(ConfigError("no access"))
    assert (finding.id, finding.where, finding.is_error) == ("FST-ROUTES-001", "config", True)
