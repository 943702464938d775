"""A QR code as the path of an svg: text for one attribute, so that no markup is made outside a template."""

from importlib import import_module
from typing import NamedTuple


class QRCode(NamedTuple):
    """The drawing: `<svg viewBox="0 0 size size"><path d="path">`."""

    size: int
    path: str


_QUIET = 4
"""Modules of white around it (ISO/IEC 18004 §6.3.8)."""


def qr_code(text: str) -> QRCode:
    """The QR code of a text."""
    # Loaded with the first code that is drawn, not with every app.
    segno = import_module("segno")
    matrix = segno.make(text, error="m", micro=False).matrix
    parts = [
        f"M{column + _QUIET} {row + _QUIET}h1v1h-1z"
        for row, line in enumerate(matrix)
        for column, is_dark in enumerate(line)
        if is_dark
    ]
    return QRCode(len(matrix) + 2 * _QUIET, "".join(parts))
