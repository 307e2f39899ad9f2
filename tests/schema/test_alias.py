"""Users' aliases of providers: their effect on earlier and later calls, on registered models, and their removal."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from models.database import Database
from models.queries.verification import verify
from tests.conftest import Clock
from tests.support.api import Api
from tests.support.load import LOG_ONE

ALIAS = """
mutation($alias: String!, $provider: String!) {
  registerProviderAlias(alias: $alias, provider: $provider) {
    __typename ... on ProviderAlias { id alias provider } ... on Error { code message path }
  }
}
"""
DELETE = "mutation($id: ID!) { deleteProviderAlias(id: $id) { __typename } }"
REGISTER = """
mutation($input: RegisterModelInput!) {
  registerModel(input: $input) { __typename ... on Model { id } ... on Error { code message path } }
}
"""
BY_PROVIDER = "{ analyticsSummary(groupBy: [PROVIDER]) { provider calls totalCost } }"
LAST = "{ analytics(first: 1) { nodes { provider modelUsed reportedProvider cost } } }"


def call(provider: str, model: str = "gpt-4o", **fields: Any) -> dict[str, Any]:
    tokens = {"inputTokens": 1_000_000, "outputTokens": 0}
    return {"provider": provider, "modelUsed": model, "taskType": "chat", "success": True, **tokens, **fields}


async def test_calls_before_and_after_an_alias_are_attributed_to_the_provider(
    api: Api, other_api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    # given calls under three spellings on three days, and another user's
    for spelling in ("Corp", "corp", "CORP.chat"):
        await api.ask(LOG_ONE, input=call(spelling, cost="1"))
        clock.advance(days=1)
    await other_api.ask(LOG_ONE, input=call("Corp", cost="1"))
    # when the alias is registered
    alias = await api.ask(ALIAS, alias="Corp", provider="OpenAI")
    assert (alias["alias"], alias["provider"]) == ("Corp", "openai")
    await api.ask(LOG_ONE, input=call("c-o-r-p"))
    # then all calls are OpenAI's, the last one at its price, and the other user's call is not
    assert await api.ask(BY_PROVIDER) == [{"provider": "openai", "calls": 4, "totalCost": "5.5"}]
    assert (await api.ask(LAST))["nodes"] == [
        {"provider": "openai", "modelUsed": "gpt-4o", "reportedProvider": "c-o-r-p", "cost": "2.5"}
    ]
    assert await other_api.ask(BY_PROVIDER) == [{"provider": "corp", "calls": 1, "totalCost": "1"}]
    assert await verify(database, user_id, clock.now) == []


async def test_registered_models_follow_an_alias_and_its_removal(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(REGISTER, input={"provider": "corp", "model": "m1", "inputPrice": "1", "outputPrice": "2"})
    alias = await api.ask(ALIAS, alias="corp", provider="openai")
    for provider, cost in (("corp", "1"), ("openai", "1")):
        await api.ask(LOG_ONE, input=call(provider, "m1"))
        assert (await api.ask(LAST))["nodes"][0]["cost"] == cost
    assert (await api.ask(DELETE, id=alias["id"]))["__typename"] == "Deleted"
    for provider, expected in (("corp", "1"), ("openai", None)):
        await api.ask(LOG_ONE, input=call(provider, "m1"))
        assert (await api.ask(LAST))["nodes"][0]["cost"] == expected
    assert await verify(database, user_id, clock.now) == []


async def test_a_name_that_cannot_be_a_providers_is_rejected(api: Api, other_api: Api) -> None:
    for alias, provider, field in (
        ("openai", "azure", "alias"),
        ("Azure_OpenAI", "openai", "alias"),
        ("vendor:mine", "openai", "alias"),
        ("--", "openai", "alias"),
        ("mine", "vendor:openai", "provider"),
        ("mine", "MINE", "provider"),
        ("", "openai", "alias"),
        ("m" * 201, "openai", "alias"),
    ):
        rejected = await api.ask(ALIAS, alias=alias, provider=provider)
        assert (rejected["code"], rejected["path"]) == ("INVALID_INPUT", [field]), alias
    assert await api.ask("{ providerAliases { id } }") == []
    # another user cannot delete it, and models under both names are a conflict
    for provider in ("mine", "openai"):
        await api.ask(REGISTER, input={"provider": provider, "model": "m1", "inputPrice": "1", "outputPrice": "2"})
    assert (await api.ask(ALIAS, alias="mine", provider="openai"))["code"] == "CONFLICT"
    assert await api.ask("{ providerAliases { id } }") == []
    alias = await api.ask(ALIAS, alias="theirs", provider="groq")
    assert (await other_api.ask(DELETE, id=alias["id"]))["__typename"] == "NotFound"
    assert len(await api.ask("{ providerAliases { id } }")) == 1
