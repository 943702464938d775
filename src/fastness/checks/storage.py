"""Where data lies and what guards it: file modes, the store's own file, the cost of a password hash.

The files hold sessions, users and everything the app knows; the machine may hold other people. A mistake in the hashing
numbers shows on the day the database is stolen.

ASVS 5.0: V13.2.2 (least privilege), V11.4.2 (password hashing), V6.2.1 (password length), V15.2.2 (availability).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fastness.auth.password_rules import Hashing, PasswordRules
from fastness.checks.check import OTHERS, Deployment, has_mode
from fastness.db.address import is_postgres_url
from fastness.db.rules import Isolation
from fastness.kernel.findings import Finding, Notice, Severity, Topic

SQLITE_PREFIXES: Final = ("sqlite:///",)
LARGE_BODY_BYTES: Final = 100_000_000

FILE_READABLE: Final = Notice(
    id="FST-FILES-001",
    severity=Severity.HIGH,
    title="Others on this machine can read a data file",
    why="It holds sessions, users or the app's own data.",
    fix="chmod 600 the file, and chmod 700 the folder it lies in.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.2.2",),
)
SHARED_FILE: Final = Notice(
    id="FST-FILES-002",
    severity=Severity.HIGH,
    title="The store and the database share one file",
    why="A session could not be written while a request holds the database's one write lock.",
    fix="Give FASTNESS_STORE_URL a file of its own.",
    topic=Topic.DESIGN,
    asvs=("V15.2.2",),
)
MEMORY_STORE: Final = Notice(
    id="FST-STORES-001",
    severity=Severity.LOW,
    title="Sessions are kept in memory",
    why="They end with the process, and another worker does not know them.",
    fix="Set FASTNESS_STORE_URL=sqlite:///var/store.sqlite3, or the address of a PostgreSQL database.",
    topic=Topic.DESIGN,
)
STORE_OF_ONE_MACHINE: Final = Notice(
    id="FST-STORES-002",
    severity=Severity.LOW,
    title="The data are on a server, the sessions in a file of this machine",
    why="That is right for one machine. A second one would not know its sessions, would count failed sign-ins from zero, and "
    "would not notice that somebody was signed out everywhere.",
    fix="Set FASTNESS_STORE_URL to the address of the database as soon as there are two machines.",
    topic=Topic.DESIGN,
    asvs=("V7.4.1",),
)
LOST_UPDATES: Final = Notice(
    id="FST-DATABASE-004",
    severity=Severity.LOW,
    title="A transaction may overwrite what another one has just written",
    why="With read committed, two requests that read a balance, change it and write it back both succeed, and one of the two "
    "changes is gone.",
    fix="Leave FASTNESS_DATABASE_ISOLATION at its default, or lock what is read to be changed (with_for_update).",
    topic=Topic.DESIGN,
    asvs=("V2.3.4", "V15.4.2"),
)
CHEAP_HASH: Final = Notice(
    id="FST-PASSWORDS-001",
    severity=Severity.LOW,
    title="A password hash costs less than the default",
    why="It is above the OWASP minimum; each guess with a stolen database is cheaper than it need be.",
    fix="Leave FASTNESS_PASSWORDS_MEMORY_KIB and FASTNESS_PASSWORDS_TIME_COST at their defaults.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V11.4.2",),
)
SHORT_PASSWORDS: Final = Notice(
    id="FST-PASSWORDS-002",
    severity=Severity.LOW,
    title="Short passwords are accepted",
    why="Where a password is the only factor, 15 characters are recommended.",
    fix="Leave FASTNESS_PASSWORDS_MIN_LENGTH at its default.",
    topic=Topic.AUTHENTICATION,
    asvs=("V6.2.1",),
)
IMPORTED_HASHES: Final = Notice(
    id="FST-PASSWORDS-003",
    severity=Severity.LOW,
    title="Hashes imported from Django are accepted",
    why="The oldest of its formats cost a thief almost nothing, and every refused sign-in takes as long as the newest.",
    fix="Take out FASTNESS_PASSWORDS_ACCEPTS_DJANGO when everybody has signed in once; the others ask for a reset.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V11.4.2",),
)
COMPOSITION: Final = Notice(
    id="FST-PASSWORDS-004",
    severity=Severity.LOW,
    title="Passwords need several kinds of characters",
    why="Such rules lead to passwords like Password1!, and keep long phrases out.",
    fix="Leave FASTNESS_PASSWORDS_MIN_KINDS at its default, unless somebody else's rules demand it.",
    topic=Topic.AUTHENTICATION,
    asvs=("V6.2.5",),
)
SHARED_PEPPER: Final = Notice(
    id="FST-PASSWORDS-005",
    severity=Severity.MEDIUM,
    title="The pepper is the secret key",
    why="The two are rotated differently: replacing a secret key that leaked would make every password worthless.",
    fix="Give FASTNESS_PASSWORDS_PEPPER a key of its own (`fastness keys new`).",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.4",),
)
OTHER_HASH: Final = Notice(
    id="FST-PASSWORDS-006",
    severity=Severity.INFO,
    title="New passwords are not hashed with Argon2id",
    why="Its parameters are those of the OWASP cheat sheet; against graphics cards it holds less than Argon2id.",
    fix="Leave FASTNESS_PASSWORDS_HASHING at its default, unless rules such as FIPS 140 demand another.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V11.4.2",),
)
LOST_COMMITS: Final = Notice(
    id="FST-DATABASE-010",
    severity=Severity.LOW,
    title="A power cut may take the last commits back",
    why="An account that was closed or a role that was taken away could be there again.",
    fix="Leave FASTNESS_DATABASE_IS_POWER_CUT_SAFE at its default.",
    topic=Topic.INTEGRITY,
    asvs=("V2.3.3",),
)
LARGE_BODY: Final = Notice(
    id="FST-LIMITS-001",
    severity=Severity.LOW,
    title="Every route takes very large bodies",
    why="Each request may keep that much memory or disk busy, before anybody is signed in on public routes.",
    fix="Raise max_body_bytes on the routes that need it and leave FASTNESS_LIMITS_MAX_BODY_BYTES at its default.",
    topic=Topic.DESIGN,
    asvs=("V15.2.2",),
)

NOTICES: Final = (
    FILE_READABLE,
    SHARED_FILE,
    MEMORY_STORE,
    STORE_OF_ONE_MACHINE,
    LOST_UPDATES,
    CHEAP_HASH,
    SHORT_PASSWORDS,
    IMPORTED_HASHES,
    COMPOSITION,
    SHARED_PEPPER,
    OTHER_HASH,
    LOST_COMMITS,
    LARGE_BODY,
)


def check_files(deployment: Deployment) -> Iterator[Finding]:
    """Who can read the data, and whether the two databases keep out of each other's way."""
    settings = deployment.settings
    data = sqlite_file(settings.database_url, deployment.folder)
    store = sqlite_file(settings.store_url, deployment.folder)
    if data is not None and store is not None and data.resolve() == store.resolve():
        yield SHARED_FILE.found(where=f"FASTNESS_STORE_URL: {store}")
    for file in dict.fromkeys(each for each in (data, store) if each is not None):
        # SQLite gives these the mode of the database when it makes them; a copy or a backup may not have.
        for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            if has_mode(part, OTHERS):
                yield FILE_READABLE.found(where=str(part))


def check_store(deployment: Deployment) -> Iterator[Finding]:
    """Whether sessions outlive the process, and are where the data are."""
    settings = deployment.settings
    if settings.store_url == "memory:":
        yield MEMORY_STORE.found(where="FASTNESS_STORE_URL")
    elif is_postgres_url(settings.database_url) and not is_postgres_url(settings.store_url):
        yield STORE_OF_ONE_MACHINE.found(where="FASTNESS_STORE_URL")


def check_isolation(deployment: Deployment) -> Iterator[Finding]:
    """Whether changes can be lost between two transactions, or in a power cut."""
    settings = deployment.settings
    if is_postgres_url(settings.database_url) and settings.database.isolation is Isolation.READ_COMMITTED:
        yield LOST_UPDATES.found(where="FASTNESS_DATABASE_ISOLATION")
    if not settings.database.is_power_cut_safe:
        yield LOST_COMMITS.found(where="FASTNESS_DATABASE_IS_POWER_CUT_SAFE")


def check_passwords(deployment: Deployment) -> Iterator[Finding]:
    """What a password costs an attacker."""
    rules, preset = deployment.settings.passwords, PasswordRules()
    if rules.memory_kib * rules.time_cost < preset.memory_kib * preset.time_cost:
        yield CHEAP_HASH.found(where=f"{rules.memory_kib} KiB, {rules.time_cost} passes")
    if rules.min_length < preset.min_length:
        yield SHORT_PASSWORDS.found(where=f"FASTNESS_PASSWORDS_MIN_LENGTH: {rules.min_length}")
    if rules.accepts_django:
        yield IMPORTED_HASHES.found(where="FASTNESS_PASSWORDS_ACCEPTS_DJANGO")
    if rules.hashing is not Hashing.ARGON2ID:
        yield OTHER_HASH.found(where=f"FASTNESS_PASSWORDS_HASHING: {rules.hashing}")
    if rules.min_kinds > 1:
        yield COMPOSITION.found(where=f"FASTNESS_PASSWORDS_MIN_KINDS: {rules.min_kinds}")
    keys = (deployment.settings.secret_key, *deployment.settings.previous_secret_keys)
    if any(pepper == key for pepper in (rules.pepper, *rules.previous_peppers) if pepper is not None for key in keys):
        yield SHARED_PEPPER.found(where="FASTNESS_PASSWORDS_PEPPER")


def check_limits(deployment: Deployment) -> Iterator[Finding]:
    """How much one request may ask for."""
    size = deployment.settings.limits.max_body_bytes
    if size > LARGE_BODY_BYTES:
        yield LARGE_BODY.found(where=f"FASTNESS_LIMITS_MAX_BODY_BYTES: {size}")


def sqlite_file(url: str, folder: Path) -> Path | None:
    """The file of a SQLite address, `None` for any other."""
    for prefix in SQLITE_PREFIXES:
        if url.startswith(prefix):
            return folder / url.removeprefix(prefix)
    return None
