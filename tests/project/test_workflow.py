"""The workflow of a new project: what it may do and runs, and its own commands, run here as the code host runs them."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer.main
import yaml
from typer.core import TyperGroup

from fastness.cli.main import app
from fastness.testing.servers import free_port

SNAPSHOT = Path(__file__).resolve().parents[1] / "audit" / "osv"
WORKFLOW = ".github/workflows/security.yml"
PINNED = re.compile(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
TOOLS = Path(sys.executable).parent
GIT = ["git", "-c", "user.name=robin", "-c", "user.email=robin@example.com"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A new project as the code host has it: what Git tracks, and nothing else."""
    folder = tmp_path_factory.mktemp("projects")
    subprocess.run([sys.executable, "-m", "fastness.cli", "new", "site"], cwd=folder, check=True, capture_output=True)
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Begin"]):
        subprocess.run([*GIT, *command], cwd=folder / "site", check=True)
    subprocess.run([*GIT, "clone", "--quiet", "site", "checkout"], cwd=folder, check=True)
    return folder / "checkout"


@pytest.fixture(scope="module")
def text(checkout):
    return (checkout / WORKFLOW).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def workflow(text):
    return yaml.safe_load(text)


def commands_of(workflow):
    """Each command of each step, as a list of words."""
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            for line in step.get("run", "").replace("\\\n", " ").splitlines():
                yield shlex.split(line)


def test_every_action_is_pinned_by_a_commit(text):
    uses = re.findall(r"uses: (.+)", text)
    assert uses
    assert [use for use in uses if PINNED.fullmatch(use) is None] == []


def test_it_may_do_nothing_that_it_does_not_need(workflow):
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "proof": {"contents": "read"},
        "publish": {"actions": "read", "contents": "read", "security-events": "write"},
    }
    # Who may write runs nothing of the project, nor of what it needs.
    assert [step for step in workflow["jobs"]["publish"]["steps"] if "run" in step] == []
    # YAML 1.1 takes `on` for a truth value. "pull_request_target" would give secrets to the code of strangers.
    assert set(workflow[True]) == {"push", "pull_request", "schedule"}
    assert workflow["jobs"]["proof"]["steps"][0]["with"] == {"persist-credentials": False}


def test_no_step_puts_a_value_of_the_code_host_into_its_script(workflow):
    assert [words for words in commands_of(workflow) if any("${{" in word for word in words)] == []


def test_it_names_no_registry(text):
    assert "://" not in text.replace("https://localhost:8443", "")


def test_every_command_of_the_framework_exists(workflow):
    named = set()
    for words in commands_of(workflow):
        if words[:1] != ["fastness"]:
            continue
        command = typer.main.get_command(app)
        rest = words[1:]
        while isinstance(command, TyperGroup):
            named.add(rest[0])
            command = command.commands[rest.pop(0)]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= known, words
    assert {"check", "audit", "probe", "serve"} <= named
    assert any(words[:1] == ["pytest"] for words in commands_of(workflow))


def fresh(folder):
    """The snapshot as of today: an old one has checked nothing."""
    for file in SNAPSHOT.glob("*.json"):
        record = json.loads(file.read_text(encoding="utf-8"))
        record["modified"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        (folder / file.name).write_text(json.dumps(record), encoding="utf-8")
    return folder


def run_step(script, folder, environ):
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.sockets
@pytest.mark.timeout(500)
def test_its_steps_pass_on_a_new_project(checkout, workflow, tmp_path):
    for name in ("temp", "osv"):
        (tmp_path / name).mkdir()
    job = workflow["jobs"]["proof"]
    variables = tmp_path / "variables"
    variables.touch()
    # Nothing is installed here, and no service is asked: what the tests run in is what the first step would have made.
    offline = f"fastness audit --offline --osv {shlex.quote(str(fresh(tmp_path / 'osv')))}"
    port = str(free_port())
    for step in job["steps"]:
        if "run" not in step or step["name"] == "Install":
            continue
        script = step["run"].replace("fastness audit", offline).replace("8443", port)
        own = {
            name: value.replace("${{ runner.temp }}", str(tmp_path / "temp"))
            for name, value in step.get("env", {}).items()
        }
        made = dict(line.split("=", 1) for line in variables.read_text().splitlines())
        environ = {
            "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_ENV": str(variables),
            "RUNNER_TEMP": str(tmp_path / "temp"),
            **job["env"],
            **made,
            **own,
        }
        done = run_step(script, checkout, environ)
        log = checkout / "reports/serve.log"
        assert done.returncode == 0, (step["name"], done.stdout, done.stderr, log.read_text() if log.exists() else "")
    written = {file.name for file in (checkout / "reports").iterdir()}
    assert written == {"check.sarif", "audit.sarif", "sbom.json", "tests.xml", "probe.sarif", "serve.log"}
    for tool in ("check", "audit", "probe"):
        (run,) = json.loads((checkout / f"reports/{tool}.sarif").read_text())["runs"]
        assert run["invocations"][0]["executionSuccessful"], tool
        assert {result["level"] for result in run["results"]} <= ({"note"} if tool != "probe" else set())
    assert 'failures="0"' in (checkout / "reports/tests.xml").read_text()


def test_the_tools_of_the_steps_are_here():
    assert [name for name in ("bash", "curl", "git", "openssl") if shutil.which(name) is None] == []
