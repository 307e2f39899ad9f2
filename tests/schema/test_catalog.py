from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.catalog import MAX_MODELS, all_listed
from domain.viewer import Viewer
from models.catalog import RegisteredModel
from models.database import Database
from models.queries.routing_version import version_of
from tests.conftest import Clock
from tests.support.api import Api

FIELDS = """
  id provider model name own local contextWindow inputPrice outputPrice qualityRating deprecated createdAt
"""
REGISTER = f"""
mutation($input: RegisterModelInput!) {{
  registerModel(input: $input) {{ __typename ... on Model {{ {FIELDS} }} ... on Error {{ code message path }} }}
}}
"""
UPDATE = f"""
mutation($id: ID!, $input: UpdateModelInput!) {{
  updateModel(id: $id, input: $input) {{ __typename ... on Model {{ {FIELDS} }} ... on Error {{ code message path }} }}
}}
"""
DELETE = """
mutation($id: ID!) { deleteModel(id: $id) { __typename ... on Deleted { id } ... on Error { code message path } } }
"""
LIST = f"""
query($provider: String, $search: String, $first: Int, $after: String) {{
  modelCatalog(provider: $provider, search: $search, first: $first, after: $after) {{
    nodes {{ {FIELDS} }} pageInfo {{ hasNextPage hasPreviousPage endCursor }}
  }}
}}
"""
LLAMA = {"provider": "home", "model": "llama"}


async def register(api: Api, **fields: Any) -> Any:
    return await api.ask(REGISTER, input=LLAMA | fields)


async def listed(api: Api, **variables: Any) -> list[Any]:
    nodes: list[Any] = (await api.ask(LIST, **variables))["nodes"]
    return nodes


async def ids(api: Api, **variables: Any) -> list[str]:
    return [model["id"] for model in await listed(api, **variables)]


async def version(database: Database, viewer: Viewer) -> int:
    async with database.viewer(viewer) as session:
        return await version_of(session, viewer.id)


def without_type(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "__typename"}


async def test_a_registered_model_is_in_the_catalogue(api: Api) -> None:
    answer = await register(
        api,
        name="Llama at home",
        inputPrice="0",
        outputPrice="0.000000001",
        local=True,
        contextWindow=8_192,
        qualityRating=0.5,
    )
    UUID(answer["id"])
    assert answer == {
        "__typename": "Model",
        "id": answer["id"],
        "provider": "home",
        "model": "llama",
        "name": "Llama at home",
        "own": True,
        "local": True,
        "contextWindow": 8_192,
        "inputPrice": "0",
        "outputPrice": "0.000000001",
        "qualityRating": 0.5,
        "deprecated": False,
        "createdAt": "2026-03-10T12:00:00Z",
    }
    assert await listed(api, provider="home") == [without_type(answer)]


async def test_a_model_needs_only_a_provider_and_a_model_name(api: Api) -> None:
    answer = await register(api, provider=" home ", name=None, local=None, inputPrice=None)
    assert {key: answer[key] for key in answer if key not in {"__typename", "id", "createdAt"}} == {
        "provider": "home",
        "model": "llama",
        "name": "llama",
        "own": True,
        "local": False,
        "contextWindow": None,
        "inputPrice": None,
        "outputPrice": None,
        "qualityRating": None,
        "deprecated": False,
    }


async def test_a_listed_model_has_the_facts_of_the_price_list(api: Api) -> None:
    found = [model for model in await listed(api, provider="OpenAI", search="GPT-4O") if model["id"] == "openai:gpt-4o"]
    assert found == [
        {
            "id": "openai:gpt-4o",
            "provider": "openai",
            "model": "gpt-4o",
            "name": "gpt 4o",
            "own": False,
            "local": False,
            "contextWindow": 128_000,
            "inputPrice": "2.5",
            "outputPrice": "10",
            "qualityRating": None,
            "deprecated": False,
            "createdAt": None,
        }
    ]


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"provider": ""}, ["provider"], "provider: String should have at least 1 character"),
        ({"model": "a\0"}, ["model"], "model: must not contain the NUL character"),
        ({"name": "x" * 201}, ["name"], "name: String should have at most 200 characters"),
        ({"requestPrice": "100001"}, ["requestPrice"], "requestPrice: must be from 0 to 100000 USD"),
        (
            {"tiers": [{"serviceTier": "BATCH", "cachedPrice": "-1"}]},
            ["tiers", "0", "cachedPrice"],
            "tiers.0.cachedPrice: must be from 0 to 1000000 USD per million tokens",
        ),
        (
            {"tiers": [{"inputPrice": "1"}]},
            ["tiers", "0"],
            (
                "tiers.0: a tier must have aboveInputTokens or a serviceTier other than STANDARD; "
                "set other prices on the model itself"
            ),
        ),
        (
            {"tiers": [{"serviceTier": "FLEX"}, {"serviceTier": "FLEX", "aboveInputTokens": None}]},
            ["tiers"],
            "tiers: must contain each combination of serviceTier and aboveInputTokens once",
        ),
        (
            {"tiers": [{"aboveInputTokens": n} for n in range(1, 22)]},
            ["tiers"],
            "tiers: List should have at most 20 items after validation, not 21",
        ),
        (
            {"inputPrice": "1000001", "outputPrice": "1"},
            ["inputPrice"],
            "inputPrice: must be from 0 to 1000000 USD per million tokens",
        ),
        (
            {"contextWindow": 1_000_000_001},
            ["contextWindow"],
            "contextWindow: Input should be less than or equal to 1000000000",
        ),
        ({"qualityRating": -0.1}, ["qualityRating"], "qualityRating: Input should be greater than or equal to 0"),
    ],
)
async def test_a_model_out_of_bounds_is_rejected(
    api: Api, database: Database, viewer: Viewer, fields: Any, path: list[str], message: str
) -> None:
    assert await register(api, **fields) == {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "message": message,
        "path": ["input", *path],
    }
    assert [model for model in await listed(api) if model["own"]] == []
    assert await version(database, viewer) == 0


async def test_one_model_is_registered_once_under_any_name_of_its_provider(api: Api, other_api: Api) -> None:
    # given a model of Google's
    first = await register(api, provider="google_genai", model="Gemini-2.5-Pro")
    # when it is registered under another name of Google's, then that is a conflict
    assert await register(api, provider="Gemini", model="gemini-2.5-pro") == {
        "__typename": "Conflict",
        "code": "CONFLICT",
        "message": "model: you have registered this model of this provider already; update it",
        "path": ["input", "model"],
    }
    assert [model["id"] for model in await listed(api, provider="google") if model["own"]] == [first["id"]]
    # and no conflict with another model, or for another user
    assert (await register(api, provider="gemini", model="gemini-2.5-flash"))["own"] is True
    assert (await register(other_api, provider="google", model="gemini-2.5-pro"))["own"] is True


async def test_a_registered_model_replaces_the_listed_one(api: Api, other_api: Api) -> None:
    own = await register(api, provider="Google_GenAI", model="gemini-2.5-pro", inputPrice="1", outputPrice="2")

    found = await listed(api, search="gemini-2.5-pro", provider="gemini")
    assert [model["id"] for model in found if model["model"] == "gemini-2.5-pro"] == [own["id"]]
    assert "google:gemini-2.5-pro" in await ids(other_api, search="gemini-2.5-pro", provider="gemini")

    # and when it is deleted, the listed one is returned again
    await api.ask(DELETE, id=own["id"])
    assert "google:gemini-2.5-pro" in await ids(api, search="gemini-2.5-pro", provider="gemini")


async def test_a_user_has_at_most_500_registered_models(
    api: Api, database: Database, viewer: Viewer, clock: Clock
) -> None:
    # given one model less than the limit
    async with database.viewer(viewer, write=True) as session:
        session.add_all(
            RegisteredModel(
                user_id=viewer.id,
                provider="home",
                provider_key="home",
                model=f"m{n:03}",
                model_key=f"m{n:03}",
                local=False,
                created_at=clock.now,
                updated_at=clock.now,
            )
            for n in range(MAX_MODELS - 1)
        )
    # then one more can be registered, and a second cannot
    assert (await register(api))["__typename"] == "Model"
    assert await register(api, model="one more") == {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "message": "You have 500 models, which is the most; delete one first",
        "path": ["input"],
    }
    assert len(await ids(api, provider="home", first=500)) == 500


# The list


async def test_registered_models_come_first_then_listed_ones_in_order(api: Api, clock: Clock) -> None:
    # given registered models, registered in another order
    for provider, model in (("zeta", "a"), ("home", "b"), ("Home", "a")):
        await register(api, provider=provider, model=model)
    # when all pages are read
    found, after = [], None
    while True:
        page = await api.ask(LIST, first=500, after=after)
        found += [(model["own"], model["provider"], model["model"]) for model in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            break
        assert len(page["nodes"]) == 500
        after = page["pageInfo"]["endCursor"]
    # then each model is returned once, in order
    assert found == [
        (True, "Home", "a"),
        (True, "home", "b"),
        (True, "zeta", "a"),
        *((False, model.provider, model.model) for model in all_listed(clock.now)),
    ]


async def test_a_page_continues_after_its_cursor_when_models_were_added_or_deleted(api: Api) -> None:
    # given three models, and a page of the first two
    for model in ("b", "c", "d"):
        await register(api, model=model)
    page = await api.ask(LIST, provider="home", first=2)
    assert [model["model"] for model in page["nodes"]] == ["b", "c"]
    # when one is registered before them, and the last of them is deleted
    await register(api, model="a")
    await api.ask(DELETE, id=page["nodes"][1]["id"])
    # then the next page starts after the cursor
    rest = await api.ask(LIST, provider="home", first=2, after=page["pageInfo"]["endCursor"])
    assert [model["model"] for model in rest["nodes"]] == ["d"]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_a_page_has_50_models_by_default(api: Api) -> None:
    assert len((await api.ask("{ modelCatalog { nodes { id } } }"))["nodes"]) == 50
    assert len(await listed(api)) == 50
    assert len(await listed(api, first=None)) == 50
    assert len(await listed(api, first=1)) == 1


@pytest.mark.parametrize(
    ("variables", "argument", "message"),
    [
        ({"first": 0}, "first", "first: must be from 1 to 500, not 0"),
        ({"first": 501}, "first", "first: must be from 1 to 500, not 501"),
        ({"search": "x" * 201}, "search", "search: must be at most 200 characters"),
        ({"after": "x"}, "after", "after: must be a cursor that this list returned"),
        ({"after": "bW9kZWxfY2F0YWxvZzp4"}, "after", "after: must be a cursor that this list returned"),
    ],
)
async def test_a_wrong_argument_is_rejected_by_name(api: Api, variables: Any, argument: str, message: str) -> None:
    [error] = await api.errors(LIST, **variables)
    assert error["message"] == message
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": [argument]}


async def test_providers_are_found_by_any_name_in_any_case(api: Api) -> None:
    google = await ids(api, provider="google", first=500)
    assert len(google) > 20
    assert {id_.partition(":")[0] for id_ in google} == {"google"}
    for name in ("Gemini", "gcp.gemini", " GOOGLE "):
        assert await ids(api, provider=name, first=500) == google
    assert await ids(api, provider="nobody") == []


async def test_search_matches_provider_model_and_name_in_any_case(api: Api) -> None:
    own = await register(api, provider="Barnyard", model="Quux-7", name="The Workhorse")
    for text in ("barnYARD", "UUX-", "workHORSE"):
        assert await ids(api, search=text) == [own["id"]]
    # wildcards of SQL are plain text
    for text in ("%", "qu_x", ".*"):
        assert await ids(api, search=text, provider="barnyard") == []


# Changes


async def test_an_update_changes_given_fields_and_clears_null_ones(api: Api, clock: Clock) -> None:
    full = {"name": "N", "inputPrice": "1", "outputPrice": "2", "contextWindow": 10, "qualityRating": 1}
    model = await register(api, **full)
    clock.advance(hours=1)

    changed = await api.ask(UPDATE, id=model["id"], input={"inputPrice": "0", "local": True})
    assert changed == model | {"inputPrice": "0", "local": True}

    cleared = await api.ask(UPDATE, id=model["id"], input=dict.fromkeys(full))
    assert cleared == changed | dict.fromkeys(full) | {"name": "llama"}
    assert await listed(api, provider="home") == [without_type(cleared)]


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"local": None}, ["local"], "local: Input should be a valid boolean"),
        ({"qualityRating": 2}, ["qualityRating"], "qualityRating: Input should be less than or equal to 1"),
    ],
)
async def test_an_update_out_of_bounds_changes_nothing(
    api: Api, database: Database, viewer: Viewer, changes: Any, path: list[str], message: str
) -> None:
    model = await register(api, inputPrice="1", outputPrice="2")
    assert await api.ask(UPDATE, id=model["id"], input={"name": "other"} | changes) == {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "message": message,
        "path": ["input", *path],
    }
    assert await listed(api, provider="home") == [without_type(model)]
    assert await version(database, viewer) == 1


async def test_a_deleted_model_is_gone(api: Api) -> None:
    model = await register(api)
    assert await api.ask(DELETE, id=model["id"]) == {"__typename": "Deleted", "id": model["id"]}
    assert await listed(api, provider="home") == []
    assert (await api.ask(DELETE, id=model["id"]))["__typename"] == "NotFound"
    assert (await register(api))["__typename"] == "Model"


@pytest.mark.parametrize("id_", [None, "openai:gpt-4o", "x"])
async def test_models_of_others_and_listed_models_cannot_be_changed(api: Api, other_api: Api, id_: str | None) -> None:
    model = await register(api, name="secret")
    rejected = {
        "__typename": "NotFound",
        "code": "NOT_FOUND",
        "message": "id: must be the id of one of your models",
        "path": ["id"],
    }
    assert await other_api.ask(UPDATE, id=id_ or model["id"], input={"name": "mine"}) == rejected
    assert await other_api.ask(DELETE, id=id_ or model["id"]) == rejected
    # and the model was neither returned nor changed
    assert await listed(other_api, search="secret") == []
    assert await listed(other_api, provider="home") == []
    assert await listed(api, provider="home") == [without_type(model)]


# The version of the routing context


async def test_each_change_of_the_routing_context_raises_its_version(
    api: Api, other_api: Api, database: Database, viewer: Viewer
) -> None:
    last = 0

    async def raised() -> bool:
        nonlocal last
        before, last = last, await version(database, viewer)
        return last > before

    assert not await raised()
    model = await register(api)
    assert await raised()
    await api.ask(UPDATE, id=model["id"], input={"local": True})
    assert await raised()
    await api.ask(DELETE, id=model["id"])
    assert await raised()
    await api.ask("mutation { savePreferences(input: {maxLatencyMs: 5}) { __typename } }")
    assert await raised()
    await api.ask('mutation { savePreferences(input: {costAlertThreshold: "1"}) { __typename } }')
    assert await raised()
    alert = await api.ask(
        'mutation { createCostAlert(input: {thresholdAmount: "1", period: DAILY}) { ... on CostAlert { id } } }'
    )
    assert await raised()
    update = "mutation($id: ID!) { updateCostAlert(id: $id, input: {enforced: true}) { __typename } }"
    await api.ask(update, id=alert["id"])
    assert await raised()
    await api.ask("mutation($id: ID!) { deleteCostAlert(id: $id) { __typename } }", id=alert["id"])
    assert await raised()

    # and changes of others, rejected changes and reads do not raise it
    await register(other_api)
    await api.ask(DELETE, id=model["id"])
    await api.ask('mutation { savePreferences(input: {preferredProviders: [""]}) { __typename } }')
    await listed(api)
    assert not await raised()
