"""From a Django database to this one: users, groups, permissions, and who has what.

What is read is another program's data, and is checked like input: a name that cannot be one here, a hash in an unknown format, a
permission that no enum declares is left out and reported, never bent. Nothing that exists here is overwritten, and nobody who
exists here is given anything: the same name in two systems need not be the same person. So a second run imports only who is new.

    auth_user         -> a user; "!…" and unknown hashes become an account without a password (send its owner a reset)
    auth_group        -> a role of that name in small letters, with those of its permissions that the app declares
    user_permissions  -> permissions of the person
    is_superuser      -> the role superuser, only if it is asked for

A Django group is a set of permissions that people have, which is what a role is here. An existing role keeps its permissions and
gets the new people; the plan names it, so look at it first. A group never becomes the superuser's role by its name.

ASVS 5.0: V2.2.1 (validated), V8.2.1, V11.4.2 (hashes are replaced at the first sign-in), V16.3.3.
"""

import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import Final, LiteralString

from fastness.auth.errors import UsernameError
from fastness.auth.passwords import PasswordHasher
from fastness.auth.usernames import parse_username, shown_name
from fastness.authz.permissions import PermissionCatalogue
from fastness.authz.rolenames import RoleNameError, parse_role_name
from fastness.db.foreign import Row
from fastness.kernel.formats import decide_email
from fastness.kernel.tokens import random_id
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import Allow
from fastness.sessions.identity import SUPERUSER

STATEMENTS: Final[tuple[LiteralString, ...]] = (
    (
        "SELECT id, username, password, first_name, last_name, email, is_active, is_staff, is_superuser, last_login,"
        " date_joined FROM auth_user ORDER BY id"
    ),
    "SELECT id, name FROM auth_group ORDER BY id",
    (
        "SELECT p.id, c.app_label, p.codename FROM auth_permission p"
        " JOIN django_content_type c ON c.id = p.content_type_id ORDER BY p.id"
    ),
    "SELECT group_id, permission_id FROM auth_group_permissions ORDER BY group_id, permission_id",
    "SELECT user_id, group_id FROM auth_user_groups ORDER BY user_id, group_id",
    "SELECT user_id, permission_id FROM auth_user_user_permissions ORDER BY user_id, permission_id",
)
"""What is read, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedUser:
    """One account to be made."""

    id: uuid.UUID
    username: str
    username_key: str
    display_name: str
    email: str
    password_hash: str | None = field(repr=False)
    is_active: bool
    is_staff: bool
    created_at: datetime
    last_login_at: datetime | None
    roles: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRole:
    """A group's role; it may exist."""

    name: str
    label: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What was not imported, and why."""

    kind: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """Everything that an import would do."""

    users: tuple[ImportedUser, ...]
    roles: tuple[ImportedRole, ...]
    left_out: tuple[LeftOut, ...]


def plan_import(
    tables: Sequence[Sequence[Row]],
    *,
    existing_keys: Collection[str],
    catalogue: PermissionCatalogue,
    hasher: PasswordHasher,
    now: datetime,
    takes_superusers: bool = False,
) -> ImportPlan:
    """Decide what becomes of each row; pure."""
    users, groups, permissions, group_permissions, memberships, user_permissions = tables
    left_out: list[LeftOut] = []
    names = _permissions(permissions, catalogue, {*_column(group_permissions), *_column(user_permissions)}, left_out)
    roles = _roles(groups, _pairs(group_permissions, "group_id", "permission_id"), names, left_out)
    memberships_of = _pairs(memberships, "user_id", "group_id")
    permissions_of = _pairs(user_permissions, "user_id", "permission_id")
    taken = set(existing_keys)
    made = []
    for row in users:
        found = _user(row, taken, hasher, now, left_out)
        if found is None:
            continue
        roles_of = [roles[group].name for group in memberships_of.get(row["id"], ()) if group in roles]
        if row["is_superuser"]:
            if takes_superusers:
                roles_of.append(SUPERUSER)
            else:
                left_out.append(LeftOut(kind="superuser", name=found.username, reason="not_asked_for"))
        granted = {names[one] for one in permissions_of.get(row["id"], ()) if one in names}
        made.append(replace(found, roles=tuple(sorted(set(roles_of))), permissions=tuple(sorted(granted))))
        taken.add(found.username_key)
    return ImportPlan(users=tuple(made), roles=tuple(roles.values()), left_out=tuple(left_out))


def _user(
    row: Row, taken: Collection[str], hasher: PasswordHasher, now: datetime, left_out: list[LeftOut]
) -> ImportedUser | None:
    shown = str(row["username"])
    try:
        username, key = parse_username(shown)
    except UsernameError as error:
        left_out.append(LeftOut(kind="user", name=shown, reason=error.reason))
        return None
    if key in taken:
        left_out.append(LeftOut(kind="user", name=username, reason="name_taken"))
        return None
    email = str(row["email"] or "").strip()
    if email and not isinstance(decide_email(email), Allow):
        left_out.append(LeftOut(kind="email", name=username, reason="malformed"))
        email = ""
    encoded = str(row["password"] or "")
    is_known = hasher.recognises(encoded)
    if not is_known:
        reason = "unusable" if encoded.startswith("!") or not encoded else "unknown_format"
        left_out.append(LeftOut(kind="password", name=username, reason=reason))
    return ImportedUser(
        id=random_id(),
        username=username,
        username_key=key,
        display_name=shown_name(f"{row['first_name']} {row['last_name']}") or username,
        email=email,
        password_hash=encoded if is_known else None,
        is_active=bool(row["is_active"]),
        is_staff=bool(row["is_staff"]),
        created_at=_moment(row["date_joined"]) or now,
        last_login_at=_moment(row["last_login"]),
    )


def _permissions(
    rows: Iterable[Row], catalogue: PermissionCatalogue, used: Collection[object], left_out: list[LeftOut]
) -> dict[object, str]:
    found = {}
    for row in rows:
        name = f"{row['app_label']}.{row['codename']}"
        if name in catalogue:
            found[row["id"]] = name
        elif row["id"] in used:
            left_out.append(LeftOut(kind="permission", name=name, reason="undeclared"))
    return found


def _roles(
    rows: Iterable[Row],
    permissions: Mapping[object, Sequence[object]],
    names: Mapping[object, str],
    left_out: list[LeftOut],
) -> dict[object, ImportedRole]:
    found: dict[object, ImportedRole] = {}
    taken: set[str] = {SUPERUSER}
    for row in rows:
        label = shown_name(str(row["name"]))
        try:
            name = parse_role_name(re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-"))
        except RoleNameError:
            left_out.append(LeftOut(kind="group", name=label, reason="name"))
            continue
        if name in taken:
            left_out.append(LeftOut(kind="group", name=label, reason="name_taken"))
            continue
        taken.add(name)
        permits = tuple(sorted({names[one] for one in permissions.get(row["id"], ()) if one in names}))
        found[row["id"]] = ImportedRole(name=name, label=label, permissions=permits)
    return found


def _pairs(rows: Iterable[Row], key: str, value: str) -> dict[object, list[object]]:
    found: dict[object, list[object]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row[value])
    return found


def _column(rows: Iterable[Row]) -> set[object]:
    return {row["permission_id"] for row in rows}


def _moment(value: object) -> datetime | None:
    """A time as SQLite (text) or PostgreSQL (with a zone) gives it; Django writes UTC."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
