"""Typed input on the real pipeline: what is read, what is refused, and that nothing sent comes back."""

import json
from dataclasses import field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest

from fastness import ConfigError, FieldError, Input, InputRefusedError, JSONResponse, Routes, Secret, access
from fastness.web.validators import (
    URL,
    AsText,
    Email,
    FileName,
    Host,
    Items,
    Must,
    Name,
    Number,
    Slug,
    Text,
    Validator,
    Whole,
)

JSON = {"content-type": "application/json", "sec-fetch-site": "same-origin"}
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
MARK = "n3ver-shown"

Title = Annotated[str, Text(max=20, min=1)]
Count = NewType("Count", int)


class Colour(Enum):
    RED = "red"
    BLUE = 2


class Line(Input):
    price: Annotated[Decimal, Number(min=0, places=2)]
    count: Annotated[int, Whole(min=1, max=99)] = 1


class Order(Input):
    title: Title
    lines: list[Line] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    contact: Annotated[str, Email()] | None = None

    def check(self):
        if self.title == "empty" and self.lines:
            yield FieldError("lines", "empty", "An empty order has no lines.")


class Tree(Input):
    name: str
    children: "list[Tree]" = field(default_factory=list)


class Paging(Input):
    page: Annotated[int, Whole(min=1, max=1000)] = 1
    sort: Literal["name", "-name"] = "name"
    tag: tuple[Annotated[str, Slug()], ...] = ()
    since: date | None = None
    mine: bool = False


class Search(Input, ignores_unknown=True):
    text: str = ""


class OrderPath(Input):
    number: Annotated[int, Whole(min=1)]
    slug: Annotated[str, Slug()]


class Login(Input):
    password: Secret


def one(annotation: Any) -> type[Input]:
    return type("One", (Input,), {"__annotations__": {"value": annotation}, "__module__": __name__})


def rule_of(input_class, value) -> str | None:
    try:
        input_class.from_json(value)
    except InputRefusedError as error:
        return ", ".join(f"{one.field}:{one.rule}" for one in error.errors)
    return None


UUID_TEXT = "0f8fad5b-d9cb-469f-a165-70867728950e"
ACCEPTED = [
    pytest.param(str, "a", "a", id="text"),
    pytest.param(str, "", "", id="empty-text"),
    pytest.param(Annotated[str, Text(multiline=True)], "a\nb", "a\nb", id="lines"),
    pytest.param(int, 2**63 - 1, 2**63 - 1, id="largest-whole-number"),
    pytest.param(Count, 1, 1, id="new-type"),
    pytest.param(Annotated[int, AsText()], str(2**62), 2**62, id="whole-number-as-text"),
    pytest.param(float, 1.5, 1.5, id="number"),
    pytest.param(float, 2, 2.0, id="number-without-point"),
    pytest.param(bool, True, True, id="truth"),
    pytest.param(Decimal, "12.50", Decimal("12.50"), id="decimal"),
    pytest.param(Decimal, 12, Decimal(12), id="decimal-from-whole"),
    pytest.param(UUID, UUID_TEXT, UUID(UUID_TEXT), id="id"),
    pytest.param(UUID, UUID_TEXT.upper(), UUID(UUID_TEXT), id="id-in-capitals"),
    pytest.param(datetime, "2026-02-28T13:00:00+01:00", datetime(2026, 2, 28, 12, tzinfo=UTC), id="moment-with-offset"),
    pytest.param(datetime, "2026-02-28T12:00:00.5Z", datetime(2026, 2, 28, 12, 0, 0, 500_000, tzinfo=UTC), id="moment"),
    pytest.param(date, "2026-02-28", date(2026, 2, 28), id="date"),
    pytest.param(time, "13:00", time(13), id="time"),
    pytest.param(Colour, "red", Colour.RED, id="enum-by-text"),
    pytest.param(Colour, 2, Colour.BLUE, id="enum-by-number"),
    pytest.param(Literal["a", 1], 1, 1, id="choice"),
    pytest.param(str | None, None, None, id="none"),
    pytest.param(list[int], [1, 2], [1, 2], id="list"),
    pytest.param(tuple[int, ...], [1], (1,), id="tuple"),
    pytest.param(frozenset[str], ["a"], frozenset({"a"}), id="set"),
    pytest.param(dict[str, int], {"a": 1}, {"a": 1}, id="mapping"),
    pytest.param(Secret, "word", Secret("word"), id="secret"),
    pytest.param(Annotated[str, Email()], "a@example.com", "a@example.com", id="email"),
    pytest.param(Annotated[str, URL()], "https://a.example/", "https://a.example/", id="url"),
    pytest.param(Annotated[str, Host()], "a.example", "a.example", id="host"),
    pytest.param(Annotated[str, FileName()], "a.pdf", "a.pdf", id="file-name"),
    pytest.param(Annotated[list[str], Items(max=101)], ["a"] * 101, ["a"] * 101, id="list-with-its-own-bound"),
    pytest.param(Annotated[int, Must(lambda value: value % 2 == 0, "even", "Even.")], 2, 2, id="own-rule"),
]
REFUSED = [
    pytest.param(str, 1, "type", id="number-for-text"),
    pytest.param(str, None, "type", id="none-for-text"),
    pytest.param(str, ["a"], "type", id="list-for-text"),
    pytest.param(str, "a\nb", "control_character", id="lines-for-a-line"),
    pytest.param(str, "a" * 256, "too_long", id="text-without-a-bound-of-its-own"),
    pytest.param(Title, "  ", "too_short", id="blanks"),
    pytest.param(int, "1", "type", id="text-for-a-number"),
    pytest.param(int, 1.0, "type", id="point-for-a-whole-number"),
    pytest.param(int, True, "type", id="truth-for-a-number"),
    pytest.param(int, 2**63, "too_large", id="beyond-64-bits"),
    pytest.param(int, -(2**63) - 1, "too_small", id="below-64-bits"),
    pytest.param(Annotated[int, AsText()], 1, "type", id="number-for-a-number-as-text"),
    pytest.param(Annotated[int, AsText()], str(2**63), "too_large", id="as-text-beyond-64-bits"),
    pytest.param(float, "1.5", "type", id="text-for-a-float"),
    pytest.param(float, True, "type", id="truth-for-a-float"),
    pytest.param(float, 2**53, "type", id="whole-number-that-no-double-is-sure-of"),
    pytest.param(bool, 1, "type", id="one-for-truth"),
    pytest.param(bool, "true", "type", id="word-for-truth"),
    pytest.param(Decimal, 12.5, "type", id="double-for-a-decimal"),
    pytest.param(Decimal, "1e9", "number", id="exponent"),
    pytest.param(Annotated[Decimal, Number(places=1)], "1.25", "places", id="too-many-places"),
    pytest.param(UUID, UUID_TEXT.replace("-", ""), "uuid", id="id-without-hyphens"),
    pytest.param(UUID, "{" + UUID_TEXT + "}", "uuid", id="id-in-braces"),
    pytest.param(UUID, UUID_TEXT + "\n", "uuid", id="id-and-line-feed"),
    pytest.param(datetime, "2026-02-28T13:00:00", "datetime", id="moment-without-offset"),
    pytest.param(datetime, "2026-02-30T13:00:00Z", "datetime", id="no-such-day"),
    pytest.param(datetime, "0001-01-01T00:00:00+14:00", "datetime", id="before-time-began"),
    pytest.param(datetime, "20260228T130000Z", "datetime", id="moment-without-hyphens"),
    pytest.param(datetime, 0, "type", id="seconds-for-a-moment"),
    pytest.param(date, "2026-W09-6", "date", id="week-date"),
    pytest.param(date, "2026-02-28T00:00", "date", id="moment-for-a-date"),
    pytest.param(time, "25:00", "time", id="no-such-hour"),
    pytest.param(time, "1:00", "time", id="one-digit"),
    pytest.param(Colour, "RED", "choice", id="name-of-an-enum"),
    pytest.param(Colour, "2", "choice", id="text-for-an-enums-number"),
    pytest.param(Literal["a", 1], True, "choice", id="truth-that-equals-a-choice"),
    pytest.param(Literal["a", 1], 1.0, "choice", id="float-that-equals-a-choice"),
    pytest.param(Literal["a", 1], [], "choice", id="list-for-a-choice"),
    pytest.param(list[int], (1,), "type", id="no-list"),
    pytest.param(list[int], {"0": 1}, "type", id="mapping-for-a-list"),
    pytest.param(list[int], [1] * 101, "too_many", id="list-without-a-bound-of-its-own"),
    pytest.param(Annotated[list[int], Items(min=1)], [], "too_few", id="empty-list"),
    pytest.param(frozenset[str], ["a", "a"], "repeated", id="one-value-twice"),
    pytest.param(dict[str, int], [], "type", id="list-for-a-mapping"),
    pytest.param(dict[str, int], {str(n): n for n in range(101)}, "too_many", id="mapping-too-large"),
    pytest.param(Secret, "", "too_short", id="no-secret"),
    pytest.param(Secret, "a" * 256, "too_long", id="secret-too-long"),
    pytest.param(Annotated[str, Email()], "a@example", "email", id="no-email"),
    pytest.param(Annotated[str, Email()], "a" * 255, "too_long", id="email-too-long"),
    pytest.param(Annotated[str, URL()], "javascript:alert(1)", "url", id="no-url"),
    pytest.param(Annotated[str, Host()], "a b", "host", id="no-host"),
    pytest.param(Annotated[str, FileName()], "../a", "file_name", id="no-file-name"),
    pytest.param(Annotated[int, Must(lambda value: value % 2 == 0, "even", "Even.")], 1, "even", id="own-rule"),
]


@pytest.mark.parametrize(("annotation", "value", "expected"), ACCEPTED)
def test_a_value_is_read_as_its_type(annotation, value, expected):
    found = one(annotation).from_json({"value": value}).value
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.asvs("V15.3.5", "V1.4.2")
@pytest.mark.parametrize(("annotation", "value", "rule"), REFUSED)
def test_a_value_that_is_not_of_its_type_is_refused(annotation, value, rule):
    assert rule_of(one(annotation), {"value": value}) == f"value:{rule}"


@pytest.mark.parametrize(
    ("document", "rules"),
    [
        pytest.param({"title": "a"}, None, id="defaults"),
        pytest.param({}, "title:required", id="missing"),
        pytest.param([], ":type", id="list-for-an-object"),
        pytest.param({"title": "a", "is_admin": True}, ":unknown_field", id="unknown"),
        pytest.param(
            {"title": "a", "lines": [{"price": "1"}, {"price": 1.5}]}, "lines[1].price:type", id="inside-a-list"
        ),
        pytest.param({"title": "a", "lines": [{"price": "1", "x": 1}]}, "lines[0]:unknown_field", id="unknown-inside"),
        pytest.param({"title": "a", "labels": {MARK: 1}}, "labels.*:type", id="inside-a-mapping"),
        pytest.param({"title": "a", "labels": {"a\n": "b"}}, "labels.*:control_character", id="name-in-a-mapping"),
        pytest.param({"title": 1, "contact": "x"}, "title:type, contact:email", id="two-at-once"),
        pytest.param({"title": "a", "contact": None}, None, id="null-where-it-may-be"),
        pytest.param({"title": "a", "lines": None}, "lines:type", id="null-where-it-may-not"),
        pytest.param({"title": "empty", "lines": [{"price": "1"}]}, "lines:empty", id="between-fields"),
        pytest.param({"title": "empty"}, None, id="between-fields-right"),
    ],
)
def test_an_object_is_read_whole(document, rules):
    assert rule_of(Order, document) == rules


def test_objects_hold_objects_of_their_own_kind():
    tree = Tree.from_json({"name": "a", "children": [{"name": "b", "children": [{"name": "c"}]}]})
    assert tree.children[0].children[0].name == "c"
    assert rule_of(Tree, {"name": "a", "children": [{"name": "b", "children": [{}]}]}) == (
        "children[0].children[0].name:required"
    )


def test_what_was_given_is_told_from_what_has_its_default():
    order = Order.from_json({"title": "a", "contact": None})
    assert order.given() == {"title": "a", "contact": None}
    assert order.lines == []
    assert Order.from_json({"title": "a"}).lines is not order.lines


def test_an_input_shows_no_value_and_does_not_change():
    order = Order.from_json({"title": MARK})
    assert MARK not in repr(order)
    with pytest.raises(AttributeError):
        setattr(order, "title", "b")  # noqa: B010 - a checker would refuse the plain assignment


def test_the_names_outside_may_differ():
    class Renamed(Input):
        first_name: Annotated[str, Name("firstName")]

    assert Renamed.from_json({"firstName": "Ada"}).first_name == "Ada"
    assert rule_of(Renamed, {"first_name": "Ada"}) == "firstName:required, :unknown_field"


def test_not_more_problems_are_told_than_can_be_read():
    with pytest.raises(InputRefusedError) as caught:
        one(list[int]).from_json({"value": ["a"] * 100})
    assert len(caught.value.errors) == 20


def test_the_sentences_by_field():
    with pytest.raises(InputRefusedError) as caught:
        Order.from_json({"title": "a" * 21, "contact": "x"})
    assert caught.value.by_field() == {
        "title": ["At most 20 characters."],
        "contact": ["An e-mail address, such as name@example.com."],
    }


@pytest.mark.parametrize(
    "annotation",
    [
        pytest.param(Any, id="any"),
        pytest.param(object, id="object"),
        pytest.param(dict, id="mapping-of-anything"),
        pytest.param(list, id="list-of-anything"),
        pytest.param(dict[int, str], id="mapping-by-number"),
        pytest.param(int | str, id="one-of-two"),
        pytest.param(int | str | None, id="one-of-two-or-none"),
        pytest.param(tuple[int, str], id="pair"),
        pytest.param(bytes, id="bytes"),
        pytest.param(Annotated[str, Whole()], id="number-rule-on-text"),
        pytest.param(Annotated[int, Text()], id="text-rule-on-a-number"),
        pytest.param(Annotated[str, AsText()], id="as-text-on-text"),
        pytest.param(Literal[b"a"], id="nothing-to-choose"),
        pytest.param("Unknown", id="unknown-name"),
    ],
)
def test_a_class_that_says_too_little_stops_the_start(annotation):
    with pytest.raises(ConfigError):
        one(annotation)


@pytest.mark.parametrize("name", ["check", "given", "from_json", "_hidden"])
def test_a_field_may_not_take_the_name_of_a_method(name):
    with pytest.raises(ConfigError, match="name it otherwise"):
        type("Bad", (Input,), {"__annotations__": {name: str}, "__module__": __name__})


def test_two_fields_may_not_share_a_name_outside():
    with pytest.raises(ConfigError, match="same name"):

        class Twice(Input):
            a: str
            b: Annotated[str, Name("a")]


@pytest.mark.parametrize(
    "make", [lambda: Text(min=2, max=1), lambda: Text(min=-1), lambda: Whole(min=2, max=1), lambda: Items(min=2, max=1)]
)
def test_a_rule_that_nothing_keeps_stops_the_start(make):
    with pytest.raises(ConfigError):
        make()


def test_a_rule_needs_a_check():
    with pytest.raises(TypeError, match="abstract"):
        Validator()  # type: ignore[abstract]


@pytest.mark.asvs("V15.3.7")
@pytest.mark.parametrize(
    ("query", "rules"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("page=2&sort=-name&tag=a&tag=b&since=2026-01-02&mine=true", None, id="all"),
        pytest.param("since=", None, id="left-empty"),
        pytest.param("page=", "page:number", id="empty-number"),
        pytest.param("page=1&page=2", "page:repeated", id="one-value-twice"),
        pytest.param("page=0", "page:too_small", id="below"),
        pytest.param("page=01", "page:number", id="second-spelling"),
        pytest.param("page=%2B1", "page:number", id="plus"),
        pytest.param("page=1.0", "page:number", id="point"),
        pytest.param("page=" + "9" * 5000, "page:number", id="thousands-of-digits"),
        pytest.param("mine=1", "mine:choice", id="one-for-true"),
        pytest.param("mine=True", "mine:choice", id="capital"),
        pytest.param("sort=password", "sort:choice", id="not-declared"),
        pytest.param("tag=a&tag=B", "tag[1]:slug", id="second-of-a-list"),
        pytest.param("&".join(["tag=a"] * 101), "tag:too_many", id="too-many"),
        pytest.param("utm_source=a", ":unknown_field", id="unknown"),
    ],
)
async def test_a_query_is_read_as_strictly(make_shop, browse, query, rules):
    routes = Routes(access=access.public)

    @routes.get("/list")
    async def listing(request):
        paging = request.query_as(Paging)
        return JSONResponse([paging.page, paging.sort, list(paging.tag), str(paging.since), paging.mine])

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", f"/list?{query}")
    found = page.json()
    if rules is None:
        assert (page.status, len(found)) == (200, 5)
    else:
        assert (page.status, ", ".join(f"{one['field']}:{one['rule']}" for one in found["errors"])) == (422, rules)


@pytest.fixture
async def shop(make_shop):
    routes = Routes(access=access.public)

    @routes.post("/orders")
    async def create(request):
        order = await request.json_as(Order)
        return JSONResponse({"title": order.title, "total": str(sum(line.price for line in order.lines))})

    @routes.get("/search")
    async def search(request):
        return JSONResponse(request.query_as(Search).text)

    @routes.post("/paging")
    async def paging(request):
        return JSONResponse((await request.form_as(Paging)).page)

    @routes.get("/orders/{number:int}/{slug}")
    async def order(request):
        path = request.path_as(OrderPath)
        return JSONResponse([path.number, path.slug])

    @routes.post("/login")
    async def login(request):
        form = await request.json_as(Login)
        return JSONResponse({"repr": repr(form), "length": len(form.password.reveal())})

    @routes.get("/strange")
    async def strange(request):
        return JSONResponse(request.query_as(Order).title)

    return await make_shop(routes)


async def post(browse, shop, path, content, headers=JSON):
    async with browse(shop) as browser:
        return await browser.raw("POST", path, content=content, headers=headers)


async def test_a_handler_gets_the_object(shop, browse):
    page = await post(browse, shop, "/orders", b'{"title":"a","lines":[{"price":"1.50"},{"price":"2","count":3}]}')
    assert page.json() == {"title": "a", "total": "3.50"}
    assert shop.events.events == []


async def test_a_document_beside_the_loop_is_read_the_same(shop, browse):
    padded = b'{"title":"a"' + b" " * 100_000 + b"}"
    assert (await post(browse, shop, "/orders", padded)).json() == {"title": "a", "total": "0"}
    refused = b'{"title":1' + b" " * 100_000 + b"}"
    assert (await post(browse, shop, "/orders", refused)).status == 422


@pytest.mark.asvs("V15.3.3", "V2.2.2")
async def test_the_answer_names_field_and_rule_and_nothing_that_was_sent(shop, browse, caplog):
    caplog.set_level("DEBUG")
    document = {
        "title": MARK * 3,
        "contact": MARK,
        MARK: MARK,
        "lines": [{"price": MARK}, MARK],
        "labels": {MARK: {MARK: MARK}, MARK + "\n": "a"},
    }
    page = await post(browse, shop, "/orders", json.dumps(document).encode())
    assert page.status == 422
    assert page.headers["content-type"] == "application/problem+json"
    found = page.json()
    assert found["code"] == "input_refused"
    assert [(one["field"], one["rule"]) for one in found["errors"]] == [
        ("title", "too_long"),
        ("lines[0].price", "number"),
        ("lines[1]", "type"),
        ("labels.*", "type"),
        ("labels.*", "control_character"),
        ("contact", "email"),
        ("", "unknown_field"),
    ]
    (event,) = shop.events.events
    assert (event.name, event.reason) == ("input_validation_fail", "input_refused")
    assert event.detail["fields"].startswith("title: too_long, lines[0].price: number")
    assert MARK not in page.text + event.to_json() + caplog.text


@pytest.mark.asvs("V3.5.2", "V1.5.3")
@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        pytest.param(b'{"title":"a"}', JSON, 200, None, id="json"),
        pytest.param(
            b'{"title":"a"}', {**JSON, "content-type": "application/merge-patch+json"}, 200, None, id="kind-of-json"
        ),
        pytest.param(
            b'{"title":"a"}', {**JSON, "content-type": "Application/JSON; charset=utf-8"}, 200, None, id="charset"
        ),
        pytest.param(b'{"title":"a"}', {**JSON, "content-type": "text/plain"}, 415, "unsupported_type", id="text"),
        pytest.param(b'{"title":"a"}', {"sec-fetch-site": "same-origin"}, 415, "unsupported_type", id="no-type"),
        pytest.param(b'{"title":"a"}', {**JSON, "content-type": "text/json"}, 415, "unsupported_type", id="old-type"),
        pytest.param(b'{"title":"a","title":"b"}', JSON, 400, "malformed_json", id="name-twice"),
        pytest.param(b'{"title":NaN}', JSON, 400, "malformed_json", id="nan"),
        pytest.param(b"[" * 33 + b"]" * 33, JSON, 400, "malformed_json", id="too-deep"),
        pytest.param(b"{" * 9, JSON, 400, "malformed_json", id="broken"),
        pytest.param(b"", JSON, 400, "malformed_json", id="nothing"),
        pytest.param(b'"' + b"a" * 500_000 + b'"', JSON, 413, "body_too_large", id="too-large"),
    ],
)
async def test_what_is_no_document_is_refused_before(shop, browse, content, headers, status, code):
    page = await post(browse, shop, "/orders", content, headers)
    assert (page.status, page.json().get("code")) == (status, code)
    assert len(shop.events.events) == (code is not None)


async def test_a_form_without_a_form_class(shop, browse):
    assert (await post(browse, shop, "/paging", b"page=3", FORM)).json() == 3
    page = await post(browse, shop, "/paging", b"page=x", FORM)
    assert [one["field"] for one in page.json()["errors"]] == ["page"]
    boundary = {"content-type": "multipart/form-data; boundary=b", "sec-fetch-site": "same-origin"}
    file = b'--b\r\nContent-Disposition: form-data; name="page"; filename="a"\r\n\r\n1\r\n--b--\r\n'
    assert (await post(browse, shop, "/paging", file, boundary)).json()["code"] == "malformed_form"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/orders/1/spring-sale", 200, id="right"),
        pytest.param("/orders/0/spring-sale", 404, id="below"),
        pytest.param("/orders/1/Spring", 404, id="no-slug"),
        pytest.param("/search?text=a&utm_source=b", 200, id="unknown-where-it-is-ignored"),
        pytest.param("/search?text=%zz", 400, id="broken-escape"),
        pytest.param("/search?text=%ff", 400, id="no-utf-8"),
        pytest.param("/search?" + "text&" * 1001, 400, id="too-many"),
        pytest.param("/search?text=%00", 422, id="nul"),
        pytest.param("/strange?lines=1", 500, id="what-no-query-can-hold"),
    ],
)
async def test_paths_and_queries_answer_with_their_status(shop, browse, path, status):
    async with browse(shop) as browser:
        assert (await browser.raw("GET", path)).status == status


async def test_a_secret_is_not_shown_by_its_input(shop, browse):
    page = await post(browse, shop, "/login", json.dumps({"password": MARK}).encode())
    assert page.json() == {"repr": "Login(password)", "length": len(MARK)}
