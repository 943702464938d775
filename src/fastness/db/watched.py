"""A driver's connection that lets somebody look at the SQL which SQLAlchemy did not send.

Whoever takes the driver's connection out of the pool is below every event of SQLAlchemy. So the connection itself keeps a
place for a function that examines a statement and may refuse it. What SQLAlchemy sends was examined on its way and is
announced, which costs a comparison; without a function nothing is examined. What the driver offers beside SQL (copies of a
whole database, say) does not pass here.

ASVS 5.0: V8.3.1 (rules are enforced where they cannot be bypassed).
"""

from collections.abc import Callable


class Watched:
    """The part of a connection that is asked before each statement; mixed into the driver's own class."""

    examine: Callable[[str], None] | None = None
    """Looks at each statement that was not announced."""
    announced: str | None = None
    """The statement that SQLAlchemy is about to send."""

    def watch(self, sql: str) -> None:
        """Let the statement be examined, unless it is the announced one."""
        if self.examine is None:
            return
        if self.announced is sql:
            self.announced = None
            return
        self.examine(sql)
