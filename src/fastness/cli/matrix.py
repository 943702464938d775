"""`routes --matrix`: who may use which route, as a table, and the lock file that keeps it.

Roles are data, so what they open is not in the code: their columns come from `[tool.fastness.roles]` in pyproject.toml, or with
`--database` from the database. The lock file needs neither, because it holds the rules.

ASVS 5.0: V8.1.1 (who may use what is written down), V8.2.1.
"""

import asyncio
import json
from collections.abc import Mapping

from fastness.app import Fastness
from fastness.checks.lock import LOCK_FILE, differences, entries_of, lock_text, methods_of, read_lock
from fastness.checks.matrix import Column, cell_of, columns_of
from fastness.cli.errors import CommandError
from fastness.cli.location import Location, find_location, load_app
from fastness.cli.terminal import printable, remark, say, table
from fastness.web.route import Route


def show_matrix(app_name: str | None, *, as_json: bool, asks_database: bool) -> None:
    """Show each route against each kind of people."""
    location = find_location(app_name)
    app = load_app(location)
    roles = roles_in_database(app, location) if asks_database else location.roles
    columns = columns_of(app.routes, roles)
    if as_json:
        say(json.dumps([fields_of(route, columns) for route in app.routes], indent=2))
        return
    head = ["path", "methods", *(column.title for column in columns), "rule"]
    rows = [
        [
            route.path,
            ", ".join(methods_of(route)),
            *(str(cell_of(route, column.identity)) for column in columns),
            f"{route.access} [tokens]" if route.tokens else str(route.access),
        ]
        for route in app.routes
    ]
    say(table(head, rows))


def write_lock(app_name: str | None) -> None:
    """Write the lock file, and say what changed in it."""
    location = find_location(app_name)
    entries = entries_of(load_app(location).routes)
    try:
        former = read_lock(location.folder) or ""
        text = lock_text(entries, former)
        for where, what in differences(former, entries) if former else ():
            say(f"{printable(where)}\n  {printable(what)}")
        (location.folder / LOCK_FILE).write_text(text, encoding="utf-8", newline="\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{LOCK_FILE} cannot be read or written: {error}") from None
    say(f"wrote {LOCK_FILE}" if text != former else f"{LOCK_FILE} is up to date.")


def check_lock_file(app_name: str | None) -> bool:
    """Whether the routes are those of the lock file; says where not."""
    location = find_location(app_name)
    entries = entries_of(load_app(location).routes)
    try:
        text = read_lock(location.folder)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{LOCK_FILE} cannot be read: {error}") from None
    if text is None:
        raise CommandError(
            f"There is no {LOCK_FILE} in {location.folder}; write it with `fastness routes --matrix --write`."
        )
    found = differences(text, entries)
    for where, what in found:
        remark(f"{printable(where)}\n  {printable(what)}")
    if not found:
        say(f"The routes are those of {LOCK_FILE}.")
    return not found


def fields_of(route: Route, columns: tuple[Column, ...]) -> dict[str, object]:
    """A route's line for other programs."""
    cells = {column.title: cell_of(route, column.identity) for column in columns}
    return {
        "path": route.path,
        "methods": methods_of(route),
        "name": route.name,
        "access": str(route.access),
        "tokens": route.tokens,
        "matrix": {
            title: {"outcome": cell.outcome.value, "proofs": list(cell.proofs)} for title, cell in cells.items()
        },
    }


def roles_in_database(app: Fastness, location: Location) -> Mapping[str, frozenset[str]]:
    """The roles that there are now, with what each permits."""
    from fastness.cli.databases import require_upgraded

    require_upgraded(app, location)
    return asyncio.run(_read_roles(app))


async def _read_roles(app: Fastness) -> dict[str, frozenset[str]]:
    from sqlalchemy import select

    from fastness.auth.roles import ROLE_PERMISSIONS, Role

    query = select(Role.name, ROLE_PERMISSIONS.c.permission).outerjoin(
        ROLE_PERMISSIONS, ROLE_PERMISSIONS.c.role_id == Role.id
    )
    services = app.services
    await services.open()
    try:
        async with services.open_unit(is_read_only=True) as unit:
            rows = (await unit.session.execute(query)).all()
    finally:
        await services.close()
    held: dict[str, set[str]] = {}
    for role, permission in rows:
        held.setdefault(role, set()).update(() if permission is None else (permission,))
    return {role: frozenset(permissions) for role, permissions in held.items()}
