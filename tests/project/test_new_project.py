"""`fastness new`, then the project's own two commands: it runs, and it passes its own tests."""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from fastness.cli.serving import MAX_HEADER_BYTES, STOP_SECONDS
from fastness.settings.envfile import read_lines
from fastness.testing.servers import free_port, running_server

FASTNESS = [sys.executable, "-m", "fastness.cli"]
CLEAN = {"PATH": os.environ["PATH"]}
BEHIND_A_PROXY = {
    "FASTNESS_PROFILE": "production",
    "FASTNESS_HOSTS": "shop.example.com",
    "FASTNESS_PROXY_TRUSTED": "127.0.0.1",
}
THROUGH_IT = {"Host": "shop.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


def make(folder: Path, name: str) -> Path:
    subprocess.run([*FASTNESS, "new", name], cwd=folder, env=CLEAN, check=True, capture_output=True)
    return folder / name


def command(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=folder, env={**CLEAN, **environ}, capture_output=True, text=True, check=False, timeout=110
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return make(tmp_path_factory.mktemp("projects"), "site")


def get(port: int, path: str = "/", **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": "text/html", **headers})
    try:
        with urllib.request.build_opener(NoRedirects).open(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


def test_it_runs(site):
    port = free_port()
    assert command(site, *FASTNESS, "db", "upgrade").returncode == 0
    with running_server([*FASTNESS, "dev", "--port", str(port)], port=port, folder=site) as server:
        status, page = get(port)
        assert status == 200
        assert "It runs." in page
        assert get(port, "/static/site.css")[0] == 200
        status, page = get(port, "/account/sign-in")
        assert (status, '<a class="name" href="/">site</a>' in page) == (200, True)
        assert page.index("/static/fastness") < page.index("/static/site") < page.index('id="username"')
        assert get(port, Host="shop.example.com")[0] == 400
        assert server.poll() is None


def test_its_account_pages_are_dressed_as_the_guide_says(site):
    guide = (Path(__file__).parents[2] / "docs/guides/account-flows.md").read_text()
    block = guide.split("```html accounts:layout.html\n")[1].split("```")[0]
    assert (site / "site_app/templates/accounts/layout.html").read_text().endswith(block)


def test_a_change_of_the_code_is_served_without_a_restart_also_after_a_mistake(site):
    port = free_port()
    file = site / "site_app/app.py"
    before = file.read_text()
    with running_server([*FASTNESS, "dev", "--port", str(port)], port=port, folder=site):
        assert get(port, "/second")[0] == 404
        file.write_text(before.replace('"/", access=access.public', '"/"'))
        log = site / f"server-{port}.log"
        wait_until(lambda: "saving a file tries again" in log.read_text())
        assert log.read_text().count("runs at") == 1
        file.write_text(before.replace('"/", access', '"/second", access'))
        try:
            assert wait_for(port, "/second")
            assert log.read_text().count("runs at") == 2
        finally:
            file.write_text(before)


def test_an_app_that_cannot_be_loaded_does_not_say_that_it_runs(site):
    port = free_port()
    file = site / "site_app/app.py"
    before = file.read_text()
    file.write_text(before.replace('"/", access=access.public', '"/"'))
    log = site / "log"
    try:
        with (
            log.open("w") as output,
            subprocess.Popen(
                [*FASTNESS, "dev", "--port", str(port)], cwd=site, env=CLEAN, stdout=output, stderr=output
            ) as server,
        ):
            wait_until(lambda: "saving a file tries again" in log.read_text())
            server.terminate()
    finally:
        file.write_text(before)
    assert "runs at" not in log.read_text()


def wait_until(is_so: Callable[[], bool]) -> None:
    import time

    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def wait_for(port: int, path: str) -> bool:
    import time

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if get(port, path)[0] == 200:
                return True
        except OSError:
            pass  # between two processes
        time.sleep(0.1)
    return False


def test_it_passes_its_own_tests_by_its_own_command(site):
    makefile, readme = (site / "Makefile").read_text(), (site / "README.md").read_text()
    for name in ("dev", "test"):
        assert f"\n{name}: fastness\n" in makefile
        assert f"make {name}\n" in readme
    done = command(site, "make", "test", f"PYTHON={sys.executable}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9][0-9]* passed", done.stdout)
    assert "skipped" not in done.stdout


def test_a_python_without_fastness_is_named_with_what_to_do(site):
    for name in ("dev", "test"):
        done = command(site, "make", name, f"PYTHON={sys.executable} -IS")
        assert done.returncode != 0
        assert f"error: {sys.executable} -IS has no Fastness. Activate" in done.stderr
        assert "Traceback" not in done.stderr


def test_two_projects_have_two_secrets(tmp_path):
    keys = set()
    for name in ("one", "two"):
        text = (make(tmp_path, name) / ".env").read_text()
        keys |= {line.value for line in read_lines(text) if line.name == "FASTNESS_SECRET_KEY"}
    assert len(keys) == 2


def test_the_production_server_answers_through_its_proxy_and_stops_when_told(site):
    port = free_port()
    assert command(site, *FASTNESS, "db", "upgrade", **BEHIND_A_PROXY).returncode == 0
    serve = [*FASTNESS, "serve", "--port", str(port), "--workers", "2"]
    with running_server(serve, port=port, folder=site, environ=BEHIND_A_PROXY) as server:
        status, page = get(port, **THROUGH_IT)
        assert status == 200
        assert "It runs." in page
        assert get(port, Host="shop.example.com")[0] == 308
        assert get(port, **{**THROUGH_IT, "Host": "evil.example"})[0] == 400
        # More than the app's own limit, and more than the server reads at all.
        assert get(port, **THROUGH_IT, **{"X-Long": "a" * (MAX_HEADER_BYTES - 20_000)})[0] == 431
        assert get(port, **THROUGH_IT, **{"X-Long": "a" * (MAX_HEADER_BYTES * 2)})[0] == 431
        server.terminate()
        # A worker that is told in the very moment in which it begins may not hear it, and is ended at this time.
        assert server.wait(STOP_SECONDS + 30) == 0
    lines = (site / f"server-{port}.log").read_text().splitlines()
    assert all(line.startswith('{"at":') and line.isascii() for line in lines), lines


def test_behind_a_proxy_that_leads_one_path_to_it_every_address_carries_the_path(site):
    port = free_port()
    assert command(site, *FASTNESS, "db", "upgrade", **BEHIND_A_PROXY).returncode == 0
    serve = [*FASTNESS, "serve", "--port", str(port), "--root-path", "/shop/"]
    with running_server(serve, port=port, folder=site, environ=BEHIND_A_PROXY):
        # With the path in front, and without it: proxies do either.
        for path in ("/shop/", "/"):
            status, page = get(port, path, **THROUGH_IT)
            assert status == 200
            (style,) = re.findall(r'href="([^"]+\.css)"', page)
            assert style.startswith("/shop/static/")
            assert get(port, style, **THROUGH_IT)[0] == 200
            assert get(port, style.removeprefix("/shop"), **THROUGH_IT)[0] == 200
            # The path alone belongs to somebody else.
            assert get(port, "/shopping", **THROUGH_IT)[0] == 404


def test_a_taken_port_is_named(site):
    port = free_port()
    with running_server([*FASTNESS, "dev", "--port", str(port)], port=port, folder=site):
        done = command(site, *FASTNESS, "dev", "--port", str(port))
        assert done.returncode == 1
        assert str(port) in done.stderr
