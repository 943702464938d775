"""Statements of the superuser of a test server, over connections that stay open: a program for each would cost ten times as much.

A test has a loop of its own, or none, and a connection lives on the loop that opened it: here that is a loop on a thread.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Superuser:
    """Runs statements from wherever it is asked to; one at a time."""

    def __init__(self, *, host: str, user: str, password: str) -> None:
        self._host = host
        self._user = user
        self._password = password
        self._connections: dict[str, Connection] = {}
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fastness-superuser")

    def run(self, statements: str, database: str) -> None:
        """Run statements in one transaction; raises what asyncpg raises."""
        self._thread.submit(lambda: self._runner.run(self._execute(statements, database))).result()

    def close(self) -> None:
        """Close the connections and end the thread."""
        self._thread.submit(lambda: self._runner.run(self._disconnect())).result()
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    async def _execute(self, statements: str, database: str) -> None:
        connection = self._connections.get(database)
        if connection is None or connection.is_closed():
            connection = await asyncpg.connect(
                host=self._host, user=self._user, password=self._password, database=database, ssl=False
            )
            self._connections[database] = connection
        await connection.execute(statements)

    async def _disconnect(self) -> None:
        for connection in self._connections.values():
            connection.terminate()
        # The transports close with the loop's next turn.
        await asyncio.sleep(0)
