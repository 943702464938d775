"""The report: order, what stops a start, and what a team has accepted."""

from dataclasses import replace

import pytest

from fastness.checks.check import Deployment
from fastness.checks.failures import findings_of
from fastness.checks.runner import run_checks
from fastness.cli.keys import make_key
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.headers import HeaderRules
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.settings.errors import SettingsError
from fastness.settings.profiles import Profile
from fastness.settings.settings import Settings

REASON = Because("internal network, see the risk register")


@pytest.fixture
def deployment(tmp_path):
    settings = Settings(
        secret_key=Secret(make_key()),
        headers=HeaderRules(hsts_preload=True),
        hosts=HostRules(allowed=(".example.com",)),
        is_https_required=False,
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


def test_accepting_what_is_not_there_is_a_finding_and_changes_nothing_else(deployment):
    report = run_checks(deployment, accepted={"FST-CSP-001": REASON})
    assert [finding.id for finding in report.errors] == ["FST-HTTPS-001"]
    (needless,) = [finding for finding in report.findings if finding.id == "FST-ACCEPTED-001"]
    assert needless.where == f"FST-CSP-001: {REASON.text}"


def test_what_only_a_start_can_find_is_accepted_needlessly_at_a_start_only(deployment):
    accepted = {"FST-HTTPS-002": REASON}
    assert "FST-ACCEPTED-001" not in {finding.id for finding in run_checks(deployment, accepted=accepted).findings}
    starting = replace(deployment, has_tls=True)
    assert "FST-ACCEPTED-001" in {finding.id for finding in run_checks(starting, accepted=accepted).findings}


def test_in_development_nothing_is_said_of_what_was_accepted_for_production(deployment):
    settings = replace(deployment.settings, profile=Profile.DEVELOPMENT)
    report = run_checks(replace(deployment, settings=settings), accepted={"FST-CSP-001": REASON})
    assert "FST-ACCEPTED-001" not in {finding.id for finding in report.findings}


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


def test_another_failure_is_one_finding_with_its_code():
    (finding,) = findings_of(ConfigError("no access"))
    assert (finding.id, finding.where, finding.is_error) == ("FST-ROUTES-001", "config", True)
