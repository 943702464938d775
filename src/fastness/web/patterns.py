"""How much a path with parameters costs to refuse.

Each parameter that can hold any letters may give some of them to the next one. Where two stand beside each other, all ways to
share a long segment between them are tried before it is refused, and each further one multiplies that (CWE-1333).

ASVS 5.0: V15.2.2 (no request that multiplies its own work).
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.convertors import Convertor, FloatConvertor, IntegerConvertor, StringConvertor, UUIDConvertor
from starlette.routing import PARAM_REGEX

_BOUNDED: Final = (FloatConvertor, IntegerConvertor, UUIDConvertor)
"""Convertors that no other parameter can take letters from."""


def open_ended_together(path: str, convertors: Mapping[str, Convertor[Any]]) -> int:
    """The most parameters of the path between which no slash stands, not counting those that take digits only.

    Behind a `path` parameter a slash separates nothing, because it may hold slashes itself.
    """
    most = together = 0
    takes_slashes = False
    for segment in path.split("/"):
        if not takes_slashes:
            together = 0
        for match in PARAM_REGEX.finditer(segment):
            convertor = convertors[match.group(1)]
            if type(convertor) not in _BOUNDED:
                together += 1
                takes_slashes = takes_slashes or type(convertor) is not StringConvertor
        most = max(most, together)
    return most
