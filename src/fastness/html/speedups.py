"""MarkupSafe's loop over the five characters, in C where there is a compiler.

`escape()` makes a `Markup` object for each output, which is most of its time; the loop beneath it does not. Its name is
private, so that there is a way without it, and a test that fails when the name moves.
"""

from collections.abc import Callable
from typing import Final

import markupsafe

__all__ = ["escape_inner", "escape_slowly"]


def escape_slowly(text: str, /) -> str:
    """The same through MarkupSafe's public function."""
    return str(markupsafe.escape(str(text)))


escape_inner: Final[Callable[[str], str]] = getattr(markupsafe, "_escape_inner", escape_slowly)
