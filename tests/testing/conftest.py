"""The matrix is tried on the small shop that the gates are tried on."""

from tests.web.conftest import clock, make_shop, migrated

__all__ = ["clock", "make_shop", "migrated"]
