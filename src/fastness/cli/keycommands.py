"""`keys`, as they are typed; the work is in `fastness.cli.keys`."""

from fastness.cli.options import group
from fastness.cli.terminal import say

keys = group(help="The secret key and its rotation.")


@keys.command("new")
def new_key() -> None:
    """Print a new secret key."""
    from fastness.cli.keys import make_key

    say(make_key())


@keys.command("rotate")
def rotate_keys() -> None:
    """Put a new key into .env and keep believing the old one: nobody is signed out."""
    from fastness.cli.keys import rotate

    rotate()


@keys.command("retire")
def retire_keys() -> None:
    """Stop believing the previous keys, once nothing signed with them is in use."""
    from fastness.cli.keys import retire

    retire()
