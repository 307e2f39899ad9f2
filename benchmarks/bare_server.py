"""`python -m benchmarks.bare_server serve`: serves a page of calls with as little work as possible.

It uses Starlette, asyncpg and pydantic's JSON writer, and sets the role and user of row-level security for each request. No
token is checked, and nothing is limited.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import asyncpg
import uvicorn
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.stage import dsn_of
from models.database.postgresql import VIEWER_ROLE
from server.settings import Settings

_POOL: Final = 16
_SELECT: Final = (
    "SELECT id, provider, model_used, task_type, success, latency_ms, cost, occurred_at FROM router_analytics "
    "WHERE user_id = $1 ORDER BY id DESC LIMIT $2"
)


def app(settings: Settings) -> Starlette:
    """The only endpoint: returns one page."""
    pool: Any = None

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        nonlocal pool
        url = settings.database.render_as_string(hide_password=False)
        async with asyncpg.create_pool(dsn_of(url), min_size=_POOL, max_size=_POOL) as pool:
            print("is ready", flush=True)
            yield

    async def page(request: Request) -> Response:
        user = request.query_params["user"]
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {VIEWER_ROLE}; SELECT set_config('app.user_id', '{user}', true)")
            rows = await connection.fetch(_SELECT, user, int(request.query_params["first"]))
        nodes = [
            {
                "id": str(row["id"]),
                "provider": row["provider"],
                "modelUsed": row["model_used"],
                "taskType": row["task_type"],
                "success": row["success"],
                "latencyMs": row["latency_ms"],
                "cost": None if row["cost"] is None else format(Decimal(row["cost"]).scaleb(-9), "f"),
                "occurredAt": row["occurred_at"],
            }
            for row in rows
        ]
        return Response(to_json({"nodes": nodes}), media_type="application/json")

    return Starlette(routes=[Route("/page", page)], lifespan=lifespan)


def main() -> None:
    settings = Settings.from_environment()
    uvicorn.run(app(settings), host="127.0.0.1", port=settings.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
