"""The loader behind every relationship that nobody asked to load: it raises, and the message holds the fix.

SQLAlchemy's own `lazy="raise"` says that something is missing but not what to write. This strategy is that one with
another message, registered under a name of its own, so that models of other libraries keep theirs. A list in a
template can then never turn into a query per row, which is both a cost and, with a guarded model, a query outside its
scope.

ASVS 5.0: V15.2.2 (no request that multiplies its own work).
"""

from typing import NoReturn

from sqlalchemy.orm import RelationshipProperty
from sqlalchemy.orm.strategies import _LazyLoader

from fastness.db.errors import MissingLoadError

RAISE_AND_NAME = "fastness_raise"


@RelationshipProperty.strategy_for(lazy=RAISE_AND_NAME)
class _RaiseAndName(_LazyLoader):
    """Raise where a lazy loader would send a query."""

    __slots__ = ()

    def __init__(self, parent: RelationshipProperty[object], strategy_key: tuple[object, ...]) -> None:
        super().__init__(parent, strategy_key)
        self._raise_always = True

    def _invoke_raise_load(self, state: object, passive: object, lazy: str) -> NoReturn:  # noqa: ARG002 - SQLAlchemy's
        prop = self.parent_property
        name = f"{prop.parent.class_.__name__}.{prop.key}"
        raise MissingLoadError(f"{name} was not loaded; add it where the object is loaded: with_=[{name}]")
