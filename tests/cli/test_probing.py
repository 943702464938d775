"""`fastness probe`: what it refuses before it sends anything, and how a scan is shown."""

import io

import pytest
from rich.console import Console

from fastness.cli.errors import CommandError
from fastness.cli.probeview import Lines, Screen, watching
from fastness.cli.probing import known_route, probe_site
from fastness.cli.reporting import text_of_report
from fastness.kernel.because import Because
from fastness.kernel.report import Report, Unchecked
from fastness.probe.headers import NO_POLICY, VERSION
from fastness.probe.target import ProbeAddressError
from fastness.reports.forms import Form
from fastness.web import access
from fastness.web.route import Route

FINDING = NO_POLICY.found(where="GET /x\x1b[31m (404)")


def probe(url="https://www.example.com", **options):
    values = {"names": (), "reads_stdin": False, "max_requests": None, "form": Form()}
    return probe_site(None, url, **{**values, **options})


def test_an_address_that_is_none_is_refused_before_the_app_is_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProbeAddressError):
        probe("www.example.com")


def test_without_an_app_there_is_no_key_to_ask_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError):
        probe()


def route(path="/", **options):
    async def endpoint(request):
        raise NotImplementedError

    values = {"methods": frozenset({"GET"}), "kind": "http", "access": access.public, "name": "x", "where": "here"}
    return Route(path=path, endpoint=endpoint, **{**values, **options})


@pytest.mark.parametrize(
    ("rule", "is_refused", "is_hidden"),
    [
        pytest.param(access.public, False, False, id="public"),
        pytest.param(access.signed_in, True, False, id="signed-in"),
        pytest.param(access.network("10.0.0.0/8"), False, False, id="by-network-nobody-knows"),
        pytest.param(access.signed_in & access.network("10.0.0.0/8"), True, False, id="signed-in-and-network"),
        pytest.param(access.hidden(access.role("keepers")), True, True, id="hidden"),
    ],
)
def test_what_is_known_of_a_route(rule, is_refused, is_hidden):
    known = known_route(route(access=rule))
    assert (known.is_refused, known.is_hidden, known.takes_other_sites) == (is_refused, is_hidden, False)


def test_a_route_that_takes_other_sites_is_known_to():
    assert known_route(route(insecure_cross_site=Because("reports come from anywhere"))).takes_other_sites


@pytest.mark.parametrize(
    ("report", "last"),
    [
        (Report(tool="probe"), "Nothing found."),
        (Report(tool="probe", findings=(FINDING, VERSION.found())), "2 found: 1 grave, 1 to know about."),
        (
            Report(tool="probe", findings=(FINDING,), unchecked=(Unchecked(what="a", why="b"),)),
            "1 found: 1 grave, 0 to know about. 1 could not be checked.",
        ),
    ],
)
def test_the_report_ends_with_what_it_comes_to(report, last, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = text_of_report(report)
    assert text.splitlines()[-1] == last
    assert "\x1b" not in text


def test_a_log_gets_a_line_for_each_check_and_finding(capsys):
    lines = Lines()
    lines.begin("headers", 2, 9)
    lines.requested()
    lines.found(FINDING)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == "[2/9] headers"
    assert "FST-PROBE-001" in err
    assert "\x1b" not in err


def test_a_person_gets_a_bar_and_a_table():
    screen = Screen("https://www.example.com")
    screen.begin("headers", 2, 9)
    for _ in range(7):
        screen.requested()
    screen.found(FINDING)
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    console.print(screen)
    shown = console.file.getvalue()
    for text in ("FST-PROBE-001", "GET /x\\u001b[31m (404)", "7 requests", "1/9", "headers"):
        assert text in shown
    assert "\x1b" not in shown


def test_elsewhere_than_on_a_terminal_there_are_lines():
    with watching("https://www.example.com") as watcher:
        assert isinstance(watcher, Lines)
