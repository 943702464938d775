import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fastness.auth.accounts import Accounts
from fastness.auth.breachlookup import RangeLookup
from fastness.auth.errors import PasswordRefusedError
from fastness.auth.passwordpolicy import PasswordOwner, PasswordPolicy, own_words, refusal_text
from fastness.auth.passwords import PasswordReason, PasswordRules
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName
from fastness.kernel.verdicts import ALLOW, Deny
from tests.auth.conftest import PASSWORD
from tests.ready_made import CHEAP_PASSWORDS

ADA = PasswordOwner(username="ada.lovelace", display_name="Ada King Lovelace", email="countess@analytical.example")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        pytest.param("ada.lovelace 1815!", PasswordReason.SIMILAR, id="user-name-and-a-year"),
        pytest.param("Adalovelace-adalovelace", PasswordReason.SIMILAR, id="user-name-twice"),
        pytest.param("ECALEVOLecalevol1234", PasswordReason.SIMILAR, id="backwards"),
        pytest.param("ＬＯＶＥＬＡＣＥ lovelace", PasswordReason.SIMILAR, id="full-width"),
        pytest.param("countess1countess2", PasswordReason.SIMILAR, id="before-the-at-sign"),
        pytest.param("Analytical Example", PasswordReason.SIMILAR, id="behind-the-at-sign"),
        pytest.param("casebook casebook 77", PasswordReason.SIMILAR, id="project"),
        pytest.param("king of the casebook wears a hat", None, id="a-name-in-a-sentence"),
        pytest.param("the enchantress of numbers", None, id="nothing-of-it"),
        pytest.param("password12345678", PasswordReason.COMMON, id="common"),
        pytest.param("short", PasswordReason.TOO_SHORT, id="length-comes-first"),
    ],
)
def test_v6_2_11_what_is_known_about_a_person_is_no_password(password, reason):
    verdict = PasswordPolicy(PasswordRules(), site_words=("casebook",)).decide(password, ADA)
    assert verdict == (ALLOW if reason is None else Deny(reason))


def test_own_words_are_bounded():
    words = own_words(*(f"{number} word{number} " * 100_000 for number in range(50)))
    assert len(words) <= 32
    assert all(4 <= len(word) <= 254 for word in words)


@pytest.mark.parametrize(
    ("min_kinds", "password", "passes"),
    [
        pytest.param(0, "many small letters here", True, id="off-by-default"),
        pytest.param(3, "many small letters here", False, id="two-kinds"),
        pytest.param(3, "Many small letters here", True, id="three-kinds"),
        pytest.param(4, "Many small letters here", False, id="no-digit"),
        pytest.param(4, "Many small letters 4 you", True, id="all"),
    ],
)
def test_v6_2_5_kinds_of_characters_only_where_somebody_asks(min_kinds, password, passes):
    verdict = PasswordPolicy(PasswordRules(min_kinds=min_kinds)).decide(password, ADA)
    assert verdict == (ALLOW if passes else Deny(PasswordReason.TOO_FEW_KINDS))


class NoDogs:
    def decide(self, password, owner):
        return Deny(PasswordReason.SIMILAR) if "dog" in password else ALLOW


def test_an_app_adds_a_check():
    policy = PasswordPolicy(PasswordRules(), checks=(NoDogs(),))
    assert policy.decide("the dog ate my homework", ADA) == Deny(PasswordReason.SIMILAR)
    assert policy.decide("the cat ate my homework", ADA) is ALLOW


@pytest.mark.parametrize("reason", list(PasswordReason))
def test_every_refusal_tells_what_to_do(reason):
    assert refusal_text(PasswordRules(), reason)
    assert refusal_text(PasswordRules(), reason) != refusal_text(PasswordRules(), "another")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        pytest.param("password12345678", PasswordReason.COMMON, id="common"),
        pytest.param("Ada Lovelace 1815", PasswordReason.SIMILAR, id="similar"),
        pytest.param("short", PasswordReason.TOO_SHORT, id="short"),
    ],
)
async def test_v6_2_4_set_password_asks_for_everybody(accounts, database, ada, password, reason):
    from fastness.auth.users import User
    from fastness.db.unit import Unit

    async with Unit(database, is_read_only=False) as unit:
        user = await unit.session.get_one(User, ada.id)
        with pytest.raises(PasswordRefusedError) as refusal:
            await accounts.set_password(unit.session, user, password)
    assert refusal.value.reason is reason
    assert str(refusal.value) == f"password refused: {reason}"


# The service for breached passwords.


class Service(BaseHTTPRequestHandler):
    asked: list[str]
    answer: tuple[int, bytes]

    def do_GET(self):
        type(self).asked.append(self.path)
        status, body = self.answer
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(status, body):
        handler = type("OneService", (Service,), {"asked": [], "answer": (status, body)})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return handler, PasswordRules(breach_lookup_url=f"http://127.0.0.1:{server.server_port}/range")

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


DIGEST = hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).hexdigest().upper()
OTHER = "0" * 35


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(200, f"{OTHER}:3\r\n{DIGEST[5:]}:12\r\n", True, id="known"),
        pytest.param(200, f"{OTHER}:3\r\n", False, id="unknown"),
        pytest.param(200, f"{DIGEST[5:]}:0\r\n", False, id="padding"),
        pytest.param(200, DIGEST[5:40].lower() + ":1", True, id="small-letters"),
        pytest.param(200, "", False, id="nothing"),
        pytest.param(302, "", None, id="redirect-is-not-followed"),
        pytest.param(500, f"{DIGEST[5:]}:12", None, id="broken"),
        pytest.param(200, "\N{SNOWMAN}", None, id="not-the-format"),
        pytest.param(200, "x" * 1_100_000, None, id="too-long"),
    ],
)
async def test_v6_2_12_a_service_is_asked_by_five_characters(serve, status, body, expected):
    service, rules = serve(status, body.encode())
    assert await RangeLookup(rules).is_breached(PASSWORD) is expected
    assert service.asked == [f"/range/{DIGEST[:5]}"]


@pytest.mark.sockets
async def test_v6_2_12_a_breached_password_is_refused(serve, store, sessions, hasher, pool, events, clock):
    _, rules = serve(200, f"{DIGEST[5:]}:12".encode())
    policy = PasswordPolicy(rules, lookup=RangeLookup(rules))
    accounts = Accounts(
        store=store, sessions=sessions, hasher=hasher, pool=pool, events=events, clock=clock, policy=policy
    )
    with pytest.raises(PasswordRefusedError) as refusal:
        await accounts.accept_password(PASSWORD, ADA)
    assert refusal.value.reason is PasswordReason.BREACHED


class Away:
    async def is_breached(self, password):
        return None


async def test_without_an_answer_the_password_is_taken_and_an_event_tells(store, sessions, hasher, pool, events, clock):
    policy = PasswordPolicy(CHEAP_PASSWORDS, lookup=Away())
    accounts = Accounts(
        store=store, sessions=sessions, hasher=hasher, pool=pool, events=events, clock=clock, policy=policy
    )
    new = await accounts.accept_password(PASSWORD, ADA)
    assert hasher.verify(new.hash, PASSWORD)
    assert new.hash not in repr(new)
    assert [(event.name, event.reason) for event in events.events] == [
        (EventName.SYS_MONITOR_DISABLED, "breach_lookup_unanswered")
    ]


@pytest.mark.sockets
async def test_v13_1_3_a_service_that_is_silent_keeps_nobody_waiting():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/range"
        rules = PasswordRules(breach_lookup_url=url, breach_lookup_timeout_seconds=0.1)
        assert await RangeLookup(rules).is_breached(PASSWORD) is None


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        pytest.param("", True, id="off"),
        pytest.param("https://api.pwnedpasswords.com/range", True, id="https"),
        pytest.param("http://127.0.0.1:8001/range", True, id="this-machine"),
        pytest.param("http://api.pwnedpasswords.com/range", False, id="readable-on-the-way"),
        pytest.param("https://user:pass@api.example/range", False, id="user-name"),
        pytest.param("https://api.example/range?key=1", False, id="query"),
        pytest.param("file:///etc/passwd", False, id="file"),
        pytest.param("https://", False, id="no-host"),
        pytest.param("http://localhost:port/", False, id="no-port"),
    ],
)
def test_the_address_of_the_service(url, is_right):
    if is_right:
        assert PasswordRules(breach_lookup_url=url).breach_lookup_url == url
    else:
        with pytest.raises(ConfigError):
            PasswordRules(breach_lookup_url=url)
