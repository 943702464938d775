"""pip-audit's three answers are kept apart: vulnerable, clean, and could not be checked; it is really run."""

import http.server
import json
import threading

import pytest

from fastness.audit.online import ask_service
from fastness.audit.osv import look_up
from fastness.audit.pins import Dependency
from tests.audit.conftest import NOW, SNAPSHOT

pytestmark = pytest.mark.sockets

OLD = Dependency(name="jinja2", version="2.10.1", where="requirements.txt")
NEW = Dependency(name="markupsafe", version="3.0.2", where="requirements.txt")


class Answers(http.server.BaseHTTPRequestHandler):
    """What a service answers about one version, in the form of OSV."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        given = Dependency(name=asked["package"]["name"], version=asked["version"], where="")
        known = look_up(SNAPSHOT, [given], now=NOW).advisories if self.server.knows else ()
        ids = {each for advisory in known for each in advisory.ids}
        records = [json.loads(file.read_text()) for file in sorted(SNAPSHOT.glob("*.json")) if file.stem in ids]
        content = json.dumps({"vulns": records} if records else {}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def service(monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.knows, server.status = True, 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{server.server_port}/v1/query")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_vulnerable(service, tmp_path):
    answer = ask_service(tmp_path, [OLD, NEW])
    assert answer.unchecked == ()
    assert [(each.dependency, "CVE-2024-22195" in each.ids, each.fixed) for each in answer.advisories] == [
        (OLD, True, ("3.1.3",))
    ]


def test_clean(service, tmp_path):
    answer = ask_service(tmp_path, [NEW])
    assert (answer.advisories, answer.unchecked) == ((), ())


def test_a_service_without_advisories_has_not_checked(service, tmp_path):
    service.knows = False
    assert [each.what for each in ask_service(tmp_path, [OLD]).unchecked] == ["Known vulnerabilities"]


def test_a_service_that_fails_has_not_checked(service, tmp_path):
    service.status = 500
    assert [each.what for each in ask_service(tmp_path, [OLD]).unchecked] == ["Known vulnerabilities"]


def test_a_service_that_is_away_has_not_checked(service, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", "http://127.0.0.1:9/v1/query")
    assert [each.what for each in ask_service(tmp_path, [OLD]).unchecked] == ["Known vulnerabilities"]


def test_a_folder_cannot_put_itself_in_the_place_of_pip(service, tmp_path):
    # pip-audit starts `python -m pip`, for which the current folder comes first.
    (tmp_path / "pip.py").write_text("import pathlib\npathlib.Path('ran').touch()\nprint('pip 99 from nowhere')\n")
    assert ask_service(tmp_path, [NEW]).unchecked == ()
    assert not (tmp_path / "ran").exists()


def test_two_versions_of_one_package_are_both_asked_about(service, tmp_path):
    older = Dependency(name="jinja2", version="2.10", where="dev.txt")
    answer = ask_service(tmp_path, [OLD, older])
    assert {each.dependency.version for each in answer.advisories} == {"2.10", "2.10.1"}
