"""The demo and a fresh project, as `fastness serve` runs them with a certificate: the probe finds nothing."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import trustme

from fastness.testing.servers import free_port, running_server
from tests.ready_made import CHEAP_PASSWORDS_ENVIRON

pytestmark = [pytest.mark.sockets, pytest.mark.timeout(400)]
FASTNESS = [sys.executable, "-m", "fastness.cli"]
CASEBOOK = Path(__file__).resolve().parents[2] / "examples" / "casebook"
NOT_COPIED = shutil.ignore_patterns(".env", "var", ".*cache", "__pycache__")
PASSWORDS = {"maren": "copper kettle on a quiet hill", "idris": "seven lanterns by the harbour"}


@pytest.fixture
def environ(tmp_path):
    """A deployment with a certificate of an authority of its own."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    return {
        "PATH": os.environ["PATH"],
        "SSL_CERT_FILE": str(tmp_path / "authority.pem"),
        "FASTNESS_PROFILE": "production",
        "FASTNESS_HOSTS": "localhost",
        "FASTNESS_SECRET_KEY": "probe-served-only-qT7xWv2nLk9RzB4mYc8sHd3fJg6pAe",
        "FASTNESS_MAIL_BACKEND": "smtp",
        "FASTNESS_MAIL_HOST": "localhost",
        "FASTNESS_MAIL_SENDER": "probe@localhost.example",
        **CHEAP_PASSWORDS_ENVIRON,
    }


@pytest.fixture
def run(forks):
    def run_command(folder, environ, *arguments, stdin=""):
        return forks.run("-m", "fastness.cli", *arguments, folder=folder, environ=environ, stdin=stdin, timeout=200)

    return run_command


def serving(run, folder, environ, port):
    """The app behind a certificate, with the routes that it has now: what the lock file is for is tried elsewhere."""
    assert run(folder, environ, "routes", "--matrix", "--write").returncode == 0
    files = ["--certfile", str(folder.parent / "certificate.pem"), "--keyfile", str(folder.parent / "key.pem")]
    serve = [*FASTNESS, "serve", "--port", str(port), "--no-worker", *files]
    return running_server(serve, port=port, folder=folder, environ=environ)


def probed(run, folder, environ, port, accounts):
    """What the probe says of the app that runs at this port."""
    options = ["--json", *(part for name in accounts for part in ("--account", name)), "--passwords-stdin"]
    stdin = "".join(f"{password}\n" for password in accounts.values())
    return run(folder, environ, "probe", f"https://localhost:{port}", *options, stdin=stdin)


def assert_clean(done):
    report = json.loads(done.stdout)
    assert (report["findings"], report["unchecked"]) == ([], []), done.stderr
    assert done.returncode == 0


def test_the_demo_is_clean(run, tmp_path, environ):
    folder = Path(shutil.copytree(CASEBOOK, tmp_path / "casebook", ignore=NOT_COPIED))
    development = {**environ, "FASTNESS_PROFILE": "development"}
    assert run(folder, development, "db", "upgrade").returncode == 0
    assert run(folder, development, "demo", "--seed-only").returncode == 0
    port = free_port()
    with serving(run, folder, environ, port):
        assert_clean(probed(run, folder, environ, port, PASSWORDS))


def test_a_fresh_project_is_clean_and_another_key_gets_nothing(run, tmp_path, environ):
    assert run(tmp_path, environ, "new", "site").returncode == 0
    folder = tmp_path / "site"
    assert run(folder, environ, "db", "upgrade").returncode == 0
    password = "three kites over the mill pond"
    made = run(folder, environ, "users", "create", "wren", "--password-stdin", stdin=f"{password}\n")
    assert made.returncode == 0, made.stderr
    port = free_port()
    with serving(run, folder, environ, port):
        assert_clean(probed(run, folder, environ, port, {"wren": password}))
        other = {**environ, "FASTNESS_SECRET_KEY": "probe-other-only-Zz7xWv2nLk9RzB4mYc8sHd3fJg6pAe"}
        done = run(folder, other, "probe", f"https://localhost:{port}")
    assert done.returncode == 1
    assert "This target is not yours" in done.stderr
    assert done.stdout == ""
