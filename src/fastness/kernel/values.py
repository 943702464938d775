"""`dataclass(frozen=True, slots=True)` for values, with its methods written when they are first used.

The standard library writes and compiles the source of six methods for each class while its module is imported. That was a third
of an app's start, and half of the classes are not used before the first response, if ever. Here a class gets its fields and
slots at once; `__init__`, `__repr__`, `__eq__` and `__hash__` are the standard library's as well, made when they are first
asked for.

Not for classes that apps inherit from: to the standard library these are not frozen, and it lets no frozen dataclass inherit
from one that is not. Nor for what a tripwire makes of an event: writing a method is such an event.

ASVS 5.0: none by itself.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

__all__ = ["dataclass"]

ValueT = TypeVar("ValueT")

_POST_INIT: Final = "__post_init__"
_COMPARED: Final = ("__eq__", "__hash__")


class Unwritten:
    """Stands for a method of a class until somebody asks for it."""

    def __init__(self, home: type, name: str) -> None:
        self.home = home
        self.name = name

    def __get__(self, value: object, owner: type | None = None) -> Any:  # noqa: ANN401 - any method of any class
        """Write the method, and put it in place of this."""
        method = write_method(self.home, self.name)
        setattr(self.home, self.name, method)
        return method.__get__(value, owner)


def light_dataclass(
    *,
    frozen: Literal[True],  # noqa: ARG001 - said where the class is, for people and type checkers
    slots: Literal[True],
    kw_only: bool = False,
    eq: bool = True,
) -> Callable[[type[ValueT]], type[ValueT]]:
    """What `dataclass` is when it runs; for type checkers it is the standard library's."""

    def make(body: type[ValueT]) -> type[ValueT]:
        # A class that defines `__eq__` alone has `None` for `__hash__`.
        own = {name for name, member in vars(body).items() if member is not None}
        made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(body)
        for name in ("__init__", "__repr__", *(_COMPARED if eq else ())):
            if name not in own:
                setattr(made, name, Unwritten(made, name))
        for name, method in _FROZEN.items():
            setattr(made, name, method)
        return made

    return make


def write_method(home: type, name: str) -> Any:  # noqa: ANN401 - any method of any class
    """The method as the standard library writes it for a frozen class of these fields."""
    is_init, is_compared = name == "__init__", name in _COMPARED
    members = {"__doc__": home.__doc__}
    if hasattr(home, _POST_INIT):
        members[_POST_INIT] = getattr(home, _POST_INIT)
    written = dataclasses.make_dataclass(
        home.__name__,
        [(field.name, field.type, field) for field in dataclasses.fields(home)],
        namespace=members,
        init=is_init,
        repr=name == "__repr__",
        eq=is_compared,
        unsafe_hash=is_compared,
        frozen=is_init,  # or it would set the fields in the way that is refused
    )
    method = vars(written)[name]
    method.__module__, method.__qualname__ = home.__module__, f"{home.__qualname__}.{name}"
    return method


def _refuse_assignment(_: object, name: str, __: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(_: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _copied(value: Any) -> list[object]:  # noqa: ANN401 - a value of any class
    return [getattr(value, field.name) for field in dataclasses.fields(value)]


def _restore(value: Any, state: list[object]) -> None:  # noqa: ANN401 - a value of any class
    for field, member in zip(dataclasses.fields(value), state, strict=True):
        object.__setattr__(value, field.name, member)


_FROZEN: Final = {
    "__setattr__": _refuse_assignment,
    "__delattr__": _refuse_deletion,
    # Or a copy would be made by assignments.
    "__getstate__": _copied,
    "__setstate__": _restore,
}

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = light_dataclass
