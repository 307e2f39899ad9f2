"""Serves the dashboard and GraphiQL, which `make web` builds.

Their Content-Security-Policy allows loading and requesting resources from this origin only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

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
        Mount(f"{PATH}/assets", _Assets(directory=BUILT / "assets", check_dir=False)),
    ]


async def dashboard(_request: Request) -> Response:
    """Respond with the dashboard; with 503 if the pages are not built."""
    return _page("index.html", _POLICY)


def graphiql() -> Response:
    """The GraphiQL page; a response with 503 if the pages are not built."""
    return _page("graphiql.html", _GRAPHIQL_POLICY)


def wants_page(request: Request) -> bool:
    """Whether a browser requests the GraphiQL page: a GET that accepts HTML and has no `query` parameter."""
    accepts_html = "text/html" in request.headers.get("accept", "")
    return request.method == "GET" and accepts_html and "query" not in request.query_params


def _page(name: str, policy: str) -> Response:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    if not (BUILT / name).is_file():
        return HTMLResponse(_NOT_BUILT, 503, headers)
    return FileResponse(BUILT / name, headers=headers)


class _Assets(StaticFiles):
    """Files whose names contain a hash of their content, so that browsers may cache them without end."""

    def file_response(self, *args: Any, **more: Any) -> Response:
        response = super().file_response(*args, **more)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
