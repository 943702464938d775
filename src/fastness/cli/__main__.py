"""`python -m fastness.cli`: the command, where the script of that name is not on the path."""

from fastness.cli.main import run

run()
