"""One file that others can read or write, that lies where it should not, or that is not what it was."""

import sqlite3

import pytest

from fastness.db.migrations import upgrade
from tests.checks.planted.project import NAME

FILES = [
    ("FST-SETTINGS-005", "env-for-all", lambda project: project.chmod(".env", 0o644)),
    ("FST-FILES-001", "a-store-for-all", lambda project: project.write("var/store.sqlite3", mode=0o644)),
    ("FST-FILES-001", "an-audit-log-for-all", lambda project: project.write("var/audit.sqlite3", mode=0o604)),
    ("FST-FILES-001", "a-write-ahead-log-for-all", lambda project: project.write("var/store.sqlite3-wal", mode=0o640)),
    ("FST-FILES-004", "code-that-others-write", lambda project: project.chmod(f"{NAME}/app.py", 0o666)),
    ("FST-FILES-004", "a-package-that-others-write", lambda project: project.chmod(NAME, 0o777)),
    ("FST-FILES-004", "a-template-that-others-write", lambda project: template(project, 0o646)),
    ("FST-FILES-004", "bytecode-that-others-write", lambda project: bytecode(project, 0o757)),
    ("FST-FILES-004", "static-files-that-others-write", lambda project: project.chmod(f"{NAME}/static", 0o757)),
    ("FST-FILES-004", "a-project-file-that-others-write", lambda project: project.chmod("pyproject.toml", 0o646)),
    ("FST-FILES-006", "source-code-among-static-files", lambda project: project.write(f"{NAME}/static/old.py")),
    ("FST-FILES-006", "a-copy-of-an-editor", lambda project: project.write(f"{NAME}/static/site.css~")),
    ("FST-FILES-006", "a-key-among-static-files", lambda project: project.write(f"{NAME}/static/certs/site.key")),
    ("FST-ACCESS-002", "no-lock-file", lambda project: (project.folder / "access.lock").unlink()),
    ("FST-DATABASE-001", "no-tables", lambda project: database(project.folder, "CREATE TABLE cases (id INTEGER)")),
    (
        "FST-ACCEPTED-001",
        "an-acceptance-of-nothing",
        lambda project: project.write(
            "pyproject.toml",
            f'[tool.fastness]\napp = "{NAME}.app:app"\n\n'
            '[tool.fastness.accepted]\nFST-CSP-002 = "a library that is long gone"\n',
        ),
    ),
]


def template(project, mode):
    next((project.folder / NAME / "templates").rglob("*.html")).chmod(mode)


def bytecode(project, mode):
    folder = project.folder / NAME / "__pycache__"
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)


def database(folder, *statements):
    (folder / "var").mkdir(mode=0o700, exist_ok=True)
    with sqlite3.connect(folder / "var/data.sqlite3") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    (folder / "var/data.sqlite3").chmod(0o600)


@pytest.mark.parametrize(
    ("name", "plant"), [pytest.param(name, plant, id=f"{name}-{what}") for name, what, plant in FILES]
)
def test_a_wrong_file_is_found(project, name, plant):
    assert name not in project.found()
    plant(project)
    assert name in project.found()


def test_a_folder_that_others_write_is_found_for_the_data_in_it(project):
    project.write("var/store.sqlite3")
    assert "FST-FILES-004" not in project.found()
    project.chmod("var", 0o777)
    assert "FST-FILES-004" in project.found()


def test_a_secret_that_others_read_is_found(project):
    project.configure(SECRETS_DIR=str(project.folder / "secrets"))
    file = project.write("secrets/fastness_mail_password", "a password")
    assert "FST-FILES-003" not in project.found()
    file.chmod(0o644)
    assert "FST-FILES-003" in project.found()


def test_data_among_the_static_files_are_found_once(project):
    project.configure(STORE_URL=f"sqlite:///{NAME}/static/store.sqlite3")
    assert "FST-FILES-005" not in project.found()
    project.write(f"{NAME}/static/store.sqlite3")
    assert project.found() & {"FST-FILES-005", "FST-FILES-006"} == {"FST-FILES-005"}


def test_a_database_of_another_release_is_found(project):
    (project.folder / "var").mkdir(mode=0o700)
    upgrade(f"sqlite:///{project.folder}/var/data.sqlite3", None)
    assert project.found() & {"FST-DATABASE-001", "FST-DATABASE-002"} == set()
    database(project.folder, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    assert "FST-DATABASE-002" in project.found()
