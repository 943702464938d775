"""`fastness check --asvs`: what is proved, configured away and left to people, for one app."""

import json

import pytest

from tests.cli.conftest import DEPLOYED


@pytest.mark.parametrize(("level", "total"), [("1", 70), ("2", 253), ("3", 345)])
def test_every_requirement_up_to_the_level_is_in_one_place(run, level, total):
    done = run("check", "--asvs", level, "--json", **DEPLOYED)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    places = [report[name] for name in ("proved", "unproved", "configured_away", "left")]
    assert len({one["id"] for place in places for one in place}) == sum(map(len, places)) == total
    assert all(one["tests"] for one in report["proved"])


def test_what_is_configured_away_names_the_findings(run):
    reason = "an old widget needs it for now"
    sound = json.loads(run("check", "--asvs", "2", "--json", **DEPLOYED).stdout)
    loosened = json.loads(run("check", "--asvs", "2", "--json", **DEPLOYED, FASTNESS_CSP_INSECURE_EVAL=reason).stdout)
    assert "V3.4.3" not in {one["id"] for one in sound["configured_away"]}
    assert {one["id"]: one["findings"] for one in loosened["configured_away"]}["V3.4.3"] == ["FST-CSP-002"]


def test_the_list_for_people(run):
    done = run("check", "--asvs", "1", **DEPLOYED)
    assert done.returncode == 0
    assert done.stdout.startswith("ASVS 5.0, level 1: 70 requirements\n")
    assert "Left to the app's people" in done.stdout


def test_an_app_that_may_not_start_has_a_list_and_fails(run):
    done = run("check", "--asvs", "2")
    assert done.returncode == 1
    assert "Configured away here" in done.stdout


@pytest.mark.parametrize("level", ["0", "4", "two"])
def test_there_are_three_levels(run, level):
    assert run("check", "--asvs", level).returncode == 2
