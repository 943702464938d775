from collections.abc import Mapping

from fastness.app import Fastness as Fastness
from fastness.app import protect as protect
from fastness.authz.actors import Actor as Actor
from fastness.authz.permissions import Permissions as Permissions
from fastness.authz.policies import Policy as Policy
from fastness.authz.scope import scoped as scoped
from fastness.authz.scope import unscoped as unscoped
from fastness.authz.workflows import Transition as Transition
from fastness.authz.workflows import Workflow as Workflow
from fastness.db.columns import PasswordHash as PasswordHash
from fastness.db.columns import SecretText as SecretText
from fastness.db.model import Model as Model
from fastness.db.model import PublicID as PublicID
from fastness.db.sql import Identifiers as Identifiers
from fastness.db.sql import insecure_sql as insecure_sql
from fastness.db.sql import sql as sql
from fastness.db.sql import sql_fragment as sql_fragment
from fastness.kernel.because import Because as Because
from fastness.kernel.errors import ConfigError as ConfigError
from fastness.kernel.errors import DeniedError as DeniedError
from fastness.kernel.errors import FastnessError as FastnessError
from fastness.kernel.errors import InvalidInputError as InvalidInputError
from fastness.kernel.errors import TamperedError as TamperedError
from fastness.kernel.errors import UnavailableError as UnavailableError
from fastness.kernel.secret import Secret as Secret
from fastness.sessions.identity import Identity as Identity
from fastness.settings.settings import Settings as Settings
from fastness.web import access as access
from fastness.web import mounting as mounting
from fastness.web import rates as rates
from fastness.web import validators as validators
from fastness.web.filters import Comparison as Comparison
from fastness.web.filters import Filter as Filter
from fastness.web.inputerrors import FieldError as FieldError
from fastness.web.inputerrors import InputRefusedError as InputRefusedError
from fastness.web.inputs import Input as Input
from fastness.web.listing import ListQuery as ListQuery
from fastness.web.outputs import Output as Output
from fastness.web.outputs import derived as derived
from fastness.web.refusals import NotFoundError as NotFoundError
from fastness.web.rendering import render as render
from fastness.web.requests import Request as Request
from fastness.web.responses import HTMLResponse as HTMLResponse
from fastness.web.responses import JSONResponse as JSONResponse
from fastness.web.responses import Response as Response
from fastness.web.responses import redirect as redirect
from fastness.web.routing import Routes as Routes
from fastness.web.sockets import WebSocket as WebSocket

HOMES: Mapping[str, str]
__version__: str
