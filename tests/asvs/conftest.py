from tests.web.conftest import api, browse, clock, make_shop, migrated, mounted

__all__ = ["api", "browse", "clock", "make_shop", "migrated", "mounted"]
