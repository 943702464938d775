"""Each check: what it finds, beside the neighbour that it leaves alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from fastness.auth.password_rules import PasswordRules
from fastness.checks.catalogue import NOTICES
from fastness.checks.check import Deployment
from fastness.checks.lock import LOCK_FILE, entries_of, lock_text
from fastness.checks.runner import run_checks
from fastness.cli.keys import make_key
from fastness.db.migrations import upgrade
from fastness.db.rules import DatabaseRules, Isolation
from fastness.kernel.because import Because
from fastness.kernel.crosssite import CrossSiteRules
from fastness.kernel.csp import CSPRules
from fastness.kernel.headers import HeaderRules
from fastness.kernel.hosts import HostRules
from fastness.kernel.limits import LimitRules
from fastness.kernel.proxies import ProxyRules
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import random_token
from fastness.mail.rules import MailBackend, MailRules, MailSecurity
from fastness.sessions.rules import SessionRules
from fastness.settings.profiles import Profile
from fastness.settings.settings import Settings
from fastness.web.access import signed_in
from fastness.web.rates import Rate
from fastness.web.routing import Routes, seal_route

REASON = Because("a reason that a reviewer can judge")
SMTP = {"backend": MailBackend.SMTP, "host": "smtp.example.com", "sender": "noreply@example.com"}
PLAIN = MailSecurity.PLAINTEXT
SOUND = {
    "mail": MailRules(**SMTP),
    "secret_key": Secret(make_key()),
    "headers": HeaderRules(hsts_preload=True),
    "hosts": HostRules(allowed=("shop.example.com",)),
    "proxy": ProxyRules(trusted=("10.0.0.7",)),
}


def found(folder, *, has_tls=None, routes=(), **changes):
    settings = Settings(**{**SOUND, **changes})
    if routes:
        (folder / LOCK_FILE).write_text(lock_text(entries_of(routes)))
    deployment = Deployment(settings=settings, routes=routes, folder=folder, has_tls=has_tls)
    return [finding.id for finding in run_checks(deployment).findings]


def test_a_sound_deployment_has_no_findings(tmp_path):
    assert found(tmp_path) == []


LOCAL = HostRules(allowed=("localhost", "127.0.0.1"))


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        pytest.param({"profile": Profile.DEVELOPMENT, "hosts": LOCAL}, ["FST-SETTINGS-002"], id="development"),
        pytest.param(
            {"profile": Profile.DEVELOPMENT}, ["FST-SETTINGS-003", "FST-SETTINGS-002"], id="development-for-others"
        ),
        pytest.param({"previous_secret_keys": (Secret(random_token(48)),)}, ["FST-SETTINGS-004"], id="previous-key"),
        pytest.param({"is_https_required": False}, ["FST-HTTPS-001"], id="http"),
        pytest.param({"proxy": ProxyRules()}, ["FST-PROXY-001"], id="no-proxy"),
        pytest.param(
            {"proxy": ProxyRules(trusted=("128.0.0.0/1",))}, ["FST-PROXY-002"], id="half-the-world-is-a-proxy"
        ),
        pytest.param(
            {"proxy": ProxyRules(trusted=("2000::/3",))}, ["FST-PROXY-002"], id="half-the-world-is-a-proxy-in-6"
        ),
        pytest.param({"proxy": ProxyRules(trusted=("10.0.0.0/8", "unix"))}, [], id="a-private-network"),
        pytest.param({"proxy": ProxyRules(hop_count=1)}, ["FST-PROXY-003"], id="counted-proxies"),
        pytest.param({"headers": HeaderRules(hsts_seconds=None)}, ["FST-HEADERS-001"], id="no-hsts"),
        pytest.param({"headers": HeaderRules(hsts_seconds=86_400)}, ["FST-HEADERS-001"], id="a-day-of-hsts"),
        pytest.param({"headers": HeaderRules(hsts_subdomains=False)}, ["FST-HEADERS-002"], id="hsts-for-one-name"),
        pytest.param({"headers": HeaderRules(hsts_seconds=63_072_000, hsts_preload=True)}, [], id="two-years-of-hsts"),
        pytest.param(
            {"headers": HeaderRules(framing="same-origin", hsts_preload=True)}, ["FST-HEADERS-003"], id="framing"
        ),
        pytest.param({"hosts": HostRules(allowed=("localhost",))}, ["FST-HOSTS-001"], id="localhost"),
        pytest.param({"hosts": HostRules(allowed=("127.1.2.3",))}, ["FST-HOSTS-001"], id="loopback"),
        pytest.param({"hosts": HostRules(allowed=("[::1]",))}, ["FST-HOSTS-001"], id="loopback-in-6"),
        pytest.param({"hosts": HostRules(allowed=("127.example.com", "localhost.example.com"))}, [], id="sounds-local"),
        pytest.param({"hosts": HostRules(allowed=(".example.com",))}, ["FST-HOSTS-002"], id="suffix"),
        pytest.param(
            {"csp": CSPRules(insecure_inline=REASON, style_src=("'unsafe-inline'",))}, ["FST-CSP-001"], id="inline"
        ),
        pytest.param(
            {"csp": CSPRules(insecure_eval=REASON, script_src=("'nonce'", "'unsafe-eval'"))}, ["FST-CSP-002"], id="eval"
        ),
        pytest.param({"csp": CSPRules(insecure_wildcards=REASON, img_src=("*",))}, ["FST-CSP-003"], id="wildcard"),
        pytest.param({"csp": CSPRules(insecure_no_trusted_types=REASON)}, ["FST-CSP-004"], id="trusted-types"),
        pytest.param({"csp": CSPRules(img_src=("https://img.example.com",))}, [], id="a-named-host"),
        pytest.param({"session": SessionRules(idle_seconds=3_600)}, ["FST-SESSIONS-002"], id="long-idle"),
        pytest.param({"session": SessionRules(absolute_seconds=86_400)}, ["FST-SESSIONS-002"], id="long-absolute"),
        pytest.param({"session": SessionRules(idle_seconds=600)}, [], id="short-idle"),
        pytest.param(
            {"cross_site": CrossSiteRules(trusted_origins=("https://forms.example.com",))},
            ["FST-SITES-001"],
            id="trusted-origin",
        ),
        pytest.param({"store_url": "sqlite:///var/data.sqlite3"}, ["FST-FILES-002"], id="one-file-for-both"),
        pytest.param({"store_url": "sqlite:///var/../var/data.sqlite3"}, ["FST-FILES-002"], id="one-file-spelt-twice"),
        pytest.param({"passwords": PasswordRules(memory_kib=19_456)}, ["FST-PASSWORDS-001"], id="cheap-hash"),
        pytest.param({"passwords": PasswordRules(min_length=12)}, ["FST-PASSWORDS-002"], id="short-passwords"),
        pytest.param({"passwords": PasswordRules(time_cost=3)}, [], id="dear-hash"),
        pytest.param({"passwords": PasswordRules(accepts_django=True)}, ["FST-PASSWORDS-003"], id="imported-hashes"),
        pytest.param({"passwords": PasswordRules(min_kinds=3)}, ["FST-PASSWORDS-004"], id="kinds-of-characters"),
        pytest.param(
            {"passwords": PasswordRules(pepper=Secret(make_key()))},
            [],
            id="a-pepper-of-its-own",
        ),
        pytest.param({"limits": LimitRules(max_body_bytes=200_000_000)}, ["FST-LIMITS-001"], id="large-body"),
        pytest.param({"limits": LimitRules(max_body_bytes=20_000_000)}, [], id="larger-body"),
        pytest.param({"mail": MailRules()}, ["FST-MAIL-001"], id="no-mail"),
        pytest.param({"mail": MailRules(backend=MailBackend.CONSOLE)}, ["FST-MAIL-001"], id="mail-to-the-terminal"),
        pytest.param({"mail": MailRules(**SMTP, security=MailSecurity.STARTTLS)}, [], id="starttls"),
        pytest.param({"mail": MailRules(**{**SMTP, "sender": ""})}, ["FST-MAIL-002"], id="no-sender"),
        pytest.param({"mail": MailRules(**{**SMTP, "host": ""})}, ["FST-MAIL-002"], id="no-mail-server"),
        pytest.param({"mail": MailRules(**SMTP, security=PLAIN)}, ["FST-MAIL-002"], id="plaintext-without-a-reason"),
        pytest.param(
            {"mail": MailRules(**SMTP, security=PLAIN, insecure_plaintext=REASON)}, ["FST-MAIL-003"], id="plaintext"
        ),
        pytest.param(
            {"mail": MailRules(**SMTP, security=PLAIN, insecure_plaintext=REASON, password=Secret("p"))},
            ["FST-MAIL-004"],
            id="password-in-plaintext",
        ),
    ],
)
def test_settings(tmp_path, changes, ids):
    assert found(tmp_path, **changes) == ids


def test_a_store_in_memory_is_named_beside_the_development_that_allows_it(tmp_path):
    ids = found(tmp_path, profile=Profile.DEVELOPMENT, hosts=LOCAL, store_url="memory:")
    assert ids == ["FST-SETTINGS-002", "FST-STORES-001"]


@pytest.mark.parametrize(
    ("has_tls", "proxy", "ids"),
    [
        pytest.param(True, ProxyRules(), [], id="own-certificate"),
        pytest.param(False, ProxyRules(trusted=("127.0.0.1",)), [], id="proxy-ends-tls"),
        pytest.param(False, ProxyRules(hop_count=1), ["FST-PROXY-003"], id="counted-proxy-ends-tls"),
        pytest.param(False, ProxyRules(), ["FST-HTTPS-002"], id="nobody-ends-tls"),
    ],
)
def test_a_server_that_is_about_to_start(tmp_path, has_tls, proxy, ids):
    database = f"sqlite:///{tmp_path}/data.sqlite3"
    upgrade(database, None)
    assert found(tmp_path, has_tls=has_tls, proxy=proxy, database_url=database) == ids


def test_a_database_that_is_not_there_stops_a_start_but_not_a_check(tmp_path):
    database = f"sqlite:///{tmp_path}/data.sqlite3"
    assert found(tmp_path, database_url=database) == []
    assert found(tmp_path, database_url=database, has_tls=True) == ["FST-DATABASE-001"]
    assert not (tmp_path / "data.sqlite3").exists()


AWAY = "postgresql://app@/app?host=/nowhere"
ELSEWHERE = "postgresql://app@db.example.com/app"
UNVERIFIED = DatabaseRules(insecure_unverified_tls=REASON)


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        pytest.param({"database_url": AWAY, "store_url": AWAY}, ["FST-DATABASE-003"], id="away"),
        pytest.param({"database_url": AWAY}, ["FST-DATABASE-003", "FST-STORES-002"], id="sessions-on-one-machine"),
        pytest.param(
            {
                "database_url": AWAY,
                "store_url": AWAY,
                "database": DatabaseRules(isolation=Isolation.READ_COMMITTED),
            },
            ["FST-DATABASE-003", "FST-DATABASE-004"],
            id="lost-updates",
        ),
        pytest.param(
            {"database": DatabaseRules(isolation=Isolation.READ_COMMITTED)}, [], id="one-writer-loses-nothing"
        ),
        pytest.param({"store_url": ELSEWHERE, "database": UNVERIFIED}, [], id="reason-without-use"),
        pytest.param(
            {"store_url": f"{ELSEWHERE}?sslmode=require", "database": UNVERIFIED}, ["FST-DATABASE-005"], id="store"
        ),
        pytest.param(
            {
                "database_url": f"{ELSEWHERE}?sslmode=disable",
                "store_url": ELSEWHERE,
                "database": UNVERIFIED,
            },
            ["FST-DATABASE-005", "FST-DATABASE-003"],
            id="database",
        ),
    ],
)
def test_a_database_on_a_server(tmp_path, changes, ids):
    assert found(tmp_path, **changes) == ids


def test_a_server_that_is_up_to_date_has_no_findings(tmp_path, postgres_url):
    urls = {"database_url": postgres_url, "store_url": postgres_url}
    assert found(tmp_path, **urls) == ["FST-DATABASE-001"]
    upgrade(postgres_url, None)
    assert found(tmp_path, **urls) == []


def test_a_database_that_cannot_be_opened_stops_a_start_but_not_a_check(tmp_path):
    (tmp_path / "data.sqlite3").write_text("something else altogether " * 100)
    (tmp_path / "data.sqlite3").chmod(0o600)
    database = f"sqlite:///{tmp_path}/data.sqlite3"
    assert found(tmp_path, database_url=database) == ["FST-DATABASE-003"]
    assert found(tmp_path, database_url=database, has_tls=True) == ["FST-DATABASE-006"]


@pytest.mark.parametrize(
    ("mode", "is_found"),
    [
        pytest.param(0o600, False, id="owner"),
        pytest.param(0o400, False, id="owner-reads"),
        pytest.param(0o640, True, id="group"),
        pytest.param(0o604, True, id="others"),
        pytest.param(0o622, True, id="others-write"),
    ],
)
@pytest.mark.parametrize(
    ("name", "id_"),
    [
        pytest.param(".env", "FST-SETTINGS-005", id="env-file"),
        pytest.param("var/store.sqlite3", "FST-FILES-001", id="store"),
        pytest.param("var/store.sqlite3-wal", "FST-FILES-001", id="write-ahead-log"),
    ],
)
def test_file_modes(tmp_path, name, id_, mode, is_found):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.touch()
    file.chmod(mode)
    # The database is left out: an empty file has no revision, which is a finding of its own.
    assert found(tmp_path) == ([id_] if is_found else [])


def route(**options):
    async def page(request):
        return None

    group = Routes()
    group.post("/pay", access=signed_in, name="pay", **options)(page)
    (declared,) = group.declared()
    return seal_route(declared)


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        pytest.param({}, [], id="plain"),
        pytest.param({"insecure_skip_csrf": REASON}, ["FST-ROUTES-002"], id="no-token"),
        pytest.param(
            {"insecure_cross_site": REASON, "insecure_write_on_get": REASON}, ["FST-ROUTES-002"] * 2, id="two-exits"
        ),
        pytest.param({"framing": "same-origin"}, ["FST-ROUTES-003"], id="framing"),
        pytest.param({"trusted_origins": ("https://a.example.com",)}, ["FST-ROUTES-004"], id="origins"),
        pytest.param({"rate": Rate(20, 60)}, ["FST-ROUTES-005"], id="rate"),
    ],
)
def test_routes(tmp_path, options, ids):
    assert found(tmp_path, routes=(route(**options),)) == ids


def test_the_reason_of_an_exit_is_in_the_finding(tmp_path):
    routes = (route(insecure_skip_csrf=Because("signed webhook only")),)
    (tmp_path / LOCK_FILE).write_text(lock_text(entries_of(routes)))
    (finding,) = run_checks(Deployment(settings=Settings(**SOUND), folder=tmp_path, routes=routes)).findings
    assert "signed webhook only" in finding.detail
    assert "insecure_skip_csrf" in (finding.where or "")


def test_no_finding_shows_a_key(tmp_path):
    key, old = random_token(48), random_token(48)
    settings = Settings(**{**SOUND, "secret_key": Secret(key), "previous_secret_keys": (Secret(old),)})
    report = run_checks(Deployment(settings=settings, folder=tmp_path, has_tls=False))
    shown = repr(report)
    assert key not in shown
    assert old not in shown


def test_the_ids_of_the_catalogue_are_unique():
    ids = [notice.id for notice in NOTICES]
    assert sorted(ids) == sorted(set(ids))


def test_a_finding_can_be_made_of_every_notice():
    for notice in NOTICES:
        assert notice.found().id == notice.id


def test_nothing_is_changed(tmp_path):
    before = sorted(Path(tmp_path).rglob("*"))
    found(tmp_path)
    assert sorted(Path(tmp_path).rglob("*")) == before
    assert replace(Settings(**SOUND)) == Settings(**SOUND)
