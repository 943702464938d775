"""What a status of an error is called, and what a person can do about it.

The names are those of IANA's registry and not of the interpreter's `http`, which differ from one version to the next.
"""

from collections.abc import Mapping
from typing import Final

from fastness.kernel.texts import Text

_TITLES: Final[Mapping[int, Text]] = {
    400: Text("Bad Request"),
    401: Text("Unauthorized"),
    402: Text("Payment Required"),
    403: Text("Forbidden"),
    404: Text("Not Found"),
    405: Text("Method Not Allowed"),
    406: Text("Not Acceptable"),
    407: Text("Proxy Authentication Required"),
    408: Text("Request Timeout"),
    409: Text("Conflict"),
    410: Text("Gone"),
    411: Text("Length Required"),
    412: Text("Precondition Failed"),
    413: Text("Content Too Large"),
    414: Text("URI Too Long"),
    415: Text("Unsupported Media Type"),
    416: Text("Range Not Satisfiable"),
    417: Text("Expectation Failed"),
    418: Text("I'm a Teapot"),
    421: Text("Misdirected Request"),
    422: Text("Unprocessable Content"),
    423: Text("Locked"),
    424: Text("Failed Dependency"),
    425: Text("Too Early"),
    426: Text("Upgrade Required"),
    428: Text("Precondition Required"),
    429: Text("Too Many Requests"),
    431: Text("Request Header Fields Too Large"),
    451: Text("Unavailable For Legal Reasons"),
    500: Text("Internal Server Error"),
    501: Text("Not Implemented"),
    502: Text("Bad Gateway"),
    503: Text("Service Unavailable"),
    504: Text("Gateway Timeout"),
    505: Text("HTTP Version Not Supported"),
    506: Text("Variant Also Negotiates"),
    507: Text("Insufficient Storage"),
    508: Text("Loop Detected"),
    510: Text("Not Extended"),
    511: Text("Network Authentication Required"),
}
_HELP: Final[Mapping[int, Text]] = {
    403: Text("If you think that you should be able to, ask whoever runs this site."),
    404: Text("It may have moved, or the link may be wrong."),
    408: Text("Try again; if it keeps happening, the connection may be too slow."),
    413: Text("Send something smaller."),
    500: Text("It has been recorded. Try again in a moment."),
    503: Text("Try again in a moment."),
}
_UNKNOWN: Final = Text("Error")


def title_of(status: int) -> str:
    """The status's name."""
    return _TITLES.get(status, _UNKNOWN)


def help_for(status: int) -> str:
    """What to do about it; empty where there is nothing to say."""
    return _HELP.get(status, "")
