import os

import pytest

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.verdicts import ALLOW, Deny
from fastness.tripwires.declared import DeclaredReason as Reason
from fastness.tripwires.declared import Folders, decide_file, decide_server
from fastness.tripwires.rules import TripwireRules, parse_server

FOLDERS = Folders(readable=("/srv/app/",), writable=("/srv/data/",), files=frozenset({"/dev/null", "/srv/app.sqlite3"}))
FILES = [
    pytest.param("/srv/app/views.py", False, None, id="own code is read"),
    pytest.param("/srv/app/views.py", True, Reason.OUTSIDE, id="own code is not written"),
    pytest.param("/srv/app", False, None, id="the folder itself"),
    pytest.param("/srv/app2/views.py", False, Reason.OUTSIDE, id="a name that begins alike"),
    pytest.param("/srv/data/upload", True, None, id="data are written"),
    pytest.param("/srv/data/upload", False, None, id="and read"),
    pytest.param("/srv", False, Reason.OUTSIDE, id="the folder above"),
    pytest.param("/etc/passwd", False, Reason.OUTSIDE, id="outside"),
    pytest.param("/dev/null", True, None, id="a file by name"),
    pytest.param("/srv/app.sqlite3", True, None, id="the database"),
    pytest.param("/srv/app.sqlite3.py", True, Reason.OUTSIDE, id="beside the database"),
    pytest.param("/srv/app/.env", False, Reason.SETTINGS, id="settings in the app's folder"),
    pytest.param("/srv/app/.env.production", False, Reason.SETTINGS, id="other settings"),
    pytest.param("/srv/data/.env", True, Reason.SETTINGS, id="settings where data are written"),
    pytest.param("/srv/app/env.py", False, None, id="a module of that name"),
]
SERVERS = frozenset({("db.internal", 5432), ("10.0.0.7", 25), ("::1", 6379)})
HOSTS = [
    pytest.param("db.internal", 5432, None, id="the database"),
    pytest.param("DB.internal.", 5432, None, id="in another spelling"),
    pytest.param("db.internal", None, None, id="looked up without a port"),
    pytest.param("db.internal", 22, Reason.SERVER, id="another port of it"),
    pytest.param("evil.db.internal", 5432, Reason.SERVER, id="below it"),
    pytest.param("10.0.0.7", 25, None, id="an address"),
    pytest.param("0:0:0:0:0:0:0:1", 6379, None, id="an address in another spelling"),
    pytest.param("169.254.169.254", 80, Reason.SERVER, id="metadata"),
    pytest.param("secret.evil.test", None, Reason.SERVER, id="looked up to tell somebody"),
]


@pytest.mark.parametrize(("path", "is_write", "reason"), FILES)
def test_a_file_is_decided_on_by_where_it_is(path, is_write, reason):
    assert decide_file(FOLDERS, path, is_write=is_write) == (ALLOW if reason is None else Deny(reason))


@pytest.mark.parametrize(("host", "port", "reason"), HOSTS)
def test_a_server_is_declared_with_its_port(host, port, reason):
    assert decide_server(SERVERS, host, port) == (ALLOW if reason is None else Deny(reason))


def test_folders_are_known_by_where_their_links_lead(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    folders = Folders.of(readable=[str(tmp_path / "link")], writable=["/"])
    assert folders.readable == (f"{os.path.realpath(tmp_path)}/real/",)
    assert folders.writable == (), "the root is never meant"


def test_a_server_has_a_port():
    assert parse_server("[::1]:6379") == ("::1", 6379)
    assert parse_server("search.internal:9200") == ("search.internal", 9200)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"servers": ("search.internal",)}, id="no port"),
        pytest.param({"servers": ("*:80",)}, id="a star"),
        pytest.param({"servers": "search.internal:9200"}, id="one text"),
        pytest.param({"read_folders": ("data",)}, id="a relative folder"),
        pytest.param({"write_folders": ("/",)}, id="the root"),
        pytest.param({"read_folders": ("/srv/..",)}, id="the root, in other words"),
        pytest.param({"insecure_off": True}, id="no reason"),
    ],
)
def test_rules_that_cannot_be_right_are_refused(values):
    with pytest.raises(ConfigError):
        TripwireRules(**values)


def test_rules_with_a_reason_are_right():
    assert TripwireRules(insecure_off=Because("measured in another way")).insecure_off is not None
