"""The hook and the watch without a server; what an app meets on real ones is in tests/attacks/test_tripwires.py."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest
import uvloop

import fastness
from fastness.html.translating import CATALOGUES, Messages
from fastness.kernel.wires import ACTIVE, PERMITTED, Wire, permitting
from fastness.tripwires.declared import Folders
from fastness.tripwires.errors import TripwireError
from fastness.tripwires.events import WATCHED, File, Other, Server, read_changed, read_database, read_open
from fastness.tripwires.hook import HOOK
from fastness.tripwires.loops import ContextExecutor, UnwatchableLoopError, watch_loop
from fastness.tripwires.rules import TripwireMode
from fastness.tripwires.watch import Served, Watch

HERE = str(Path(__file__))
pytestmark = pytest.mark.sockets  # none is opened; the events of those that would be are raised


class Told:
    def __init__(self):
        self.seen = []
        self.permits = frozenset()

    def tell(self, activity, wire, detail):
        self.seen.append((activity, wire, dict(detail)))

    def describe(self, activity):
        return Served() if activity is None else Served("a route", "views.py:1", self.permits)


@pytest.fixture
def told():
    return Told()


@pytest.fixture(params=list(TripwireMode))
def mode(request):
    return request.param


@pytest.fixture
def watch(told, mode):
    watch = Watch(
        mode=mode,
        folders=Folders.of(
            readable=[sys.prefix, sys.base_prefix, str(Path(HERE).parent.parent.parent)], writable=["/tmp"]
        ),
        servers=frozenset({("127.0.0.1", 5432)}),
        unix_sockets=frozenset({"/run/pg/.s.PGSQL.5432"}),
        tell=told.tell,
        describe=told.describe,
        now=lambda: 0.0,
    )
    HOOK.arm(watch)
    yield watch
    HOOK.disarm(watch)


def trips(mode):
    return pytest.raises(TripwireError) if mode is TripwireMode.BLOCK else permitting()


def test_an_event_is_told_with_the_line_that_raised_it(watch, told, mode):
    with trips(mode):
        eval("1")  # noqa: S307
    _, wire, detail = told.seen[0]
    assert (wire, detail["event"], detail["mode"]) == (Wire.CODE, "compile", mode.value)
    assert detail["where"].startswith(f"{HERE}:")


def test_a_catalogue_is_read_without_a_word(watch, told):
    # In development that is when the first page is made; gettext compiles the rule of the plurals.
    messages = Messages("de", [Path(fastness.__file__).parent / "accounts" / "templates" / CATALOGUES])
    assert messages.gettext("Sign in") == "Anmelden"
    assert told.seen == []


def test_it_belongs_to_the_request_that_is_served(watch, told, mode):
    request = object()
    ACTIVE.set(request)
    try:
        with trips(mode):
            sys.audit("os.system", b"true --secret=1")
        told.permits = frozenset({Wire.PROCESS})
        sys.audit("os.system", b"ls")
    finally:
        ACTIVE.set(None)
    assert [(one[0], one[2]["subject"]) for one in told.seen] == [(request, "true")]


def test_what_is_permitted_holds_here_and_nowhere_else(watch, told, mode):
    with permitting(Wire.PROCESS):
        sys.audit("os.fork")
        assert PERMITTED.get() == {Wire.PROCESS}
        with permitting(Wire.CODE):
            sys.audit("os.fork")
    assert told.seen == []
    with trips(mode):
        sys.audit("os.fork")
    assert len(told.seen) == 1


def test_declared_servers_pass_and_their_neighbours_do_not(watch, told, mode):
    sys.audit("socket.connect", None, ("127.0.0.1", 5432))
    sys.audit("socket.connect", None, "/run/pg/.s.PGSQL.5432")
    sys.audit("socket.sendmsg", None, None)
    assert told.seen == []
    for address in [("127.0.0.1", 22), "/var/run/docker.sock"]:
        with trips(mode):
            sys.audit("socket.connect", None, address)
    assert [one[2]["subject"] for one in told.seen] == ["127.0.0.1 port 22", "/var/run/docker.sock"]


def test_an_import_may_do_what_it_does(watch, told):
    for name in ("this", "antigravity", "xmlrpc.client", "xml.dom.minidom"):
        sys.modules.pop(name, None)
    import xml.dom.minidom  # noqa: F401

    assert told.seen == []


def test_the_log_that_is_written_for_it_is_not_told_again(watch, told, mode):
    plain = told.tell

    def tell(activity, wire, detail):
        sys.audit("os.system", b"a log handler that does too much")
        plain(activity, wire, detail)

    object.__setattr__(watch, "tell", tell)
    with trips(mode):
        sys.audit("os.fork")
    assert len(told.seen) == 1


def test_other_threads_are_watched_too(watch, told, mode):
    def work():
        with trips(mode):
            sys.audit("os.fork")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(told.seen) == 1


def test_what_either_of_two_apps_declares_is_declared(watch, told, mode):
    other = Watch(
        mode=TripwireMode.BLOCK,
        folders=Folders(readable=(), writable=()),
        servers=frozenset({("127.0.0.1", 25)}),
        unix_sockets=frozenset(),
        tell=told.tell,
        describe=told.describe,
    )
    HOOK.arm(other)
    try:
        sys.audit("socket.connect", None, ("127.0.0.1", 25))
        sys.audit("socket.connect", None, ("127.0.0.1", 5432))
    finally:
        HOOK.disarm(other)
    assert told.seen == []


def test_nothing_is_weighed_once_nobody_watches(told):
    assert HOOK.watches == ()
    sys.audit("os.system", b"true")
    assert told.seen == []


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_the_ways_out_of_a_loop_are_weighed(watch, told, mode, kind):
    loops = {"asyncio": asyncio, "uvloop": uvloop}[kind]

    async def main():
        loop = asyncio.get_running_loop()
        watch_loop(loop, HOOK)
        watch_loop(loop, HOOK)
        if mode is TripwireMode.BLOCK:
            with pytest.raises(TripwireError):
                await loop.getaddrinfo("secret.evil.test", 80)
            with pytest.raises(TripwireError):
                await asyncio.open_connection("127.0.0.1", 22)

    loops.run(main())
    assert len(told.seen) == (2 if mode is TripwireMode.BLOCK else 0)


def test_a_loop_that_does_not_let_itself_be_watched_is_refused():
    class Closed:
        __slots__ = ()

        async def create_connection(self): ...

    with pytest.raises(UnwatchableLoopError):
        watch_loop(Closed(), HOOK)


def test_threads_of_the_loop_begin_in_the_context_of_whoever_asked():
    with ContextExecutor(1) as threads, permitting(Wire.FILES):
        assert threads.submit(PERMITTED.get).result() == {Wire.FILES}


@pytest.mark.parametrize(
    ("read", "arguments", "subject"),
    [
        pytest.param(read_open, ("/etc/passwd", "r", 0), File("/etc/passwd", is_write=False), id="read"),
        pytest.param(read_open, (b"/etc/passwd", "r+", 2), File("/etc/passwd", is_write=True), id="read and write"),
        pytest.param(read_open, ("/etc/passwd", None, 1), File("/etc/passwd", is_write=True), id="os.open"),
        pytest.param(read_open, ("/etc/../etc/passwd", "r", 0), File("/etc/passwd", is_write=False), id="detour"),
        pytest.param(read_open, (3, "r", 0), None, id="a descriptor"),
        pytest.param(read_changed, ("a", 5), None, id="within an open folder"),
        pytest.param(read_changed, ("/etc/passwd", -1), File("/etc/passwd", is_write=True), id="by its path"),
        pytest.param(read_database, (":memory:",), None, id="in memory"),
        pytest.param(read_database, ("file:/etc/passwd?mode=ro",), File("/etc/passwd", is_write=True), id="a URI"),
        pytest.param(WATCHED["socket.getaddrinfo"][1], (None, 80), None, id="this machine"),
        pytest.param(
            WATCHED["socket.getaddrinfo"][1], (b"evil.test", "http"), Server("evil.test", None), id="a service"
        ),
        pytest.param(WATCHED["os.exec"][1], (b"/bin/sh", ["-c", "secret"], None), Other("/bin/sh"), id="a program"),
        pytest.param(WATCHED["pickle.find_class"][1], ("os", "system"), Other("os.system"), id="a class"),
    ],
)
def test_a_reader_says_what_an_event_is_about(read, arguments, subject):
    assert read(arguments) == subject
