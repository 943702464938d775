"""For whom a session works: an actor, or nobody for a reason that is written down.

A request binds its actor when its unit opens. A command or a worker says `bind_unscoped(session, Because("…"))` once, and
everything in that session is allowed; the reason stands at the line where a reviewer looks. A session of which neither was
said reads nothing guarded without a scope and writes nothing guarded at all.

What a session has loaded for writing is remembered here by identity key, so that an object that came in by another door (a
merge, a view, a copy from another session) is not written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Final
from weakref import ref

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstanceState, Session

from fastness.authz.actors import Actor
from fastness.authz.errors import ForbiddenWriteError
from fastness.authz.registry import registry
from fastness.db.model import Model
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName

_KEY: Final = "fastness_acting"
ACTING: Final = "fastness_acting"
"""The execution option under which a connection knows its session."""
UNSCOPED: Final = "unscoped"
"""The execution option that carries the reason of an exemption."""

OnEvent = Callable[[EventName, str], None]
Link = tuple[InstanceState[object], Sequence[tuple[ColumnElement[object], ColumnElement[object]]]]
"""An object, and its key's columns with those of an association table that hold it."""


class Acting:
    """What the guard knows about one session."""

    def __init__(self, session: Session) -> None:
        self._session = ref(session)
        self._actor: Callable[[], Actor] | None = None
        self._on_event: OnEvent | None = None
        self._told = False
        self._conditions: dict[tuple[type[Model], Actor, str], ColumnElement[bool]] = {}
        self.because: Because | None = None
        self.told: str | None = None
        """What the database was told in this transaction about who acts, if it was told (row-level security)."""
        self.is_telling = False
        """Whether the statement of the moment is the one that tells it."""
        self.grants: dict[object, set[str]] = {}
        """Identity key → the writing actions for which the object was loaded here."""
        self.unproved: dict[object, set[str]] = {}
        """The same where that does not prove that the object may be written now; its row is asked before it is."""
        self.pending: list[tuple[InstanceState[object], str]] = []
        """What this flush has written and has to be checked after it, with the action whose condition must hold."""
        self.approved: dict[str, object] = {}
        """Table → SQLAlchemy's own cache of the statements that this flush sends for it."""
        self.links: dict[str, list[Link]] = {}
        """Association table → the objects whose rows of it this flush may write."""

    def bind(self, actor: Callable[[], Actor], on_event: OnEvent | None) -> None:
        """Work for an actor; asked anew each time, since a sign-in changes who acts."""
        self._actor = actor
        self._on_event = on_event

    @contextmanager
    def acting_for(self, actor: Actor) -> Iterator[None]:
        """Work for somebody else for a while."""
        former, self._actor = self._actor, lambda: actor
        try:
            yield
        finally:
            self._actor = former

    @property
    def actor_or_none(self) -> Actor | None:
        """Who acts, if somebody does."""
        return None if self._actor is None else self._actor()

    @property
    def actor(self) -> Actor:
        """Who acts.

        Raises:
            ForbiddenWriteError: nobody was named.
        """
        if self._actor is None:
            raise ForbiddenWriteError(
                "this session acts for nobody, so it writes nothing guarded: bind_actor(session, actor), or in code without "
                'a person behind it bind_unscoped(session, Because("…"))'
            )
        return self._actor()

    @property
    def is_flushing(self) -> bool:
        """Whether the statements of the moment are those of a flush."""
        session = self._session()
        return session is not None and session._flushing  # noqa: SLF001 - there is no public question

    def condition(self, model: type[Model], actor: Actor, action: str) -> ColumnElement[bool]:
        """The condition of a policy; evaluated once for each actor and action, as a unit is one moment."""
        key = (model, actor, action)
        known = self._conditions.get(key)
        if known is None:
            known = self._conditions[key] = registry().policy_of(model).condition(actor, action)
        return known

    def begin(self) -> None:
        """Note that a transaction begins: what was loaded in the one before may have become somebody else's since."""
        for key, actions in self.grants.items():
            self.unproved.setdefault(key, set()).update(actions)
        self.grants.clear()

    def may_link(self, table: str, rows: Iterable[Mapping[str, object]]) -> bool:
        """Whether each of these rows of an association table belongs to an object that this flush may change."""
        owners = [
            {str(column.key): state.dict.get(state.mapper.get_property_by_column(key).key) for key, column in pairs}
            for state, pairs in self.links.get(table, ())
        ]
        return all(
            any(all(value is not None and row.get(name) == value for name, value in owner.items()) for owner in owners)
            for row in rows
        )

    def tell_superuser(self) -> None:
        """Write, once, that a superuser passed a policy here."""
        if not self._told and self._on_event is not None:
            self._told = True
            self._on_event(EventName.AUTHZ_ADMIN, "superuser_passes_policies")


def acting_of(session: Session | AsyncSession) -> Acting:
    """What the guard knows about a session."""
    sync = session.sync_session if isinstance(session, AsyncSession) else session
    info: MutableMapping[object, object] = sync.info
    found = info.get(_KEY)
    if not isinstance(found, Acting):
        found = info[_KEY] = Acting(sync)
    return found


def bind_actor(
    session: Session | AsyncSession, actor: Actor | Callable[[], Actor], on_event: OnEvent | None = None
) -> None:
    """Let a session work for an actor.

    Args:
        session: a session nobody has bound yet.
        actor: who acts, or a function that tells.
        on_event: takes the security event that a superuser passed a policy; written once for the session.
    """
    acting = acting_of(session)
    if acting.because is not None:
        raise ConfigError("this session was bound with bind_unscoped; open another one for an actor")
    acting.bind(actor if callable(actor) else lambda: actor, on_event)


def bind_unscoped(session: Session | AsyncSession, because: Because) -> None:
    """Let a session read and write everything guarded, for code without a person behind it."""
    acting = acting_of(session)
    if acting.actor_or_none is not None:
        raise ConfigError('this session works for an actor; exempt one statement: unscoped(statement, Because("…"))')
    if not isinstance(because, Because):
        raise ConfigError('bind_unscoped needs a reason: Because("…")')
    sync = session.sync_session if isinstance(session, AsyncSession) else session
    if sync.in_transaction():
        raise ConfigError("bind_unscoped comes before the session's first statement")
    acting.because = because
