"""What the tests of mounted apps share: somebody who signs in, a model, and something that nobody shall see again."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field, field_validator

from fastness import Because, JSONResponse, Routes, access
from fastness.sessions.identity import Identity

ADA = Identity(
    id=UUID(int=7),
    username="ada",
    display_name="Ada",
    is_staff=False,
    roles=frozenset({"editors"}),
    permissions=frozenset(),
    authenticated_at=0.0,
    epoch=0,
)
SECRET = "hunter2-4111111111111111"


class Item(BaseModel):
    name: str = Field(max_length=5)
    price: int
    kind: Literal["a", "b"] = "a"
    notes: dict[str, int] = {}
    model_config = {"extra": "forbid"}

    @field_validator("name")
    @classmethod
    def refuse(cls, value):
        if value == "bad":
            raise ValueError(f"{value} {SECRET}")
        return value


def sign_in_routes():
    routes = Routes()

    @routes.post("/sign-in", access=access.public, insecure_skip_csrf=Because("a test signs somebody in"))
    async def sign_in(request):
        request.site.sessions.sign_in(request.session, ADA)
        return JSONResponse("in")

    return routes
