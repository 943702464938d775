"""The hand-written application's SQLite file: its schema, its seed, and the three statements it runs.

One connection, in the event loop, write-ahead log: what a careful person would write who counts every microsecond. The
session's key is the SHA-256 of the cookie, so a stolen file signs nobody in.
"""

import json
import sqlite3
import time
from pathlib import Path

from bench import data
from bench.apps.passwords import make_hasher

FILE_NAME = "raw.sqlite3"
SESSION_SECONDS = 43_200

_SCHEMA = """
CREATE TABLE users (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL, password_hash TEXT NOT NULL,
    is_active INTEGER NOT NULL DEFAULT 1, epoch INTEGER NOT NULL DEFAULT 0);
CREATE TABLE sessions (
    key BLOB PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), epoch INTEGER NOT NULL,
    expires REAL NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE notes (
    id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES users (id), author TEXT NOT NULL, text TEXT NOT NULL,
    created REAL NOT NULL);
CREATE INDEX notes_owner ON notes (owner_id);
"""

SESSION_QUERY = (
    "SELECT s.record, u.id, u.display_name FROM sessions s JOIN users u ON u.id = s.user_id"
    " WHERE s.key = ? AND s.expires > ? AND u.is_active = 1 AND u.epoch = s.epoch"
)
NOTES_QUERY = "SELECT id, author, text FROM notes WHERE owner_id = ? ORDER BY id LIMIT 20"
NOTE_INSERT = "INSERT INTO notes (owner_id, author, text, created) VALUES (?, ?, ?, ?)"


def open_database(folder: Path) -> sqlite3.Connection:
    """One connection in autocommit mode, with the write-ahead log."""
    connection = sqlite3.connect(folder / FILE_NAME, isolation_level=None, check_same_thread=False, timeout=5)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def add_session(connection: sqlite3.Connection, *, key: bytes, user_id: int) -> None:
    """Store a session of this user under the hash of its cookie."""
    now = time.time()
    record = json.dumps({"created": now, "values": {}})
    connection.execute(
        "INSERT INTO sessions SELECT ?, id, epoch, ?, ? FROM users WHERE id = ?",
        (key, now + SESSION_SECONDS, record, user_id),
    )


def seed(folder: Path) -> None:
    """Write the accounts and, for each, the twenty notes of the page."""
    hasher = make_hasher()
    connection = open_database(folder)
    connection.executescript(_SCHEMA)
    connection.execute("BEGIN")
    for number, account in enumerate(data.ACCOUNTS, start=1):
        connection.execute(
            "INSERT INTO users (id, username, display_name, password_hash) VALUES (?, ?, ?, ?)",
            (number, account.username, account.display_name, hasher.hash(account.password)),
        )
        connection.executemany(NOTE_INSERT, [(number, row.author, row.text, time.time()) for row in data.ROWS])
    connection.execute("COMMIT")
    connection.close()
