"""Values behave as the standard library's frozen dataclasses, and their methods are not written before they are used."""

import copy
import dataclasses
import inspect
import pickle
from typing import Generic, TypeVar

import pytest

from fastness.kernel import values
from fastness.kernel.values import Unwritten, dataclass

ItemT = TypeVar("ItemT")


def door_of(kind):
    """A class of values with all that fields can have."""

    @kind(frozen=True, slots=True, kw_only=True)
    class Door:
        """A value."""

        __qualname__ = "Door"

        name: str
        width: int = 80
        locks: "tuple[str, ...]" = dataclasses.field(default_factory=tuple, compare=False)
        key: str = dataclasses.field(default="", repr=False)

        def __post_init__(self) -> None:
            if not self.name:
                raise ValueError("A door has a name.")

    return Door


def pair_of(kind):
    """A class of values whose fields are given in order, and that has made nothing yet."""

    @kind(frozen=True, slots=True)
    class Pair:
        """In order."""

        __qualname__ = "Pair"

        left: str
        right: str

    return Pair


Door = door_of(dataclass)
StandardDoor, StandardPair = door_of(dataclasses.dataclass), pair_of(dataclasses.dataclass)


@dataclass(frozen=True, slots=True)
class Pair(Generic[ItemT]):
    """In order, and generic."""

    left: ItemT
    right: ItemT


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """Only itself."""

    name: str


@dataclass(frozen=True, slots=True)
class Shy:
    """With methods of its own."""

    name: str

    def __repr__(self) -> str:
        return "Shy"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shy) and self.name.lower() == other.name.lower()

    def __hash__(self) -> int:
        return 7


# Inherits, without being a dataclass itself.
Gate = type("Gate", (Door,), {})


def test_nothing_is_written_before_it_is_used():
    @dataclass(frozen=True, slots=True)
    class Fresh:
        """Not used yet."""

        name: str

    methods = ("__repr__", "__eq__", "__hash__")
    fresh = Fresh("a")
    assert all(isinstance(vars(Fresh)[name], Unwritten) for name in methods)
    assert "Fresh(name='a')" in repr(fresh)
    assert [isinstance(vars(Fresh)[name], Unwritten) for name in methods] == [False, True, True]
    assert fresh == Fresh("a")
    assert hash(fresh) == hash(Fresh("a"))
    assert not any(isinstance(vars(Fresh)[name], Unwritten) for name in methods)


def test_what_is_made_often_has_its_init_written():
    @dataclass(frozen=True, slots=True)
    class Fresh:
        """Not used yet."""

        name: str
        parts: "list[str]" = dataclasses.field(default_factory=list)

    first = [Fresh("a") for _ in range(values._WORTH_WRITING)]
    assert isinstance(vars(Fresh)["__init__"], Unwritten)
    second = [Fresh("a") for _ in range(2)]
    assert inspect.isfunction(vars(Fresh)["__init__"])
    assert all(each == second[0] for each in first)
    assert len({id(each.parts) for each in (*first, *second)}) == len(first) + len(second)


def test_the_last_value_is_made_as_the_first():
    @dataclass(frozen=True, slots=True)
    class Fresh:
        """Not used yet."""

        name: str
        width: int = dataclasses.field(default=80, init=False)

    class Below(Fresh):
        def __post_init__(self) -> None:
            raise ValueError("The standard library asks for it where the fields are, and there is none.")

    made = [kind("a") for kind in [Fresh, Below] * values._WORTH_WRITING]
    assert inspect.isfunction(vars(Fresh)["__init__"])
    assert {each.width for each in made} == {80}


def test_it_looks_like_one_of_the_standard_library():
    assert inspect.signature(Door) == inspect.signature(StandardDoor)
    assert [each.name for each in dataclasses.fields(Door)] == [each.name for each in dataclasses.fields(StandardDoor)]
    assert Door.__slots__ == StandardDoor.__slots__
    assert repr(Door(name="a", key="b")) == repr(StandardDoor(name="a", key="b"))
    assert hash(Door(name="a", locks=("b",))) == hash(StandardDoor(name="a", locks=("c",)))
    assert Door.__init__.__qualname__ == "Door.__init__"
    assert Door.__init__.__module__ == __name__


@pytest.mark.parametrize(
    ("kind", "given", "named"),
    [
        pytest.param("Door", (), {}, id="a field is missing"),
        pytest.param("Door", (), {"name": "a", "hinge": 1}, id="a field is unknown"),
        pytest.param("Door", ("a",), {}, id="a field that has to be named is not"),
        pytest.param("Door", (), {"name": ""}, id="the hook refuses"),
        pytest.param("Pair", ("a",), {}, id="the second is missing"),
        pytest.param("Pair", ("a", "b", "c"), {}, id="one too many"),
        pytest.param("Pair", ("a", "b"), {"left": "c"}, id="one is given twice"),
        pytest.param("Pair", ("a",), {"middle": "c"}, id="the second is unknown"),
    ],
)
def test_what_is_wrong_is_refused_in_the_same_words(kind, given, named):
    ours, standard = {"Door": (Door, StandardDoor), "Pair": (pair_of(dataclass), StandardPair)}[kind]
    with pytest.raises((TypeError, ValueError)) as expected:
        standard(*given, **named)
    # The first time, and when the method is there.
    for _ in range(2):
        with pytest.raises(expected.type) as refused:
            ours(*given, **named)
        assert str(refused.value) == str(expected.value)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param(("a", "b"), {}, id="in order"),
        pytest.param(("a",), {"right": "b"}, id="both"),
        pytest.param((), {"right": "b", "left": "a"}, id="by name"),
    ],
)
def test_the_first_value_is_that_of_the_written_init(given, named):
    pair = pair_of(dataclass)
    first = pair(*given, **named)
    assert isinstance(vars(pair)["__init__"], Unwritten)
    assert (first.left, first.right) == ("a", "b")
    assert inspect.signature(pair) == inspect.signature(StandardPair)
    assert inspect.isfunction(vars(pair)["__init__"])
    assert pair(*given, **named) == first


def test_fields_by_name_are_not_taken_in_order():
    with pytest.raises(TypeError):
        Door("a")
    assert Pair(1, 2).right == 2


def test_nothing_can_be_changed():
    door = Door(name="a")
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'width'"):
        door.width = 90
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'unknown'"):
        door.unknown = 1
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'name'"):
        del door.name
    assert (door.name, door.width) == ("a", 80)


def test_it_is_compared_by_class_and_fields():
    assert Door(name="a", locks=("b",)) == Door(name="a")
    assert Door(name="a") != Door(name="b")
    assert Door(name="a") != StandardDoor(name="a")
    assert Pair(1, 2) == Pair(1, 2) != Pair(2, 1)
    assert len({Pair(1, 2), Pair(1, 2), Pair(2, 1)}) == 2
    assert Thing("a") != Thing("a")
    assert len({Thing("a"), Thing("a")}) == 2


def test_methods_of_its_own_stay():
    assert repr(Shy("a")) == "Shy"
    assert Shy("a") == Shy("A")
    assert hash(Shy("a")) == 7


def test_it_is_inherited():
    gate = Gate(name="a")
    assert repr(gate).startswith("Gate(name='a'")
    assert gate == Gate(name="a")
    assert gate != Door(name="a")


def pickled(value: object) -> object:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - of this process


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, dataclasses.replace, pickled])
def test_it_is_copied(make):
    made = make(Door(name="a", locks=("b",)))
    assert made == Door(name="a")
    assert made.locks == ("b",)


def test_it_is_matched():
    match Pair(1, 2):
        case Pair(left, right):
            assert (left, right) == (1, 2)
