"""Two tenants whose policies refer to each other; PostgreSQL enforces them as well."""

import uuid

from sqlalchemy import Column, ColumnElement, ForeignKey, Table, exists, or_
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from fastness import Model, PublicID
from fastness.authz.actors import Actor
from fastness.authz.policies import Policy

row_readers = Table(
    "row_readers",
    Model.metadata,
    Column("file_id", ForeignKey("row_files.id"), primary_key=True),
    Column("post_id", ForeignKey("row_posts.id"), primary_key=True),
)


class Bureau(Model):
    __tablename__ = "row_bureaus"

    id: Mapped[PublicID]
    name: Mapped[str]


class Post(Model):
    """Somebody's place in a bureau."""

    __tablename__ = "row_posts"

    id: Mapped[PublicID]
    bureau_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("row_bureaus.id"))
    user_id: Mapped[uuid.UUID]


class Folder(Model):
    __tablename__ = "row_files"

    id: Mapped[PublicID]
    bureau_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("row_bureaus.id"))
    owner_id: Mapped[uuid.UUID]
    title: Mapped[str]
    readers: Mapped[list[Post]] = relationship(secondary=row_readers)


def works_at(bureau_id: object, actor: Actor) -> ColumnElement[bool]:
    colleague = aliased(Post)
    return exists().where(colleague.bureau_id == bureau_id, colleague.user_id == actor.id)


class BureauPolicy(Policy[Bureau]):
    writing = frozenset({"rename"})

    def view(self, actor: Actor) -> ColumnElement[bool]:
        return works_at(Bureau.id, actor)

    def rename(self, actor: Actor) -> ColumnElement[bool]:
        return self.view(actor) & actor.may("bureaus.rename")


class PostPolicy(Policy[Post]):
    """Asks its own table, and the one that asks it."""

    def view(self, actor: Actor) -> ColumnElement[bool]:
        return or_(
            works_at(Post.bureau_id, actor),
            exists().where(Folder.bureau_id == Post.bureau_id, Folder.owner_id == actor.id),
        )

    def create(self, actor: Actor) -> ColumnElement[bool]:
        return works_at(Post.bureau_id, actor)


class FolderPolicy(Policy[Folder]):
    def view(self, actor: Actor) -> ColumnElement[bool]:
        return or_(Folder.owner_id == actor.id, works_at(Folder.bureau_id, actor))

    def edit(self, actor: Actor) -> ColumnElement[bool]:
        return Folder.owner_id == actor.id

    def delete(self, actor: Actor) -> ColumnElement[bool]:
        return self.edit(actor)

    def create(self, actor: Actor) -> ColumnElement[bool]:
        return self.edit(actor) & works_at(Folder.bureau_id, actor)


POLICIES = (BureauPolicy, PostPolicy, FolderPolicy)
"""They ask for row-level security where a test's fixture says so: a process has one set of policies."""
TABLES = [model.__table__ for model in (Bureau, Post, Folder)] + [row_readers]
