"""The application that sqlmap is let loose on: a list, a search, an identifier, and one page that is open on purpose.

The open page is the control: a tool that does not find it says nothing about the others.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from fastness import (
    Because,
    Comparison,
    Fastness,
    Filter,
    Identifiers,
    JSONResponse,
    ListQuery,
    Model,
    PublicID,
    Request,
    Response,
    Routes,
    Settings,
    access,
    insecure_sql,
    sql,
)

routes = Routes(access=access.public)


class Film(Model):
    """What is listed."""

    __tablename__ = "films"

    id: Mapped[PublicID]
    title: Mapped[str]
    stars: Mapped[int | None]
    note: Mapped[str] = mapped_column(default="nobody should read this")


class Order(Identifiers):
    """What the second page sorts by."""

    TITLE = "title"
    STARS = "stars"


FILMS = ListQuery(
    model=Film,
    sorts={"title": Film.title, "stars": (Film.stars, Film.title)},
    default_sort="title",
    filters={
        "stars": Filter(Film.stars, Comparison.AT_LEAST),
        "title": Filter(Film.title),
        "part": Filter(Film.title, Comparison.CONTAINS),
    },
    search=(Film.title,),
    page_sizes=(10, 25),
)


@routes.get("/films")
async def films(request: Request) -> Response:
    """List films by everything that a ListQuery takes."""
    page = await FILMS.load(request, select(Film))
    return JSONResponse({"titles": [film.title for film in page], "next": page.next, "first": page.first})


@routes.get("/written")
async def written(request: Request) -> Response:
    """Ask with written SQL: a bound value, a pattern, an identifier."""
    rows = await request.db.execute(
        sql(
            "SELECT title, stars FROM films WHERE title LIKE :pattern OR title = :title ORDER BY :order, title",
            pattern=request.query.get("pattern", "%"),
            title=request.query.get("title", ""),
            order=Order.choose(request.query.get("order", "title")),
        )
    )
    return JSONResponse({"titles": [row.title for row in rows]})


@routes.get("/open")
async def is_open(request: Request) -> Response:
    """The control: what the framework does not let you write by accident."""
    title = request.query.get("title", "")
    control = Because("the control of the sqlmap run, which has to find it")
    text = f"SELECT title FROM films WHERE title = '{title}'"  # noqa: S608 - that is the point
    rows = await request.db.execute(insecure_sql(text, because=control))
    return JSONResponse({"titles": [row.title for row in rows]})


async def seed() -> None:
    """Make the table, and a few rows in it."""
    await app.services.database.open()
    async with app.services.database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all, tables=[Model.metadata.tables["films"]])
    async with app.services.open_unit(is_read_only=False) as unit:
        titles = ("Alien", "Brazil", "Cube", "Dune", "Eraserhead", "Fargo")
        unit.session.add_all([Film(title=title, stars=number) for number, title in enumerate(titles)])
    await app.services.database.close()


app = Fastness(Settings.load(), routes=[routes], accounts=False)
