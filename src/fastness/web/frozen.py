"""Route lists that no longer change.

What the gates know about a mounted app is what its routers held when the app was sealed. A route added later would have no
rule, so adding one raises, and a list that was changed in spite of it is found at the next request: the mounted app then
answers 500 until the process is started anew. ASVS 5.0 V8.2.1, V16.5.3.
"""

from collections.abc import Callable
from operator import is_
from typing import NoReturn

from starlette.routing import BaseRoute

from fastness.kernel.errors import ConfigError


class LateRouteError(ConfigError):
    """A route was to be added to, or taken from, a mounted app that serves already."""

    code = "late_route"


def refuse_change(*_: object, **__: object) -> NoReturn:
    """Say when routes may be added."""
    raise LateRouteError("The mounted app serves already. Add all of its routes before the first request.")


class FrozenRoutes(list[BaseRoute]):
    """A router's list of routes after sealing; FastAPI and Starlette read it as before."""

    __slots__ = ("as_sealed",)

    def __init__(self, routes: list[BaseRoute]) -> None:
        super().__init__(routes)
        self.as_sealed = tuple(routes)

    def is_unchanged(self) -> bool:
        """Whether the list holds the very objects it held; what goes round the methods below is seen here."""
        return len(self) == len(self.as_sealed) and all(map(is_, self, self.as_sealed))

    append = extend = insert = remove = pop = clear = sort = reverse = refuse_change
    __setitem__ = __delitem__ = __iadd__ = __imul__ = refuse_change


class Snapshot:
    """One router as it was when it was sealed."""

    __slots__ = ("_holders", "_router", "_version")

    def __init__(self, router: object, holders: list[tuple[object, str]]) -> None:
        """Freeze the route lists that `holders` keep, each an object and the name of its attribute."""
        self._router = router
        self._holders: list[tuple[object, str, FrozenRoutes]] = []
        for holder, name in holders:
            routes = getattr(holder, name)
            frozen = routes if isinstance(routes, FrozenRoutes) else FrozenRoutes(routes)
            setattr(holder, name, frozen)
            self._holders.append((holder, name, frozen))
        # FastAPI makes what it includes anew, without our gates in it, when this number has changed.
        self._version = getattr(router, "_routes_version", None)

    def holds(self) -> bool:
        """Whether nothing has changed since."""
        return getattr(self._router, "_routes_version", None) == self._version and all(
            getattr(holder, name) is frozen and frozen.is_unchanged() for holder, name, frozen in self._holders
        )


Check = Callable[[], bool]
"""Whether something is still as it was sealed."""
