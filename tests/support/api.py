"""A GraphQL client of one user, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx2


class Api:
    def __init__(self, client: httpx2.AsyncClient, token: str) -> None:
        self._client = client
        self.token = token

    async def post(self, query: str, **variables: Any) -> httpx2.Response:
        return await self._client.post(
            "/graphql",
            # json.dumps escapes to ASCII, so that lone surrogates can be sent too
            content=json.dumps({"query": query, "variables": variables}),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )

    async def ask(self, query: str, **variables: Any) -> Any:
        """Send an operation that must succeed. Returns its data: the value if it has one root field, else a dictionary."""
        response = await self.post(query, **variables)
        body = response.json()
        assert response.status_code == 200, body
        assert "errors" not in body, body
        data = body["data"]
        return next(iter(data.values())) if len(data) == 1 else data

    async def errors(self, query: str, **variables: Any) -> list[dict[str, Any]]:
        """Send an operation that must fail. Returns its top-level errors."""
        body = (await self.post(query, **variables)).json()
        assert body.get("errors"), body
        errors: list[dict[str, Any]] = body["errors"]
        return errors
