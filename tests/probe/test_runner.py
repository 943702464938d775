"""A scan begins with the proof, stays within its budget, and says what it did not look at."""

import pytest

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.probe.catalogue import CHECKS, NOTICES
from fastness.probe.client import USER_AGENT
from fastness.probe.runner import run_probe
from fastness.probe.target import Account, Limits, ProbeRefusedError
from tests.probe.careless import serving
from tests.probe.planted.faults import header_of, with_header

pytestmark = pytest.mark.sockets
OTHER_KEY = Secret("probe-tests-other-qT7xWv2nLk9RzB4mYc8sHd3fJg6pAe")


def only(*names):
    return [(name, check) for name, check in CHECKS if name in names]


def counting(app, sent):
    async def counted(scope, receive, send):
        sent.append(scope)
        await app(scope, receive, send)

    return counted


async def test_nothing_but_the_question_is_sent_to_a_target_that_holds_another_key(app, aim):
    sent = []
    async with serving(counting(app, sent)) as port:
        with pytest.raises(ProbeRefusedError, match="does not hold this app's key"):
            await run_probe(aim(port, keyring=Keyring(OTHER_KEY)))
    assert [scope["path"] for scope in sent] == ["/-/probe"]


async def friendly(scope, receive, send):
    """A site that answers everything with success."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"welcome"})


async def test_a_site_that_answers_everything_has_proved_nothing(aim):
    async with serving(friendly) as port:
        with pytest.raises(ProbeRefusedError):
            await run_probe(aim(port))


async def test_a_site_that_passes_the_question_on_has_proved_nothing(app, aim):
    """The app answers for the name that it was asked under, and the question names the other one."""

    async def passing_on(scope, receive, send):
        kept = [pair for pair in scope["headers"] if pair[0] != b"host"]
        await app({**scope, "headers": [*kept, (b"host", b"localhost")]}, receive, send)

    async with serving(passing_on) as port:
        with pytest.raises(ProbeRefusedError):
            await run_probe(aim(port))


async def test_nobody_there_is_told(aim):
    async with serving(friendly) as port:
        pass
    with pytest.raises(ProbeRefusedError, match="does not answer"):
        await run_probe(aim(port))


async def test_no_more_requests_are_sent_than_may_be_and_the_rest_is_unchecked(app, aim):
    sent = []
    async with serving(counting(app, sent)) as port:
        limits = Limits(max_requests=40)
        report = await run_probe(aim(port, limits=limits), checks=only("spellings of paths", "headers"))
    assert len(sent) == 41  # and the question
    assert "spellings of paths" in {one.what for one in report.unchecked}
    assert not report.is_passed


async def test_whoever_cannot_be_signed_in_is_unchecked(app, aim):
    wrong = (Account(name="ada", password=Secret("not hers")),)
    async with serving(app) as port:
        report = await run_probe(aim(port, accounts=wrong), checks=())
    assert [one.what for one in report.unchecked] == ["the account ada"]
    assert not report.is_passed


async def test_silence_is_no_pass(app, aim):
    async def falling_silent(scope, receive, send):
        if scope["path"] == "/go":
            message = "hang up"
            raise OSError(message)
        await app(scope, receive, send)

    async with serving(falling_silent) as port:
        report = await run_probe(aim(port), checks=())
    assert "/go" in report.unchecked[0].why


async def test_the_log_of_the_target_shows_who_asks(app, aim):
    sent = []
    async with serving(counting(app, sent)) as port:
        await run_probe(aim(port), checks=())
    assert {header_of(scope, b"user-agent") for scope in sent[1:]} == {USER_AGENT}


async def test_what_is_accepted_stays_visible_and_does_not_fail(app, aim):
    reason = Because("the proxy of this test says so")
    async with serving(with_header("server", "nginx/1.18.0")(app)) as port:
        report = await run_probe(aim(port), accepted={"FST-PROBE-009": reason}, checks=only("headers"))
    assert [(finding.id, why) for finding, why in report.accepted] == [("FST-PROBE-009", reason)]
    assert report.findings == ()


async def test_an_acceptance_of_nothing_is_refused(app, aim):
    async with serving(app) as port:
        with pytest.raises(ConfigError):
            await run_probe(aim(port), accepted={"FST-PROBE-999": Because("a typing mistake")}, checks=())


class Watching:
    def __init__(self):
        self.began, self.requests, self.findings = [], 0, []

    def begin(self, name, number, count):
        self.began.append((name, number, count))

    def requested(self):
        self.requests += 1

    def found(self, finding):
        self.findings.append(finding.id)


async def test_a_watcher_is_told_how_it_goes(app, aim):
    watcher = Watching()
    async with serving(with_header("server", "nginx/1.18.0")(app)) as port:
        await run_probe(aim(port), watcher=watcher, checks=only("headers"))
    assert watcher.began == [("look round", 1, 2), ("headers", 2, 2)]
    assert watcher.requests > 10
    assert watcher.findings == ["FST-PROBE-009"]


def test_each_notice_is_in_the_catalogue_once():
    assert len({notice.id for notice in NOTICES}) == len(NOTICES)
