"""The dashboard and GraphiQL: pages that `make web` builds, from this address alone.

What they may do is said by a Content-Security-Policy: load and ask for nothing from elsewhere.
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
# Of the one style that React Aria adds by itself.
_STYLE: Final = "'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o='"
_POLICY: Final = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {_STYLE}; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Its editor writes style sheets as it goes, and checks what is typed in a worker.
_GRAPHIQL_POLICY: Final = _POLICY.replace(_STYLE, "'unsafe-inline'; worker-src 'self'").replace(
    "font-src 'self'", "font-src 'self' data:"
)
_NOT_BUILT: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Enterprise Router</title>
<h1>This page is not built</h1><p>The API serves all the same. To build the pages, run <code>make web</code>: it needs
Node 20.19 or newer, or fetches it from PyPI. Then load this page again.</p></html>"""


def pages() -> list[BaseRoute]:
    """The dashboard, and what it and GraphiQL are made of."""
    return [
        Route("/", RedirectResponse(PATH)),
        Route(PATH, dashboard),
        Route(f"{PATH}/", dashboard),
        Mount(f"{PATH}/assets", _Assets(directory=BUILT / "assets", check_dir=False)),
    ]


async def dashboard(_request: Request) -> Response:
    """The page of the dashboard."""
    return _page("index.html", _POLICY)


def graphiql() -> Response:
    """The page on which people try operations."""
    return _page("graphiql.html", _GRAPHIQL_POLICY)


def is_for_a_page(request: Request) -> bool:
    """Whether a browser asks for a page to look at, and no client for an answer."""
    wants_page = "text/html" in request.headers.get("accept", "")
    return request.method == "GET" and wants_page and "query" not in request.query_params


def _page(name: str, policy: str) -> Response:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    if not (BUILT / name).is_file():
        return HTMLResponse(_NOT_BUILT, 503, headers)
    return FileResponse(BUILT / name, headers=headers)


class _Assets(StaticFiles):
    """Files whose names tell their content: kept by browsers for ever."""

    def file_response(self, *args: Any, **more: Any) -> Response:
        response = super().file_response(*args, **more)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
