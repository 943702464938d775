"""Who is talked to: an address that would not verify a server elsewhere is refused."""

import ssl

import pytest

from fastness.db.address import PostgresAddress, TLSMode, is_local_host, parse_postgres_address
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError

REASON = Because("the tunnel to the database is encrypted by the platform")


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        pytest.param("postgresql://u:p@db.example.com/app", "db.example.com", 5432, TLSMode.VERIFIED, id="elsewhere"),
        pytest.param("postgres://u:p@db.example.com/app", "db.example.com", 5432, TLSMode.VERIFIED, id="short-scheme"),
        pytest.param("postgresql+asyncpg://u@db/app", "db", 5432, TLSMode.VERIFIED, id="driver-named"),
        pytest.param("postgresql://u:p@10.0.0.5:6432/app", "10.0.0.5", 6432, TLSMode.VERIFIED, id="private-address"),
        pytest.param("postgresql://u@[2001:db8::1]/app", "2001:db8::1", 5432, TLSMode.VERIFIED, id="ipv6"),
        pytest.param("postgresql://u:p@localhost/app", "localhost", 5432, TLSMode.PLAIN, id="localhost"),
        pytest.param("postgresql://u:p@127.0.0.1/app", "127.0.0.1", 5432, TLSMode.PLAIN, id="loopback"),
        pytest.param("postgresql://u:p@[::1]/app", "::1", 5432, TLSMode.PLAIN, id="loopback-ipv6"),
        pytest.param("postgresql://u@/app?host=/run/postgresql", "/run/postgresql", 5432, TLSMode.PLAIN, id="socket"),
        pytest.param(
            "postgresql://u@localhost/app?sslmode=verify-full", "localhost", 5432, TLSMode.VERIFIED, id="asked"
        ),
        pytest.param("postgresql://u@localhost/app?sslmode=require", "localhost", 5432, TLSMode.ENCRYPTED, id="local"),
    ],
)
def test_a_server_elsewhere_is_verified_unless_asked_otherwise(url, host, port, tls):
    address = parse_postgres_address(url)
    assert (address.host, address.port, address.database, address.user, address.tls) == (host, port, "app", "u", tls)


@pytest.mark.parametrize("mode", [pytest.param("require", id="encrypted"), pytest.param("disable", id="plain")])
@pytest.mark.parametrize("host", [pytest.param("db.example.com", id="name"), pytest.param("10.0.0.5", id="address")])
def test_less_than_verification_takes_a_reason(host, mode):
    url = f"postgresql://u:hunter2@{host}/app?sslmode={mode}"
    with pytest.raises(ConfigError) as refused:
        parse_postgres_address(url)
    assert "insecure_unverified_tls=Because(" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert parse_postgres_address(url, insecure_unverified_tls=REASON).tls == mode


def test_a_reason_alone_changes_nothing():
    address = parse_postgres_address("postgresql://u@db.example.com/app", insecure_unverified_tls=REASON)
    assert address.tls is TLSMode.VERIFIED


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql://", id="empty"),
        pytest.param("postgresql:///app", id="no-host"),
        pytest.param("postgresql://u:hunter2@db.example.com", id="no-database"),
        pytest.param("postgresql://u:hunter2@db.example.com/", id="empty-database"),
        pytest.param("postgresql://u:hunter2@a,b/app", id="two-hosts"),
        pytest.param("postgresql://u:hunter2@a/app?host=/run/postgresql", id="two-places"),
        pytest.param("postgresql://u@/app?host=a,b", id="two-hosts-in-the-query"),
        pytest.param("postgresql://u:hunter2@db:port/app", id="port-is-no-number"),
        pytest.param("postgresql://u:hunter2/4@db/app", id="password-with-a-slash"),
        pytest.param("postgresql://u:hunter2#4@db/app", id="password-with-a-hash"),
        pytest.param("postgresql://u:hunter2@[::1/app", id="bracket"),
        pytest.param("postgresql://u:hunter2@db/app?sslmode=prefer", id="mode-that-gives-in"),
        pytest.param("postgresql://u:hunter2@db/app?sslmode=verify-ca", id="mode-without-the-name"),
        pytest.param("postgresql://u:hunter2@db/app?sslmode=require&sslmode=verify-full", id="option-twice"),
        pytest.param("postgresql://u:hunter2@db/app?options=-csearch_path%3Dx", id="other-option"),
        pytest.param("postgresql://u:hunter2@db/app?sslmode", id="option-without-value"),
        pytest.param("mysql://u:hunter2@db/app", id="other-database"),
    ],
)
def test_what_cannot_be_right_is_refused_without_being_shown(url):
    with pytest.raises(ConfigError) as refused:
        parse_postgres_address(url, insecure_unverified_tls=REASON)
    assert "hunter2" not in str(refused.value)


def test_the_parts_are_decoded_and_the_password_is_hidden():
    address = parse_postgres_address("postgresql://a%40b:p%2F%3A%23@localhost/my%20app")
    assert (address.user, address.database) == ("a@b", "my app")
    assert address.password is not None
    assert address.password.reveal() == "p/:#"
    assert "p/:#" not in repr(address)


@pytest.mark.parametrize(
    ("mode", "verifies"),
    [pytest.param(TLSMode.VERIFIED, True, id="verified"), pytest.param(TLSMode.ENCRYPTED, False, id="encrypted")],
)
def test_what_is_verified(mode, verifies):
    context = PostgresAddress(host="db", database="app", tls=mode).ssl_context()
    assert context is not None
    assert (context.verify_mode is ssl.CERT_REQUIRED, context.check_hostname) == (verifies, verifies)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    "content", [pytest.param(None, id="missing"), pytest.param("", id="empty"), pytest.param("x", id="no-certificate")]
)
def test_a_file_of_authorities_that_cannot_be_read_is_a_mistake_of_the_settings(tmp_path, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    address = parse_postgres_address(f"postgresql://u@db.example.com/app?sslrootcert={file}")
    with pytest.raises(ConfigError):
        address.ssl_context()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("localhost", True, id="localhost"),
        pytest.param("127.8.8.8", True, id="loopback-network"),
        pytest.param("/run/postgresql", True, id="socket"),
        pytest.param("localhost.example.com", False, id="looks-like-it"),
        pytest.param("0.0.0.0", False, id="any-address"),
        pytest.param("128.0.0.1", False, id="next-network"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_what_is_this_machine(host, expected):
    assert is_local_host(host) is expected
