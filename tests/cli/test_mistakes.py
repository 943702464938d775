"""Which part of a traceback is the app's."""

import sys
from pathlib import Path

import pytest

from fastness.cli import main
from fastness.cli.mistakes import app_trace

RAISING = """def run(call=None):
    if call is None:
        raise ValueError("half-past")
    call()
"""


def made(file):
    names = {}
    exec(compile(RAISING, str(file), "exec"), names)  # noqa: S102
    return names["run"]


@pytest.mark.parametrize(
    ("callers", "shown"),
    [
        pytest.param(["site/app.py"], ["site/app.py"], id="an-app"),
        pytest.param(["lib/typer.py", "site/app.py"], ["site/app.py"], id="called-by-a-command"),
        pytest.param(
            ["site/.venv/lib/typer.py", "site/app.py", "site/.venv/lib/wtforms.py"],
            ["site/app.py", "site/.venv/lib/wtforms.py"],
            id="from-an-environment-in-its-folder",
        ),
        pytest.param(
            ["site/own-env/lib/typer.py", "site/app.py"],
            ["site/app.py"],
            id="from-an-environment-of-any-name-in-its-folder",
        ),
        pytest.param(["lib/typer.py"], [], id="not-the-apps"),
    ],
)
def test_a_traceback_begins_where_the_app_does(tmp_path, callers, shown):
    (tmp_path / "site" / "own-env").mkdir(parents=True)
    (tmp_path / "site" / "own-env" / "pyvenv.cfg").touch()
    *outer, inner = [made(tmp_path / file) for file in callers]

    def call(rest):
        if not rest:
            inner()
        else:
            rest[0](lambda: call(rest[1:]))

    with pytest.raises(ValueError, match="half-past") as caught:
        call(outer)
    text = app_trace(caught.value, tmp_path / "site")
    assert [file for file in callers if f'{tmp_path}/{file}"' in text] == shown


def test_what_runs_in_a_folder_of_ours_is_no_app():
    with pytest.raises(ValueError, match="half-past") as caught:
        made(main.__file__)()
    assert app_trace(caught.value, Path(main.__file__).parents[2]) == ""


def test_python_itself_is_no_app_of_the_folder_that_holds_it():
    with pytest.raises(ValueError, match="half-past") as caught:
        made(Path(sys.base_prefix) / "lib" / "python3" / "enum.py")()
    assert app_trace(caught.value, Path(sys.base_prefix).parent) == ""
