"""LiteLLM's names of providers, read from its installed files without importing it."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Final

import pytest

from domain.provider import known_provider
from tests.clients.conftest import TOOLS, Run

FIND = "import importlib.util as u; found = u.find_spec('litellm'); print(found.origin if found else '')"
# These are not providers of models.
NONE: Final = {
    "a2a": "a protocol of agents",
    "a2a_agent": "a protocol of agents",
    "agentcore": "a search engine",
    "apiserpent": "a search engine",
    "auto_router": "chooses among other providers",
    "bing_grounding": "a search engine",
    "custom": "any handler of the user's own",
    "dataforseo": "a search engine",
    "dotprompt": "keeps prompts",
    "duckduckgo": "a search engine",
    "exa_ai": "a search engine",
    "firecrawl": "a search engine",
    "google_pse": "a search engine",
    "humanloop": "keeps prompts",
    "langfuse": "keeps prompts",
    "linkup": "a search engine",
    "litellm_agent": "keeps prompts",
    "milvus": "a vector store",
    "mongodb": "a vector store",
    "nimble": "a search engine",
    "one of https://docs.litellm.ai/docs/providers": "explains the field",
    "opensearch": "a vector store",
    "pg_vector": "a vector store",
    "s3_vectors": "a vector store",
    "searxng": "a search engine",
    "serper": "a search engine",
    "tavily": "a search engine",
    "tinyfish": "a search engine",
    "valkey": "a vector store",
    "you_com": "a search engine",
}


@pytest.fixture
async def litellm(run: Run) -> Path:
    """The directory of the installed LiteLLM. In CI it must be installed."""
    origin = (await run(TOOLS / "python", "-c", FIND)).strip()
    if not origin and not os.environ.get("CI"):
        pytest.skip("LiteLLM is not installed: run `make clients`")
    assert origin
    return Path(origin).parent


def names_of(litellm: Path) -> tuple[set[str], set[str]]:
    """The providers that LiteLLM calls, and those in its price list."""
    tree = ast.parse((litellm / "types" / "utils.py").read_text(encoding="utf-8"))
    [providers] = [each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "LlmProviders"]
    called = {ast.literal_eval(each.value) for each in providers.body if isinstance(each, ast.Assign)}
    [prices] = litellm.glob("model_prices_and_context_window*.json")
    models = json.loads(prices.read_text(encoding="utf-8")).values()
    return called, {each["litellm_provider"] for each in models if each.get("litellm_provider")}


async def test_every_provider_of_litellm_is_recognized(litellm: Path) -> None:
    called, priced = names_of(litellm)
    assert len(called) >= 190
    assert len(priced) >= 150
    assert {name for name in called | priced if known_provider(name) is None} == set(NONE)
