"""Typed output: what a model shows, what stops the start, and that no model object leaves as it is."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship, synonym

from fastness import ConfigError, JSONResponse, Model, Output, PasswordHash, PublicID, Routes, Secret, access, derived
from fastness.auth.users import User
from fastness.db.columns import HIDDEN
from fastness.web.outputs import HiddenColumnError, OutputSchemaError, UnsafeIntegerError
from fastness.web.responses import UnserialisableModelError, encode_json
from fastness.web.validators import AsText, Name

PARCEL_ID = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")


class Weight(Enum):
    LIGHT = "light"


class CrateLabel(Model):
    __tablename__ = "crate_labels"
    id: Mapped[PublicID]
    crate_id: Mapped[UUID] = mapped_column(ForeignKey("crates.id"))
    text: Mapped[str]
    crate: Mapped["Crate"] = relationship(back_populates="labels")


class Crate(Model):
    __tablename__ = "crates"
    id: Mapped[PublicID]
    title: Mapped[str] = mapped_column()
    note: Mapped[str | None]
    number: Mapped[int] = mapped_column(BigInteger)
    price: Mapped[Decimal]
    sent_at: Mapped[datetime]
    weight: Mapped[Weight]
    pickup_hash: Mapped[str] = mapped_column(PasswordHash)
    tracking_key: Mapped[Secret]
    internal: Mapped[str] = mapped_column(String, info={HIDDEN: True})
    labels: Mapped[list[CrateLabel]] = relationship(back_populates="crate")
    heading = synonym("title")
    other_hash = synonym("pickup_hash")
    shouted: Mapped[str] = column_property(func.upper(title))
    guessable: Mapped[str] = column_property(func.lower(pickup_hash))
    looked_up: Mapped[str] = column_property(select(User.password_hash).limit(1).scalar_subquery())

    @property
    def peek(self) -> str:
        return self.pickup_hash


class CrateLabelOut(Output, model=CrateLabel):
    text: str


class CrateOut(Output, model=Crate):
    id: UUID
    title: str
    note: str | None
    number: int
    price: Decimal
    sent_at: Annotated[datetime, Name("sentAt")]
    weight: Weight
    labels: list[CrateLabelOut]
    label_count: int = derived(lambda crate: len(crate.labels))


class CrateBrief(Output, model=Crate):
    title: str


def crate(**values: Any) -> Crate:
    return Crate(
        **{
            "id": PARCEL_ID,
            "title": "Books",
            "note": None,
            "number": 7,
            "price": Decimal("1.50"),
            "sent_at": datetime(2026, 2, 28, tzinfo=UTC),
            "weight": Weight.LIGHT,
            "pickup_hash": "$argon2id$never",
            "tracking_key": Secret("never"),
            "internal": "never",
            "labels": [CrateLabel(text="fragile")],
            **values,
        }
    )


def output(annotation: Any, name: str = "title", model: type | None = Crate, **namespace: Any) -> type[Output]:
    values = {"__annotations__": {name: annotation}, "__module__": __name__, **namespace}
    return type("Made", (Output,), values, model=model)


def test_an_output_is_written_as_declared():
    assert json.loads(encode_json(CrateOut.of(crate()))) == {
        "id": str(PARCEL_ID),
        "title": "Books",
        "note": None,
        "number": 7,
        "price": "1.50",
        "sentAt": "2026-02-28T00:00:00+00:00",
        "weight": "light",
        "labels": [{"text": "fragile"}],
        "label_count": 1,
    }


def test_several_and_nested_in_plain_values():
    assert encode_json({"crates": CrateBrief.all_of([crate(), crate(title="Tea")])}) == (
        '{"crates":[{"title":"Books"},{"title":"Tea"}]}'
    )


def test_an_output_shows_no_value():
    assert repr(CrateBrief.of(crate())) == "CrateBrief(title)"


def test_a_subclass_has_the_fields_and_the_model_of_its_base():
    class Longer(CrateBrief):
        note: str | None

    assert encode_json(Longer.of(crate())) == '{"title":"Books","note":null}'


def test_an_output_without_a_model_is_made_by_calling_it():
    class Count(Output):
        total: int
        when: date
        at: time
        tags: list[str]
        by_name: dict[str, UUID]
        state: Literal["open", "closed"] = "open"

    made = Count(total=3, when=date(2026, 2, 28), at=time(13), tags=["a"], by_name={"a": PARCEL_ID})
    assert json.loads(encode_json(made)) == {
        "total": 3,
        "when": "2026-02-28",
        "at": "13:00:00",
        "tags": ["a"],
        "by_name": {"a": str(PARCEL_ID)},
        "state": "open",
    }
    with pytest.raises(OutputSchemaError):
        Count.of(crate())


@pytest.mark.parametrize(
    ("name", "annotation"),
    [
        pytest.param("title", str, id="column"),
        pytest.param("heading", str, id="synonym"),
        pytest.param("shouted", str, id="expression"),
        pytest.param("note", str | None, id="column-that-may-be-empty"),
        pytest.param("labels", list[CrateLabelOut], id="relationship"),
        pytest.param("weight", Weight, id="enum"),
    ],
)
def test_a_field_that_fits_its_model(name, annotation):
    assert output(annotation, name).fastness_plan[0].name == name


@pytest.mark.parametrize(
    ("name", "annotation", "error"),
    [
        pytest.param("titel", str, OutputSchemaError, id="no-such-column"),
        pytest.param("peek", str, OutputSchemaError, id="property"),
        pytest.param("metadata", str, OutputSchemaError, id="of-the-class-itself"),
        pytest.param("title", int, OutputSchemaError, id="another-type"),
        pytest.param("note", str, OutputSchemaError, id="may-be-empty"),
        pytest.param("labels", list[str], OutputSchemaError, id="relationship-as-text"),
        pytest.param("title", object, OutputSchemaError, id="anything"),
        pytest.param("title", Any, OutputSchemaError, id="any"),
        pytest.param("title", bytes, OutputSchemaError, id="bytes"),
        pytest.param("title", int | str, OutputSchemaError, id="one-of-two"),
        pytest.param("labels", list[CrateLabel], OutputSchemaError, id="a-model-itself"),
        pytest.param("pickup_hash", str, HiddenColumnError, id="password-hash"),
        pytest.param("tracking_key", Secret, HiddenColumnError, id="secret"),
        pytest.param("tracking_key", str, HiddenColumnError, id="secret-as-text"),
        pytest.param("internal", str, HiddenColumnError, id="marked"),
        pytest.param("other_hash", str, HiddenColumnError, id="synonym-of-a-hash"),
        pytest.param("guessable", str, HiddenColumnError, id="expression-of-a-hash"),
        pytest.param("looked_up", str, HiddenColumnError, id="hash-of-another-table"),
        pytest.param("title", "Unknown", OutputSchemaError, id="unknown-name"),
        pytest.param("of", str, OutputSchemaError, id="name-of-a-method"),
        pytest.param("_title", str, OutputSchemaError, id="underscore"),
    ],
)
def test_a_field_that_does_not_fit_stops_the_start(name, annotation, error):
    with pytest.raises(error) as caught:
        output(annotation, name)
    assert type(caught.value) is error
    assert isinstance(caught.value, ConfigError)


def test_our_own_users_show_no_hash():
    assert output(str, "username", User)
    with pytest.raises(HiddenColumnError):
        output(str | None, "password_hash", User)


def test_a_derived_secret_is_refused_by_its_type():
    with pytest.raises(HiddenColumnError):
        output(Secret, "key", tracked=None, key=derived(lambda item: item.tracking_key))


def test_the_model_is_a_model():
    with pytest.raises(OutputSchemaError):
        output(str, model=dict)


@pytest.mark.parametrize("item", [pytest.param(CrateLabel(text="a"), id="other-model"), pytest.param(None, id="none")])
def test_an_output_takes_its_own_model_only(item):
    with pytest.raises(OutputSchemaError):
        CrateBrief.of(item)


@pytest.mark.parametrize(
    ("number", "is_safe"),
    [
        pytest.param(2**53 - 1, True, id="largest-exact"),
        pytest.param(2**53, False, id="one-more"),
        pytest.param(-(2**53) + 1, True, id="smallest-exact"),
        pytest.param(-(2**53), False, id="one-less"),
    ],
)
def test_a_number_that_javascript_would_round_is_not_sent(number, is_safe):
    made = output(int, "number").of(crate(number=number))
    if is_safe:
        assert json.loads(encode_json(made)) == {"number": number}
    else:
        with pytest.raises(UnsafeIntegerError, match="AsText"):
            encode_json(made)
    as_text = output(Annotated[int, AsText()], "number").of(crate(number=number))
    assert json.loads(encode_json(as_text)) == {"number": str(number)}


def test_an_empty_number_as_text_is_null():
    class Optional(Output):
        number: Annotated[int, AsText()] | None

    assert encode_json(Optional(number=None)) == '{"number":null}'
    assert encode_json(Optional(number=5)) == '{"number":"5"}'


@dataclass
class Holder:
    title: str


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(crate, id="object"),
        pytest.param(lambda: [crate()], id="list"),
        pytest.param(lambda: {"crate": crate()}, id="mapping"),
        pytest.param(lambda: {"a": [{"b": (crate(),)}]}, id="deep-inside"),
        pytest.param(lambda: output(str, "x", x=derived(lambda item: item)).of(crate()), id="derived"),
    ],
)
def test_a_model_object_is_not_serialised(content):
    with pytest.raises(UnserialisableModelError, match=r"class CrateOut\(Output, model=Crate\)"):
        JSONResponse(content())


@pytest.mark.parametrize("value", [Holder("a"), Secret("never"), {1}, b"a"])
def test_what_json_does_not_know_raises_as_ever(value):
    with pytest.raises(TypeError):
        JSONResponse([value])


@pytest.fixture
async def shop(make_shop):
    routes = Routes(access=access.public)

    def returning(path, make):
        @routes.get(path)
        async def handler(request):
            return make()

    returning("/object", crate)
    returning("/list", lambda: [crate()])
    returning("/mapping", lambda: {"crate": crate()})
    returning("/in-a-response", lambda: JSONResponse([crate()]))
    returning("/bare-output", lambda: CrateBrief.of(crate()))
    returning("/output", lambda: JSONResponse(CrateBrief.of(crate())))
    return await make_shop(routes)


@pytest.mark.asvs("V15.3.1")
@pytest.mark.parametrize(
    ("path", "code", "fix"),
    [
        pytest.param("/object", "unserialisable_model", "CrateOut(Output, model=Crate)", id="object"),
        pytest.param("/list", "unserialisable_model", "CrateOut(Output, model=Crate)", id="list"),
        pytest.param("/mapping", "unserialisable_model", "CrateOut(Output, model=Crate)", id="mapping"),
        pytest.param("/in-a-response", "unserialisable_model", "CrateOut(Output, model=Crate)", id="in-a-response"),
        pytest.param("/bare-output", "no_response", "JSONResponse", id="output-without-a-response"),
    ],
)
async def test_a_handler_that_returns_a_model_is_told_what_to_write(shop, browse, caplog, path, code, fix):
    async with browse(shop) as browser:
        page = await browser.raw("GET", path)
    assert (page.status, page.json()["code"]) == (500, code)
    assert "never" not in page.text + caplog.text
    assert fix in caplog.text


async def test_a_handler_that_returns_an_output_in_a_response(shop, browse):
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/output")
    assert (page.status, page.json()) == (200, {"title": "Books"})
