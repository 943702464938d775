"""An attack that got past everything else does what a web application rarely does: it is stopped and named, on every loop.

V1.3.2 (no dynamic code), V1.2.5 (no commands), V1.5.2 (no deserialisation), V5.3.2 (paths), V13.2.4 (allow-list), V15.2.5.
"""

import contextlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from fastness.testing.servers import asgi_server, free_port, running_server
from tests.attacks.site import Site, environ_of, wait_for_workers
from tests.attacks.trips import TRIPS
from tests.attacks.wire import request

SERVED = [("granian", "asyncio"), ("granian", "uvloop"), ("uvicorn", "asyncio"), ("uvicorn", "uvloop")]
HERE = str(Path(__file__).parent / "trips.py")
DECLARED = [name for name, (_, wire, _) in TRIPS.items() if wire != "sockets" and name != "removed"]


@contextlib.contextmanager
def tripped_site(seeded, folder, server, loop, **overrides):
    shutil.copytree(seeded, folder, dirs_exist_ok=True)
    (folder / ".env").write_text("# FASTNESS_SECRET_KEY would be here\n")
    port = free_port()
    command = asgi_server("tests.attacks.tripped:app", port=port, server=server, loop=loop)
    environ = environ_of(folder, **overrides)
    with running_server(command, port=port, folder=folder, environ=environ) as process:
        site = Site(port, folder, process, folder / "log.jsonl")
        wait_for_workers(site, 1)
        yield site


@pytest.fixture(scope="module", params=SERVED, ids="-".join)
def blocking(request, seeded, tmp_path_factory):
    """The app on one server and one loop, where what trips a wire is stopped."""
    folder = tmp_path_factory.mktemp("blocking")
    with tripped_site(seeded, folder, *request.param) as site:
        yield site


@pytest.fixture(scope="module", params=SERVED[::3], ids="-".join)
def reporting(request, seeded, tmp_path_factory):
    """The same, where it is only told."""
    folder = tmp_path_factory.mktemp("reporting")
    with tripped_site(seeded, folder, *request.param, FASTNESS_TRIPWIRES_MODE="report") as site:
        yield site


def kept(site):
    return json.loads(site.send(request("GET /count")).body)


@pytest.mark.parametrize("name", [*TRIPS, "swallowed"])
def test_it_is_stopped_and_named_and_undone(blocking, name):
    before = kept(blocking)
    _, wire, subject = TRIPS.get(name, (None, "process", "true"))
    with blocking.records("tripwire", wire) as events:
        answer = blocking.send(request(f"POST /{name}"))
    event = events[0]
    assert (event["route"], event["detail"]["mode"]) == (name, "block")
    assert event["request_id"]
    assert event["detail"]["where"].startswith(f"{HERE}:")
    if name == "settings-file":
        subject = f"{blocking.folder.resolve()}/.env (read)"
    assert event["detail"]["subject"] == subject
    if name == "swallowed":  # whoever catches everything goes on, and what was stopped stays stopped
        assert (answer.status, kept(blocking)) == (200, before + 1)
    else:
        assert (answer.status, kept(blocking)) == (500, before)
        assert b"tripwire" not in answer.body


@pytest.mark.parametrize("name", DECLARED)
def test_a_route_that_says_so_may_do_it(blocking, name):
    with blocking.records_nothing():
        answer = blocking.send(request(f"POST /declared/{name}"))
    assert answer.status == 200


def test_what_libraries_do_in_every_app_trips_nothing(blocking):
    with blocking.records_nothing():
        assert blocking.send(request("GET /ordinary")).status == 200


def test_requests_that_are_served_at_the_same_time_are_kept_apart(blocking):
    paths = ["/slowly", "/slowly/declared"] * 10
    with ThreadPoolExecutor(len(paths)) as threads:
        answers = list(threads.map(lambda path: blocking.send(request(f"GET {path}")).status, paths))
    assert answers == [500, 200] * 10


def test_the_safe_client_asks_nobody_inside(blocking):
    with blocking.records("outbound_refused", "host_not_allowed") as events:
        answer = blocking.send(request("GET /outbound"))
    assert (answer.status, json.loads(answer.body)) == (400, "host_not_allowed")
    assert (events[0]["route"], events[0]["detail"]) == ("outbound", {"host": "169.254.169.254"})


class Partner(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize(("server", "loop"), SERVED)
def test_the_safe_client_goes_past_the_wires(seeded, tmp_path, server, loop):
    partner = HTTPServer(("127.0.0.1", 0), Partner)
    Thread(target=partner.serve_forever, daemon=True).start()
    reason = "the partner of this test is on this machine"
    overrides = {
        "FASTNESS_OUTBOUND_HOSTS": "localhost",
        "FASTNESS_OUTBOUND_PORTS": str(partner.server_port),
        "FASTNESS_OUTBOUND_INSECURE_PLAINTEXT": reason,
        "FASTNESS_OUTBOUND_INSECURE_ALLOW_PRIVATE": reason,
    }
    try:
        with tripped_site(seeded, tmp_path, server, loop, **overrides) as site, site.records_nothing():
            answer = site.send(request(f"GET /partner/{partner.server_port}"))
    finally:
        partner.shutdown()
        partner.server_close()
    assert (answer.status, json.loads(answer.body)) == (200, "hello")


@pytest.mark.parametrize("name", ["evaluate", "shell", "passwords", "loop-program"])
def test_it_is_told_once_a_minute_and_goes_on(reporting, name):
    before = kept(reporting)
    with reporting.records("tripwire", TRIPS[name][1]) as events:
        for _ in range(5):
            assert reporting.send(request(f"POST /{name}")).status == 200
    assert kept(reporting) == before + 5
    seen = [(event["detail"]["event"], event["route"]) for event in events]
    assert len(seen) == len(set(seen))
    assert {event["detail"]["mode"] for event in events} == {"report"}


def test_nothing_is_watched_where_the_settings_say_so(seeded, tmp_path):
    off = {"FASTNESS_TRIPWIRES_INSECURE_OFF": "a test without tripwires"}
    with tripped_site(seeded, tmp_path, "granian", "asyncio", **off) as site, site.records_nothing():
        assert site.send(request("POST /shell")).status == 200
