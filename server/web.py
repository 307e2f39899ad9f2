"""Serves the dashboard and GraphiQL, which `make web` builds.

Their Content-Security-Policy allows loading and requesting resources from this origin only.
"""

from __future__ import annotations

from collections.abc import Mapping
from mimetypes import guess_type
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.compression import accepted_encoding

BUILT: Final = Path(__file__).parents[1] / "web" / "dist"
PATH: Final = "/enterprise-router"
# The hash of the one inline style that React Aria adds.
_STYLE: Final = "'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o='"
_POLICY: Final = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {_STYLE}; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# GraphiQL's editor adds inline styles and runs a worker.
_GRAPHIQL_POLICY: Final = _POLICY.replace(_STYLE, "'unsafe-inline'; worker-src 'self'").replace(
    "font-src 'self'", "font-src 'self' data:"
)
_NOT_BUILT: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Enterprise Router</title>
<h1>This page is not built</h1><p>The API works without it. To build the pages, run <code>make web</code>, which needs
Node 20.19 or newer, or downloads it from PyPI. Then reload this page.</p></html>"""


def pages() -> list[BaseRoute]:
    """The routes of the dashboard and of the assets of both pages."""
    return [
        Route("/", RedirectResponse(PATH)),
        Route(PATH, dashboard),
        Route(f"{PATH}/", dashboard),
        Mount(f"{PATH}/assets", _FILES),
    ]


async def dashboard(request: Request) -> Response:
    """Respond with the dashboard; with 503 if the pages are not built."""
    return _page("index.html", _POLICY, request.scope)


def graphiql(scope: Scope) -> Response:
    """The GraphiQL page; a response with 503 if the pages are not built."""
    return _page("graphiql.html", _GRAPHIQL_POLICY, scope)


def wants_page(request: Request) -> bool:
    """Whether a browser requests the GraphiQL page: a GET or HEAD that accepts HTML and has no `query` parameter."""
    accepts_html = "text/html" in request.headers.get("accept", "")
    return request.method in {"GET", "HEAD"} and accepts_html and "query" not in request.query_params


def _page(name: str, policy: str, scope: Scope) -> Response:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    if not (BUILT / name).is_file():
        return HTMLResponse(_NOT_BUILT, 503, headers)
    return _file(BUILT / name, headers, scope)


def _file(path: Path, headers: Mapping[str, str], scope: Scope) -> Response:
    """Respond with a file, or with what `make web` made of it by a compression that the client accepts.

    A client that has it already gets status 304.
    """
    compressed = {name: path.with_name(path.name + suffix) for name, suffix in _SUFFIXES.items()}
    there = {name: each for name, each in compressed.items() if each.is_file()}
    encoding = accepted_encoding(scope, tuple(there)) if there else None
    file = there[encoding] if encoding else path
    response = FileResponse(file, headers=headers, media_type=guess_type(path.name)[0], stat_result=file.stat())
    if encoding:
        response.headers["Content-Encoding"] = encoding
        response.headers["Vary"] = "Accept-Encoding"  # otherwise, `server.compression` adds it
    if not _FILES.is_not_modified(response.headers, Headers(scope=scope)):
        return response
    # All headers but those of the body, since a browser may replace the stored ones by these.
    kept = {name: value for name, value in response.headers.items() if name not in _OF_THE_BODY}
    kept["vary"] = "Accept-Encoding"
    return Response(status_code=304, headers=kept)


_SUFFIXES: Final = {"br": ".br", "gzip": ".gz"}
"""The compressions of files, the preferred one first, and the suffixes of their names."""
_OF_THE_BODY: Final = frozenset({"accept-ranges", "content-encoding", "content-length", "content-type"})


class _Assets(StaticFiles):
    """Files whose names contain a hash of their content, so that browsers may cache them without end."""

    def file_response(self, full_path: Any, stat_result: Any, scope: Scope, status_code: int = 200) -> Response:  # noqa: ARG002
        return _file(Path(full_path), {"Cache-Control": "public, max-age=31536000, immutable"}, scope)


_FILES: Final = _Assets(directory=BUILT / "assets", check_dir=False)
