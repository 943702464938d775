"""Static files: found once at the start, served by exact name, under an address that holds a hash of the content.

The list of files is made when the app is sealed, so no request ever turns into a file-system path: there is nothing to
traverse (CWE-22). Hidden files, links that lead out of the folder, and files of kinds that no page loads (a backup, a
script of the server, a database) are not in the list. An address with the hash may be
cached for ever; one without is revalidated. In development the list is made anew for every request that misses.
What is served here is the same for everybody: no session is read. ASVS 5.0 V13.4.1, V13.4.3, V13.4.7, V14.3.2.
"""

import hashlib
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fastness.html.values import TrustedURL
from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass
from fastness.web.refusals import NotFoundError
from fastness.web.requests import Request
from fastness.web.responses import Response

STATIC_PREFIX: Final = "/static/"
_HASH_CHARACTERS: Final = 12
_MIN_GZIP_BYTES: Final = 512
_GZIP: Final = 31
"""zlib's number for gzip's form of its largest window: 15 bits, and 16."""
_TEXT_TYPES: Final = (
    "text/",
    "application/javascript",
    "application/json",
    "image/svg+xml",
    "application/manifest+json",
)
_TYPES: Final = {
    ".avif": "image/avif", ".css": "text/css", ".csv": "text/csv", ".eot": "application/vnd.ms-fontobject",
    ".gif": "image/gif", ".gz": "application/gzip", ".htm": "text/html", ".html": "text/html",
    ".ico": "image/vnd.microsoft.icon", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".js": "text/javascript",
    ".json": "application/json", ".mjs": "text/javascript", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".oga": "audio/ogg",
    ".ogg": "audio/ogg", ".ogv": "video/ogg", ".opus": "audio/ogg", ".otf": "font/otf", ".pdf": "application/pdf",
    ".png": "image/png", ".rss": "application/rss+xml", ".svg": "image/svg+xml", ".ttf": "font/ttf", ".txt": "text/plain",
    ".vtt": "text/vtt", ".wasm": "application/wasm", ".wav": "audio/wav", ".webm": "video/webm",
    ".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff": "font/woff", ".woff2": "font/woff2",
    ".xml": "text/xml", ".xsl": "application/xml", ".zip": "application/zip",
}  # fmt: skip
"""The endings of files that are meant for browsers, with the types that browsers take them for (they are told not to guess);
no other file is served (ASVS 5.0 V13.4.7). The standard library's table has no fonts, and reads this machine's own files."""


class MissingStaticFileError(ConfigError):
    """A template names a static file that is in none of the folders."""

    code = "missing_static_file"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file, ready to be sent."""

    name: str
    hashed_name: str
    address: TrustedURL
    """Below the prefix, with the hash: scripts and styles may be loaded from it."""
    media_type: str
    body: bytes
    gzipped: bytes | None
    etag: str


class StaticFiles:
    """The static files of an app and of the framework; the folder named first wins."""

    __slots__ = ("_by_name", "_folders", "_reloads")

    def __init__(self, folders: Iterable[Path], *, reloads: bool = False) -> None:
        self._folders = tuple(folders)
        self._reloads = reloads
        self._by_name: dict[str, StaticFile] = {}
        self._read_all()

    def address(self, name: str) -> TrustedURL:
        """The path of a file, with the hash of its content in the name."""
        if self._reloads:
            self._read_all()
        file = self._by_name.get(name)
        if file is None:
            folders = ", ".join(str(folder) for folder in self._folders)
            kinds = "" if Path(name).suffix.lower() in _TYPES else " Files with such an ending are not served."
            raise MissingStaticFileError(f"There is no static file {name!r} in {folders}.{kinds}")
        return file.address

    async def serve(self, request: Request) -> Response:
        """Answer GET and HEAD below the prefix."""
        name: str = request.path_params["path"]
        file = self._by_name.get(name)
        if file is None:
            if self._reloads:
                self._read_all()
                file = self._by_name.get(name)
            if file is None:
                raise NotFoundError("no_static_file")
        is_hashed = name == file.hashed_name
        headers = {
            "cache-control": "public, max-age=31536000, immutable"
            if is_hashed
            else "public, max-age=0, must-revalidate",
            "etag": file.etag,
        }
        if file.gzipped is not None:
            headers["vary"] = "accept-encoding"
        if request.headers.get("if-none-match") == file.etag:
            return Response(status=304, headers=headers)
        body = file.body
        if file.gzipped is not None and accepts_gzip(request.headers.get("accept-encoding", "")):
            body = file.gzipped
            headers["content-encoding"] = "gzip"
        return Response(body, media_type=file.media_type, headers=headers)

    def _read_all(self) -> None:
        found: dict[str, StaticFile] = {}
        for folder in reversed(self._folders):
            for file in files_below(folder):
                found[file.name] = file
        self._by_name = found | {file.hashed_name: file for file in found.values()}


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named and not with weight zero, which is a no (RFC 9110 §12.5.3)."""
    for entry in accept_encoding.lower().split(","):
        coding, _, weight = entry.partition(";")
        if coding.strip() in {"gzip", "x-gzip"}:
            # A weight has three digits at most, so that nothing but zeros behind "q=" is a no.
            return weight.replace(" ", "").replace("\t", "").rstrip("0") not in {"q=", "q=0."}
    return False


def files_below(folder: Path) -> list[StaticFile]:
    """Every file in the folder that may be served."""
    if not folder.is_dir():
        return []
    root = folder.resolve()
    files = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        is_hidden = any(part.startswith(".") for part in name.split("/"))
        is_for_browsers = path.suffix.lower() in _TYPES
        if path.is_file() and is_for_browsers and not is_hidden and path.resolve().is_relative_to(root):
            files.append(read_file(path, name))
    return files


def read_file(path: Path, name: str) -> StaticFile:
    """A file with its hash, type and compressed form."""
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:_HASH_CHARACTERS]
    suffix = path.suffix.lower()
    media_type = _TYPES[suffix]
    gzipped = None
    if len(body) >= _MIN_GZIP_BYTES and media_type.startswith(_TEXT_TYPES):
        gzipped = zlib.compress(body, zlib.Z_BEST_COMPRESSION, wbits=_GZIP)
    stem = name[: -len(path.suffix)] if path.suffix else name
    hashed_name = f"{stem}.{digest}{path.suffix}"
    address = TrustedURL(STATIC_PREFIX + quote(hashed_name))
    return StaticFile(name, hashed_name, address, media_type, body, gzipped, f'"{digest}"')
