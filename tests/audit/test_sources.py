"""Our rules and Bandit over a folder: each mistake once, comments with an id and a reason, files that cannot be read."""

import importlib.metadata
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fastness
from fastness.audit.rules import RULES
from fastness.audit.silences import read_silences
from fastness.audit.sources import audit_sources

SOURCE = Path(fastness.__file__).parent
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def look(tmp_path):
    def run(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        outcome = audit_sources(tmp_path)
        return (
            [(each.id, each.where) for each in outcome.findings],
            [(finding.id, reason.text) for finding, reason in outcome.accepted],
            [each.what for each in outcome.unchecked],
        )

    return run


def test_a_mistake_that_both_know_is_told_once(look):
    found, _, _ = look(a="import subprocess\nsubprocess.run(line, shell=True)\neval(line)\n")
    assert found == [("FST-SOURCE-002", "a.py:3"), ("FST-SOURCE-005", "a.py:2")]


def test_what_only_bandit_knows_is_told_with_its_id(tmp_path):
    (tmp_path / "a.py").write_text("import os\nos.chmod(name, 0o777)\n")
    (finding,) = audit_sources(tmp_path).findings
    assert (finding.id, finding.where) == ("FST-BANDIT-001", "a.py:2")
    assert finding.detail.startswith("B103 set_bad_file_permissions: ")


@pytest.mark.parametrize(
    ("comment", "found", "accepted"),
    [
        pytest.param("# nosec FST002 # only constants come here", [], ["FST-SOURCE-002"], id="whole"),
        pytest.param("# nosec: FST002, B307 # only constants come here", [], ["FST-SOURCE-002"], id="both-ids"),
        pytest.param(
            "# noqa: S307  # nosec FST002 # only constants come here", [], ["FST-SOURCE-002"], id="after-others"
        ),
        pytest.param("# nosec", ["FST-SOURCE-002", "FST-SOURCE-070"], [], id="bare"),
        pytest.param("# nosec FST002", ["FST-SOURCE-002", "FST-SOURCE-070"], [], id="without-a-reason"),
        pytest.param("# nosec FST002 # todo", ["FST-SOURCE-002", "FST-SOURCE-070"], [], id="no-real-reason"),
        pytest.param(
            "# nosec # only constants come here", ["FST-SOURCE-002", "FST-SOURCE-070"], [], id="without-an-id"
        ),
        pytest.param(
            "# nosec FST003 # only constants come here", ["FST-SOURCE-002", "FST-SOURCE-071"], [], id="another-id"
        ),
        pytest.param(
            "# nosec FST002 FST003 # only constants come here",
            ["FST-SOURCE-071"],
            ["FST-SOURCE-002"],
            id="one-too-many",
        ),
    ],
)
def test_comments(look, comment, found, accepted):
    told, kept, _ = look(a=f"eval(text)  {comment}\n")
    assert ([name for name, _ in told], [name for name, _ in kept]) == (found, accepted)


def test_a_comment_may_stand_at_any_line_of_a_call(look):
    told, kept, _ = look(a="eval(\n    text,  # nosec FST002 # only constants come here\n)\n")
    assert (told, len(kept)) == ([], 1)


def test_a_text_is_no_comment():
    assert [*read_silences('x = "# nosec"\n')] == []


def test_a_file_that_cannot_be_read_was_not_checked(look):
    _, _, unchecked = look(a="def broken(:\n", b="x = 1\n")
    assert unchecked == ["a.py"]


def test_a_file_too_deep_to_look_at_was_not_checked(look):
    pattern = "(" * 3000 + "a" + ")" * 3000
    _, _, unchecked = look(a=f"import re\nre.compile({pattern!r})\n")
    assert unchecked == ["a.py"]


def test_what_has_no_end_was_not_checked(look, tmp_path):
    (tmp_path / "a.py").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "b.py")
    assert look() == ([], [], ["a.py", "b.py"])


def test_a_folder_cannot_put_itself_in_the_place_of_bandit(look):
    found, _, unchecked = look(
        bandit='print(\'{"results": [], "errors": []}\')\n', a="import os\nos.chmod(name, 0o777)\n"
    )
    assert (found, unchecked) == ([("FST-BANDIT-001", "a.py:2")], [])


def test_bandit_leaves_out_nothing_by_its_path(tmp_path):
    folder = tmp_path / "CVS-tools"  # a part of this is on Bandit's own list
    folder.mkdir()
    (folder / "a.py").write_text("import os\nos.chmod(name, 0o777)\n")
    outcome = audit_sources(folder)
    assert ([each.id for each in outcome.findings], outcome.unchecked) == (["FST-BANDIT-001"], ())


def test_the_plugin_gives_bandit_our_rules(tmp_path):
    (tmp_path / "a.py").write_text(
        "from starlette.responses import RedirectResponse\n"
        "async def view(request):\n"
        "    return RedirectResponse(request.query['next'])\n"
        "async def other(request):\n"
        "    User(**await request.json())  # nosec FST010 # every field may be chosen here\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "bandit", "--format", "json", "--quiet", str(tmp_path / "a.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    results = json.loads(ran.stdout)["results"]
    assert [(each["test_id"], each["line_number"], each["issue_severity"]) for each in results] == [
        ("FST011", 3, "HIGH")
    ]


def test_every_rule_is_an_entry_point_of_bandit():
    names = {rule.short_id.lower() for rule in RULES}
    wanted = {name: f"fastness.audit.banditplugin:{name}" for name in names}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["bandit.plugins"] == wanted
    installed = importlib.metadata.distribution("fastness").entry_points
    assert {each.name: each.value for each in installed if each.group == "bandit.plugins"} == wanted


def test_our_own_source_is_clean_or_says_why():
    outcome = audit_sources(SOURCE)
    assert [(each.id, each.where) for each in outcome.findings] == []
    assert outcome.unchecked == ()
    assert len(outcome.accepted) < 40


def test_the_core_does_not_need_what_the_audit_needs():
    names = ("bandit", "packaging", "cyclonedx", "packageurl", "pip_audit")
    script = (
        f"import sys, fastness.app, fastness.audit.catalogue; print(*(name for name in {names} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
