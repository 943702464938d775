"""The app and the test of the guide on the matrix, as they stand there; and that the test finds what is changed."""

import os
import re
import runpy
from pathlib import Path
from uuid import uuid4

import pytest

from fastness import Because, Model
from fastness.db.migrations import upgrade
from fastness.testing.matrix import (
    ANONYMOUS,
    EVERYBODY,
    AccessMatrixError,
    ObjectID,
    Sample,
    Untested,
    walk_matrix,
    with_session,
)
from fastness.testing.servers import asgi_server, free_port, running_server

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "matrix.md"
PEOPLE = ("ada", "grace", "joan")
SCOPE = ", Memo.owner_id == request.user.id)"


def block(fence: str) -> str:
    text = GUIDE.read_text(encoding="utf-8")
    found = re.search(rf"^```{re.escape(fence)}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found, f"the guide has no block {fence}"
    return found[1]


@pytest.fixture(params=[pytest.param(False, id="as-written"), pytest.param(True, id="without-its-scope")])
def is_changed(request):
    return request.param


@pytest.fixture
async def guide(tmp_path, monkeypatch, is_changed):
    """The app of the guide, the ids of two memos, and the guide's test."""
    source = block("python matrix-guide:app")
    assert source.count(SCOPE) == 1
    # One registry for all models of this process: each time a class and a table of their own.
    name = f"Memo{uuid4().hex}"
    source = re.sub(r"\bMemo\b", name, source).replace('"memos"', f'"{name.lower()}"')
    if is_changed:
        source = source.replace(SCOPE.replace("Memo", name), ")")
    (tmp_path / "app.py").write_text(source, encoding="utf-8")
    (tmp_path / "test_matrix.py").write_text(block("python matrix-guide:test"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTNESS_PROFILE", "development")
    monkeypatch.setenv("FASTNESS_SECRET_KEY", "y2T8vKq0Zr5mWc7Nf4Jx1Hb6Ls9Pd3Ga-eUoRiSt")
    monkeypatch.setenv("FASTNESS_DATABASE_URL", f"sqlite:///{tmp_path}/data.sqlite3")
    monkeypatch.setenv("FASTNESS_STORE_URL", f"sqlite:///{tmp_path}/store.sqlite3")
    upgrade(f"sqlite:///{tmp_path}/data.sqlite3", None)
    made = runpy.run_path(str(tmp_path / "app.py"))
    app, memo = made["app"], made[name]
    await app.open()
    services = app.services
    async with services.database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all, tables=[memo.__table__])
    memo_of = {}
    async with services.open_unit(is_read_only=False) as unit:
        for person in PEOPLE:
            user = await services.accounts.create_user(
                unit.session, username=person, password="a long pass phrase of " + person
            )
            mine = memo(owner_id=user.id, text=f"{person}'s memo")
            unit.session.add(mine)
            await unit.session.flush()
            memo_of[person] = mine.id
    yield app, memo_of, runpy.run_path(str(tmp_path / "test_matrix.py"))["test_nobody_gets_what_is_not_theirs"]
    await app.close()
    Model.metadata.remove(memo.__table__)


@pytest.mark.sockets
async def test_the_matrix_of_a_running_server(guide, tmp_path, is_changed):
    app, memo_of, _ = guide
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if name.startswith("FASTNESS_")}
    both = {"memo_id": ObjectID(memo_of["ada"], memo_of["grace"])}
    with running_server(asgi_server("app:app", port=port), port=port, folder=tmp_path, environ=environ):
        problems = await walk_matrix(
            app,
            people={name: with_session(app, name) for name in PEOPLE},
            samples={
                "home": Sample(owner=ANONYMOUS, allowed=EVERYBODY),
                "my_memos": Untested(Because("a list is tried in the process")),
                "show_memo": Sample(owner="ada", other="grace", params=both),
                "change_memo": Sample(owner="ada", other="grace", params=both, form={"text": "Hello"}),
            },
            server=f"http://localhost:{port}",
        )
    assert ["LEAK" in problem for problem in problems] == [True] * (6 if is_changed else 0)


async def test_the_guides_test_passes_and_finds_the_scope_that_was_taken_out(guide, is_changed):
    app, memo_of, guides_test = guide
    if not is_changed:
        await guides_test(app, memo_of)
        return
    with pytest.raises(AccessMatrixError) as caught:
        await guides_test(app, memo_of)
    leaks = [problem for problem in caught.value.problems if "LEAK" in problem]
    assert {leak.split(": ")[0] for leak in leaks} == {"GET /memos/{memo_id:uuid}", "POST /memos/{memo_id:uuid}"}
