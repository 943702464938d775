"""What a handler gets: the request as the gates have read it, and the services that belong to it.

Nothing here is built from the Host header or from any other value that the gates did not check; there is no `request.url`.
Reading the session or the user marks the response as private, so that no cache keeps it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from markupsafe import Markup
from starlette.datastructures import Headers, QueryParams, UploadFile

from fastness.authz.actors import Actor
from fastness.kernel.because import Because
from fastness.kernel.csrf import FIELD_NAME
from fastness.kernel.errors import ConfigError, DeniedError
from fastness.kernel.events import EventName
from fastness.kernel.languages import LANGUAGE
from fastness.kernel.limits import JSONValue, parse_json
from fastness.sessions.identity import Identity
from fastness.sessions.session import Session
from fastness.web.bodies import URLENCODED, MalformedFormError, read_body, read_multipart, read_urlencoded, require_json
from fastness.web.exchange import SCOPE_KEY, Exchange, Receive, Scope
from fastness.web.forms import bound_form, text_pairs
from fastness.web.formtoken import token_for
from fastness.web.inputerrors import InputRefusedError
from fastness.web.receiving import hold_to_parsed_size
from fastness.web.recording import RequestSink, record, record_superuser
from fastness.web.refusals import NotFoundError, SignInRequiredError
from fastness.web.session import require_session
from fastness.web.site import Site
from fastness.web.unit import actor_for, require_unit

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from fastness.auth.users import User
    from fastness.authz.scope import May
    from fastness.authz.workflows import Transition, Workflow
    from fastness.db.model import Model
    from fastness.outbound.client import Outbound
    from fastness.web.inputs import Input

InputT = TypeVar("InputT", bound="Input")
ModelT = TypeVar("ModelT")
GuardedT = TypeVar("GuardedT", bound="Model")
StatementT = TypeVar("StatementT")
FormT = TypeVar("FormT")
Pairs: TypeAlias = list[tuple[str, str | UploadFile]]
"""A form's fields in order. (Inside the class, `list` is the method.)"""

_HIDDEN_FIELD = '<input type="hidden" name="' + FIELD_NAME + '" value="'


class Connection:
    """What a request and a WebSocket share."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.exchange: Exchange = scope[SCOPE_KEY]

    @property
    def site(self) -> Site:
        """The services of this app."""
        return self.exchange.site

    @property
    def path(self) -> str:
        """The decoded path."""
        path: str = self.scope["path"]
        return path

    @property
    def path_params(self) -> Mapping[str, Any]:
        """The values of the route's parameters, converted."""
        return self.exchange.path_params

    @property
    def host(self) -> str:
        """The Host header, one of the site's names."""
        return self.exchange.host

    @property
    def client_ip(self) -> str:
        """The client's address as the declared proxies tell it; empty if there is none."""
        return self.exchange.client_ip

    @cached_property
    def headers(self) -> Headers:
        """The request's headers, looked up in any case."""
        return Headers(raw=list(self.exchange.headers.items()))

    @cached_property
    def query(self) -> QueryParams:
        """The query string's values."""
        return QueryParams(self.scope.get("query_string") or b"")

    @property
    def outbound(self) -> "Outbound":
        """Asks other servers, those that the settings list; what is refused is told with this request."""
        return self.site.outbound().reporting_to(RequestSink(self.exchange))

    @property
    def session(self) -> Session:
        """The visitor's session; stored, and given a cookie, once something is put into it.

        Raises `StoreUnavailableError` where the store is away, `ConfigError` on a route that says `read_session=False`.
        """
        return require_session(self.exchange)

    @property
    def user_or_none(self) -> Identity | None:
        """Who is signed in, or `None`."""
        exchange = self.exchange
        exchange.is_private = True
        identity = None if exchange.session is None or exchange.must_confirm else exchange.session.identity
        if identity is None or not identity.is_superuser:
            return identity
        return identity.witnessed(partial(record_superuser, exchange))

    @property
    def user(self) -> Identity:
        """Who is signed in. Raises `SignInRequiredError` on a public route where nobody is: nobody is not a user."""
        identity = self.user_or_none
        if identity is None:
            raise SignInRequiredError("not_signed_in", "request.user was read and nobody is signed in.")
        return identity

    @property
    def actor(self) -> Actor:
        """Who acts, for policies; `ANONYMOUS` if nobody is signed in."""
        self.exchange.is_private = True
        return actor_for(self.exchange)

    @property
    def nonce(self) -> str:
        """The value of this response's `nonce` attributes."""
        return self.exchange.nonce


class Request(Connection):
    """One HTTP request."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.exchange = scope[SCOPE_KEY]
        self.receive = receive
        self._body: bytes | None = None
        self._pairs: list[tuple[str, str | UploadFile]] | None = None

    def close(self) -> None:
        """Close what the form spooled to disk. The handler has answered; a file it wants to keep, it has copied."""
        for _, value in self._pairs or ():
            if isinstance(value, UploadFile):
                value.file.close()

    @property
    def has_read_whole_body(self) -> bool:
        """Whether the body was read by `body`, `json` or `form`, which can be asked again."""
        return self._body is not None or self._pairs is not None

    def read_pairs(self) -> Sequence[tuple[str, str | UploadFile]]:
        """The fields of the form, if it was read."""
        return self._pairs or ()

    @property
    def method(self) -> str:
        """The HTTP method, in capitals."""
        return self.exchange.method

    @property
    def db(self) -> "AsyncSession":
        """The database session of this request's transaction, opened at its first statement."""
        return require_unit(self.exchange).session

    async def account(self) -> "User":
        """The signed-in user's database row. Raises `SignInRequiredError` where nobody is signed in, or the row is gone."""
        account = await self.site.load_account(self.db, self.user.id)
        if account is None:
            raise SignInRequiredError("account_gone", "The signed-in user's row is gone.")
        return account

    async def one(self, statement: "Select[ModelT]", *, unscoped: Because | None = None) -> ModelT:
        """The one object that the statement selects. Answers 404 where there is none, so that nobody learns what exists.

        A model with a policy needs `request.scoped(statement)`, or the reason why not.
        """
        found: ModelT | None = (await self.db.scalars(self._exempt(statement, unscoped))).unique().one_or_none()
        if found is None:
            raise NotFoundError("no_object")
        return found

    async def all(self, statement: "Select[ModelT]", *, unscoped: Because | None = None) -> Sequence[ModelT]:
        """All objects that the statement selects. A model with a policy needs `request.scoped(statement)`."""
        return (await self.db.scalars(self._exempt(statement, unscoped))).unique().all()

    async def load(
        self, model: type[GuardedT], param: str, *, may: str = "view", with_: Iterable[object] = ()
    ) -> GuardedT:
        """The object whose key is the path's parameter `param`, if the visitor may do `may` with it.

        Answers 404 where there is none, or none for this visitor: nobody learns which.

        Args:
            model: a model with a policy.
            param: the name of the parameter in the route's path.
            may: the action that is to follow; only an object loaded for a writing action can be changed.
            with_: relationships to load along, each through its own policy's `view`.
        """
        if param not in self.path_params:
            raise ConfigError(
                f"The route's path has no parameter {param!r}. An id from a form goes through request.pick."
            )
        return await self.pick(model, self.path_params[param], may=may, with_=with_)

    async def pick(
        self, model: type[GuardedT], key: object, *, may: str = "view", with_: Iterable[object] = ()
    ) -> GuardedT:
        """The object with this key, which may come from a form, a query or JSON; answers 404 as `load` does.

        Every id that a visitor sends goes through here or `load`, also one from a list that the page itself has offered.
        """
        found = await self.site.objects().load(self.db, model, key, self.actor, may=may, with_=with_)
        if found is None:
            raise NotFoundError("no_object")
        return found

    async def list(
        self, source: "type[GuardedT] | Select[GuardedT]", *, may: str = "view", with_: Iterable[object] = ()
    ) -> Sequence[GuardedT]:
        """All objects of a model, or of a statement, with which the visitor may do `may`."""
        found: Sequence[GuardedT] = await self.site.objects().all(self.db, source, self.actor, may=may, with_=with_)
        return found

    def scoped(self, statement: StatementT, *, may: "May" = "view") -> StatementT:
        """The SELECT, UPDATE or DELETE, limited to the rows with which the visitor may do `may`."""
        return self.site.objects().scoped(self.db, statement, self.actor, may)

    async def may(self, action: str, target: "Model") -> bool:
        """Whether the visitor may do `action` with an object, for instance to show a button."""
        return await self.site.objects().may(self.db, action, target, self.actor)

    async def advance(self, target: "Model", transition: "Transition") -> None:
        """Take a step of an object's workflow and write it at once.

        Raises:
            TransitionRefusedError: the object is in another state by now, or the step's condition does not hold (409).
            ForbiddenWriteError: the visitor may not take it (403).
        """
        try:
            await self.site.objects().advance(self.db, target, transition)
        except DeniedError as error:
            record(self.exchange, EventName.SEQUENCE_FAIL, error.code, step=transition.label)
            raise

    async def steps(self, target: "Model", flow: "type[Workflow[Any]]") -> frozenset[str]:
        """The names of the steps that the visitor could take with an object now, for the buttons of its page."""
        return await self.site.objects().steps(self.db, target, flow)

    def _exempt(self, statement: StatementT, because: Because | None) -> StatementT:
        return statement if because is None else self.site.objects().unscoped(statement, because)

    async def body(self) -> bytes:
        """The whole body, within the route's limit."""
        if self._body is None:
            self._body = await read_body(self.receive)
        return self._body

    async def json(self) -> JSONValue:
        """The body as JSON: bounded size and depth, no repeated keys, no NaN. Raises `MalformedJSONError`."""
        hold_to_parsed_size(self.exchange)
        data = await self.body()
        return await self.site.parsing.run(
            len(data), partial(parse_json, data, max_depth=self.site.limits.max_json_depth)
        )

    async def form_pairs(self) -> Pairs:
        """The fields of a urlencoded or multipart form, in order, without the token. Raises `MalformedFormError`."""
        if self._pairs is None:
            exchange = self.exchange
            limits = exchange.site.limits
            content_type = exchange.headers.get(b"content-type", b"").lstrip().lower()
            pairs: Sequence[tuple[str, str | UploadFile]]
            if content_type.startswith(b"multipart/form-data"):
                pairs = await read_multipart(exchange.headers, self.receive, limits)
            elif content_type.startswith(URLENCODED) or not content_type:
                hold_to_parsed_size(exchange)
                pairs = read_urlencoded(await self.body(), max_fields=limits.max_fields)
            else:
                raise MalformedFormError("The body is no form: its type is neither urlencoded nor multipart.")
            self._pairs = [pair for pair in pairs if pair[0] != FIELD_NAME]
        return self._pairs

    async def form(self, form_class: Callable[..., FormT]) -> FormT:
        """The submitted form, validated: look at `form.errors` before using its data. Raises `MalformedFormError`."""
        limit = self.site.limits.max_field_characters
        language = LANGUAGE.get() or self.site.languages[0]
        return bound_form(form_class, await self.form_pairs(), max_characters=limit, language=language)

    async def json_as(self, input_class: type[InputT]) -> InputT:
        """The JSON body as an object of an `Input` class. Raises `InputRefusedError`, and the errors of `json`."""
        require_json(self.exchange)
        hold_to_parsed_size(self.exchange)
        data = await self.body()
        depth = self.site.limits.max_json_depth
        return await self.site.parsing.run(len(data), lambda: input_class.from_json(parse_json(data, max_depth=depth)))

    def query_as(self, input_class: type[InputT]) -> InputT:
        """The query string as an object of an `Input` class. Raises `InputRefusedError`, and `MalformedFormError`."""
        query: bytes = self.scope.get("query_string") or b""
        return input_class.from_pairs(read_urlencoded(query, max_fields=self.site.limits.max_fields))

    async def form_as(self, input_class: type[InputT]) -> InputT:
        """A form without files as an object of an `Input` class. Raises `InputRefusedError`, and `MalformedFormError`."""
        return input_class.from_pairs(text_pairs(await self.form_pairs()))

    def path_as(self, input_class: type[InputT]) -> InputT:
        """The parameters of the path as an object of an `Input` class; answers 404 where they cannot be one."""
        try:
            return input_class.from_pairs((name, str(value)) for name, value in self.path_params.items())
        except InputRefusedError as error:
            raise NotFoundError("path_value", error.detail) from None

    def csrf_token(self) -> str:
        """This session's form token, for scripts that send it in `X-CSRF-Token`."""
        return token_for(self.exchange)

    def csrf_field(self) -> Markup:
        """The hidden field with the token. It goes first in each form that posts here."""
        return Markup(_HIDDEN_FIELD + token_for(self.exchange) + '">')  # noqa: S704  # nosec B704 # base64 letters only

    def trusted_types_script(self) -> Markup:
        """The script that lets htmx or Turbo write HTML of this server, where the settings say `trusted_html="server"`.

        It goes before every other script of the page. Under the default setting it is empty.
        """
        exchange = self.exchange
        if exchange.profile.csp.trusted_html != "server":
            return Markup()
        # Both values are ours: base64 letters, and a path made of a file name and a hash.
        address = exchange.static("trusted-types.js")
        return Markup('<script nonce="{}" src="{}"></script>').format(exchange.nonce, address)

    def path_for(self, name: str, **params: object) -> str:
        """The address of the route `name`, with its parameters by name. Raises `UnknownRouteError`."""
        return self.exchange.address(self.site.addresses.path(name, params))

    def address(self, path: str) -> str:
        """A path of this app as browsers know it: below the root path that the server was told."""
        return self.exchange.address(path)
