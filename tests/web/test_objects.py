"""Objects of a request: every id through the scope, writes only after a load for them, a superuser in the events."""

import uuid
from uuid import UUID

import pytest
from sqlalchemy import ForeignKey, func, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastness import Because, JSONResponse, Model, Policy, PublicID, Routes, access
from fastness.authz.actors import ANONYMOUS
from fastness.sessions.identity import Identity

OWN = Because("the rows of this test")


class Ledger(Model):
    __tablename__ = "test_ledgers"
    id: Mapped[PublicID]
    owner_id: Mapped[uuid.UUID]
    title: Mapped[str]
    entries: Mapped[list["LedgerEntry"]] = relationship(back_populates="ledger")


class LedgerEntry(Model):
    __tablename__ = "test_ledger_entries"
    id: Mapped[PublicID]
    ledger_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("test_ledgers.id"))
    is_secret: Mapped[bool]
    ledger: Mapped[Ledger] = relationship(back_populates="entries")


class Numbered(Model):
    __tablename__ = "test_numbered_ledgers"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID]


class LedgerPolicy(Policy[Ledger]):
    def view(self, actor):
        return Ledger.owner_id == actor.id

    edit = delete = create = view


class LedgerEntryPolicy(Policy[LedgerEntry]):
    def view(self, actor):
        return LedgerEntry.ledger.has(Ledger.owner_id == actor.id) & ~LedgerEntry.is_secret


class NumberedPolicy(Policy[Numbered]):
    def view(self, actor):
        return Numbered.owner_id == actor.id


routes = Routes(access=access.public)
WHO = {name: UUID(int=number) for number, name in enumerate(("ada", "bob", "root"), start=1)}


@routes.post("/sign-in/{name}")
async def sign_in(request):
    name = request.path_params["name"]
    identity = Identity(
        id=WHO[name],
        username=name,
        display_name=name,
        roles=frozenset({"superuser"} if name == "root" else ()),
        authenticated_at=request.site.clock.epoch(),
    )
    request.site.sessions.sign_in(request.session, identity)
    return JSONResponse(None)


@routes.get("/actor")
async def actor(request):
    return JSONResponse([str(request.actor.id), request.actor.is_superuser])


@routes.get("/ledgers/{ledger_id:uuid}")
async def show(request):
    ledger = await request.load(Ledger, "ledger_id", with_=[Ledger.entries])
    return JSONResponse([ledger.title, len(ledger.entries), await request.may("edit", ledger)])


@routes.get("/texts/{ledger_id}")
async def show_by_text(request):
    return JSONResponse((await request.load(Ledger, "ledger_id")).title)


@routes.get("/numbers/{number}")
async def show_number(request):
    return JSONResponse((await request.load(Numbered, "number")).id)


@routes.get("/list")
async def list_all(request):
    mine = await request.list(Ledger)
    named = await request.list(select(Ledger).where(Ledger.title != "x"), with_=[Ledger.entries])
    counted = await request.db.scalar(request.scoped(select(func.count()).select_from(Ledger)))
    return JSONResponse([[ledger.title for ledger in mine], [len(ledger.entries) for ledger in named], counted])


@routes.get("/one")
async def one(request):
    return JSONResponse((await request.one(select(Ledger).limit(1))).title)


@routes.get("/one-exempt")
async def one_exempt(request):
    count = select(func.count()).select_from(Ledger)
    return JSONResponse(await request.one(count, unscoped=Because("the number on the front page is no secret")))


@routes.post("/rename/{may}/{ledger_id:uuid}")
async def rename(request):
    ledger = await request.load(Ledger, "ledger_id", may=request.path_params["may"])
    ledger.title = "renamed"
    return JSONResponse(ledger.title)


@routes.post("/pick")
async def pick(request):
    data = await request.json()
    return JSONResponse((await request.pick(Ledger, data["ledger"])).title)


@routes.post("/add")
async def add(request):
    data = await request.json()
    request.db.add(Ledger(owner_id=UUID(data["owner"]), title="added"))
    return JSONResponse(None, status=201)


@routes.post("/rename-all")
async def rename_all(request):
    done = await request.db.execute(request.scoped(update(Ledger).values(title="all"), may="edit"))
    return JSONResponse(done.rowcount)


@pytest.fixture
async def shop(make_shop):
    shop = await make_shop(routes)
    tables = [model.__table__ for model in (Ledger, LedgerEntry, Numbered)]
    async with shop.app.services.database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all, tables=tables)
    async with shop.app.services.open_unit(is_read_only=False, unscoped=OWN) as unit:
        for number, name in enumerate(("ada", "bob"), start=1):
            ledger = Ledger(id=UUID(int=number), owner_id=WHO[name], title=f"ledger of {name}")
            ledger.entries = [LedgerEntry(is_secret=False), LedgerEntry(is_secret=True)]
            unit.session.add_all([ledger, Numbered(id=number, owner_id=WHO[name])])
    return shop


@pytest.fixture
async def ada(shop, browse):
    async with browse(shop) as browser:
        assert (await browser.fetch("/sign-in/ada", "POST")).status == 200
        shop.events.events.clear()
        yield browser


HERS, HIS = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param(f"/ledgers/{HERS}", 200, id="ones-own"),
        pytest.param(f"/ledgers/{HIS}", 404, id="somebody-elses"),
        pytest.param(f"/ledgers/{UUID(int=9)}", 404, id="nobodys"),
        pytest.param(f"/texts/{HERS}", 200, id="text-of-a-uuid"),
        pytest.param(f"/texts/{HERS.hex}", 404, id="other-spelling"),
        pytest.param("/texts/1%20OR%201=1", 404, id="no-uuid"),
        pytest.param("/texts/%00", 400, id="control-character"),
        pytest.param("/numbers/1", 200, id="number"),
        pytest.param("/numbers/2", 404, id="number-of-somebody-else"),
        pytest.param("/numbers/-1", 404, id="sign"),
        pytest.param("/numbers/1e0", 404, id="other-number"),
        pytest.param("/numbers/%D9%A1", 404, id="digit-of-another-script"),
        pytest.param("/numbers/99999999999999999999", 404, id="number-too-large-for-the-database"),
    ],
)
async def test_an_id_in_the_path_goes_through_the_scope(ada, path, status):
    assert (await ada.fetch(path)).status == status


async def test_what_is_loaded_along_goes_through_its_own_scope(ada):
    assert (await ada.fetch(f"/ledgers/{HERS}")).json() == ["ledger of ada", 1, True]


async def test_a_list_holds_what_one_may_see(ada):
    assert (await ada.fetch("/list")).json() == [["ledger of ada"], [1], 1]


async def test_nobody_sees_nothing(shop, browse):
    async with browse(shop) as browser:
        assert (await browser.fetch("/list")).json() == [[], [], 0]
        assert (await browser.fetch(f"/ledgers/{HERS}")).status == 404
        assert (await browser.fetch("/actor")).json() == [str(ANONYMOUS.id), False]


async def test_a_statement_without_its_scope_fails(ada, caplog):
    page = await ada.fetch("/one")
    assert page.status == 500
    assert "request.scoped" in caplog.text
    assert "Ledger" not in page.text


async def test_unless_it_gives_a_reason(ada):
    assert (await ada.fetch("/one-exempt")).json() == 2


@pytest.mark.parametrize(
    ("may", "ledger", "status"),
    [
        pytest.param("edit", HERS, 200, id="loaded-for-it"),
        pytest.param("view", HERS, 403, id="loaded-for-viewing"),
        pytest.param("edit", HIS, 404, id="somebody-elses"),
        pytest.param("edti", HERS, 500, id="misspelt"),
    ],
)
async def test_only_what_was_loaded_for_it_is_changed(ada, may, ledger, status):
    assert (await ada.fetch(f"/rename/{may}/{ledger}", "POST", json={})).status == status
    expected = "renamed" if status == 200 else "ledger of ada"
    assert (await ada.fetch(f"/texts/{HERS}")).json() == expected


@pytest.mark.parametrize(
    ("value", "status"),
    [
        pytest.param(str(HERS), 200, id="ones-own"),
        pytest.param(str(HIS), 404, id="somebody-elses"),
        pytest.param(None, 404, id="null"),
        pytest.param(1, 404, id="number"),
        pytest.param(True, 404, id="bool"),
        pytest.param([str(HERS)], 404, id="list"),
        pytest.param({"$ne": ""}, 404, id="operator"),
        pytest.param("", 404, id="empty"),
    ],
)
async def test_an_id_in_a_body_goes_through_the_scope(ada, value, status):
    assert (await ada.fetch("/pick", "POST", json={"ledger": value})).status == status


@pytest.mark.parametrize(("owner", "status"), [("ada", 201), ("bob", 403)])
async def test_nobody_adds_in_somebody_elses_name(ada, owner, status):
    assert (await ada.fetch("/add", "POST", json={"owner": str(WHO[owner])})).status == status


async def test_a_bulk_update_changes_what_one_may_change(ada, shop, browse):
    assert (await ada.fetch("/rename-all", "POST", json={})).json() == 1
    async with browse(shop) as bob:
        await bob.fetch("/sign-in/bob", "POST")
        assert (await bob.fetch(f"/texts/{HIS}")).json() == "ledger of bob"


async def test_a_superuser_passes_and_the_events_tell(shop, browse):
    async with browse(shop) as root:
        await root.fetch("/sign-in/root", "POST")
        shop.events.events.clear()
        assert (await root.fetch("/list")).json()[2] == 2
    (told,) = [event for event in shop.events.events if event.name == "authz_admin"]
    assert (told.reason, told.user_id, told.route) == ("superuser_passes_policies", str(WHO["root"]), "list_all")


async def test_what_depends_on_the_actor_is_kept_by_no_cache(ada):
    assert "no-store" in (await ada.fetch("/list")).headers["cache-control"]
