from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Final

import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.semconv._incubating.attributes.gen_ai_attributes import GenAiProviderNameValues, GenAiSystemValues

from domain.catalog import all_listed
from domain.price import ServiceTier, TokenCounts
from domain.price_list import price
from domain.provider import (
    KNOWN_NAMES,
    PROVIDERS,
    VENDORS,
    ProviderNames,
    alias_key,
    folded,
    known_provider,
    makers,
    model_name,
    price_list_id,
    provider_id,
    vendor_of_group,
)

AT: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)

# Names of providers in other tools, by provider id. domain/providers.toml has the source of each.
EMITTED: Final = {
    "AI SDK": {
        "alibaba": "alibaba.chat alibaba.embedding alibaba.video",
        "anthropic": "anthropic.messages anthropic.skills",
        "anthropic-aws": "anthropic-aws.messages anthropic-aws.skills",
        "assemblyai": "assemblyai.transcription",
        "aws": "amazon-bedrock bedrock.anthropic.messages bedrock-mantle.chat bedrock-mantle.responses",
        "azure": "azure.chat azure.completion azure.deepseek azure.embeddings azure.image azure.responses azure.speech "
        "azure.transcription azure-openai.chat azure-openai.completion azure-openai.responses",
        "baseten": "baseten.chat baseten.embedding",
        "black-forest-labs": "black-forest-labs.image black-forest-labs.video",
        "bytedance": "bytedance.image bytedance.video",
        "cartesia": "cartesia.realtime cartesia.speech cartesia.transcription",
        "cerebras": "cerebras.chat",
        "cohere": "cohere.chat cohere.reranking cohere.textEmbedding",
        "deepgram": "deepgram.speech deepgram.transcription",
        "deepinfra": "deepinfra.chat deepinfra.completion deepinfra.embedding deepinfra.image",
        "deepseek": "deepseek.chat deepseek.files",
        "elevenlabs": "elevenlabs.speech elevenlabs.transcription",
        "fal": "fal.image fal.speech fal.transcription fal.video",
        "fireworks": "fireworks.chat fireworks.completion fireworks.embedding fireworks.image",
        "fish-audio": "fish-audio.speech fish-audio.transcription",
        "gladia": "gladia.transcription",
        "gmicloud": "gmicloud.chat",
        "google": "google.generative-ai google.generative-ai.interactions google.generative-ai.realtime "
        "google.generative-ai.speech google.generative-ai.speech-translation",
        "google-vertex": "google.vertex.chat google.vertex.embedding google.vertex.image google.vertex.interactions "
        "google.vertex.speech google.vertex.transcription google-vertex vertex.anthropic.messages "
        "googleVertex.anthropic.messages",
        "groq": "groq.chat groq.transcription",
        "huggingface": "huggingface.responses",
        "hume": "hume.speech",
        "klingai": "klingai.video",
        "lmnt": "lmnt.speech",
        "luma": "luma.image",
        "minimax": "minimax.messages minimax.video",
        "mistral": "mistral.chat mistral.embedding mistral.speech mistral.transcription",
        "moonshotai": "moonshotai.chat",
        "openai": "openai.chat openai.completion openai.embedding openai.files openai.image openai.realtime "
        "openai.responses openai.skills openai.speech openai.speech-translation openai.transcription",
        "perplexity": "perplexity perplexity.embedding",
        "prodia": "prodia.image prodia.language prodia.video",
        "quiverai": "quiverai.image",
        "replicate": "replicate replicate.video",
        "revai": "revai.transcription",
        "together": "togetherai.chat togetherai.completion togetherai.embedding togetherai.image",
        "vercel": "gateway gateway.realtime",
        "voyageai": "voyage.embedding voyage.reranking",
        "x-ai": "xai.chat xai.files xai.image xai.realtime xai.responses xai.speech xai.transcription xai.video",
    },
    "LangChain": {
        "aws": "amazon_bedrock bedrock bedrock_converse anthropic_bedrock amazon_bedrock_chat",
        "azure": "azure azure_openai azure_ai azure-openai-chat",
        "anthropic": "anthropic anthropic-chat",
        "cohere": "cohere cohere-chat",
        "google": "google_genai chat-google-generative-ai",
        "google-vertex": "google_vertexai google_anthropic_vertex chat-anthropic-vertexai",
        "mistral": "mistral mistralai mistralai-chat",
        "nvidia": "NVIDIA",
        "ollama": "ollama chat-ollama",
        "openai": "openai openai-chat",
        "watsonx": "ibm",
        "x-ai": "xai xai-chat",
    },
    "pydantic-ai": {
        "aws": "bedrock",
        "azure": "azure",
        "google": "google-gla google",
        "google-vertex": "google-vertex",
        "openai": "openai openai-chat openai-responses",
        "pydantic-ai-gateway": "gateway/anthropic gateway/bedrock gateway/groq gateway/google-vertex gateway/openai",
        "x-ai": "grok xai",
    },
    "Traceloop, OpenInference, Langfuse, Helicone, Portkey and Cloudflare": {
        "anthropic": "Anthropic ANTHROPIC",
        "aws": "AWS Bedrock aws-bedrock BEDROCK",
        "azure": "Azure AZURE azure-openai azure-ai azureopenai",
        "cloudflare": "workers-ai CLOUDFLARE",
        "fireworks": "Fireworks FIREWORKS fireworks-ai",
        "google": "Google GOOGLE google-ai-studio GoogleGenerativeAI.chat palm",
        "google-vertex": "VertexAI vertexai vertex-ai VERTEX google-vertex-ai",
        "huggingface": "HuggingFace",
        "mistral": "MistralAI mistralai mistral-ai MISTRAL",
        "novita": "novita-ai NOVITA",
        "openai": "OpenAI OPENAI",
        "perplexity": "perplexity-ai PERPLEXITY",
        "together": "TogetherAI together-ai TOGETHER",
        "voyageai": "voyage",
        "watsonx": "Watsonx",
        "x-ai": "x-ai grok",
        "zai": "z-ai",
        "zhipuai": "zhipu",
    },
    "people": {
        "anthropic": "Anthropic_Claude claude",
        "aws": "AWS_Bedrock amazon",
        "azure": "Azure_OpenAI_Service Azure_AI_Foundry",
        "google": "Google_Gemini Google_AI_Studio gemini-api",
        "google-vertex": "GCP_Vertex_AI Google_Vertex_AI vertexai-anthropic vertex_ai-xai_models",
        "lm-studio": "LMStudio lm-studio",
        "openai": "openai/chat openai:responses openai.chat.completions Open-AI",
        "together": "together.ai",
        "x-ai": "X.AI x_ai",
        "zai": "Z.ai",
    },
}

OPENROUTER: Final = {
    "AI21": "ai21",
    "AionLabs": "aionlabs",
    "Alibaba": "alibaba",
    "Amazon Bedrock": "aws",
    "Amazon Nova": "amazon-nova",
    "Anthropic": "anthropic",
    "Arcee AI": "arcee",
    "Arcee": "arcee",
    "AtlasCloud": "atlascloud",
    "Avian": "avian",
    "Azure": "azure",
    "BaseTen": "baseten",
    "BytePlus": "bytedance",
    "Black Forest Labs": "black-forest-labs",
    "Cerebras": "cerebras",
    "Chutes": "chutes",
    "Cirrascale": "cirrascale",
    "Clarifai": "clarifai",
    "Cloudflare": "cloudflare",
    "Cohere": "cohere",
    "Crusoe": "crusoe",
    "DeepInfra": "deepinfra",
    "DeepSeek": "deepseek",
    "Featherless": "featherless",
    "Fireworks": "fireworks",
    "Friendli": "friendli",
    "GMICloud": "gmicloud",
    "GoPomelo": "gopomelo",
    "Google": "google",
    "Google AI Studio": "google",
    "Groq": "groq",
    "Hyperbolic": "hyperbolic",
    "Inception": "inception",
    "InferenceNet": "inference-net",
    "Infermatic": "infermatic",
    "Inflection": "inflection",
    "Liquid": "liquid",
    "Mancer 2": "mancer",
    "Minimax": "minimax",
    "ModelRun": "modelrun",
    "Mistral": "mistral",
    "Modular": "modular",
    "Moonshot AI": "moonshotai",
    "Morph": "morph",
    "NCompass": "ncompass",
    "Nebius": "nebius",
    "NextBit": "nextbit",
    "Novita": "novita",
    "Nvidia": "nvidia",
    "OpenAI": "openai",
    "OpenInference": "openinference",
    "Parasail": "parasail",
    "Perplexity": "perplexity",
    "Phala": "phala",
    "Relace": "relace",
    "SambaNova": "sambanova",
    "SiliconFlow": "siliconflow",
    "Stealth": "stealth",
    "StreamLake": "streamlake",
    "Switchpoint": "switchpoint",
    "Targon": "targon",
    "Together": "together",
    "Venice": "venice",
    "WandB": "wandb",
    "xAI": "x-ai",
    "Z.AI": "zai",
}

OPENTELEMETRY: Final = {
    "anthropic": "anthropic",
    "aws.bedrock": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google-vertex",
    "gemini": "google",
    "groq": "groq",
    "ibm.watsonx.ai": "watsonx",
    "mistral_ai": "mistral",
    "openai": "openai",
    "perplexity": "perplexity",
    "vertex_ai": "google-vertex",
    "x_ai": "x-ai",
    "xai": "x-ai",
}

NAMES: Final = sorted({name for each in PROVIDERS.values() for name in (each.id, each.name, *each.aliases)})
texts = st.text(max_size=200)
names = st.sampled_from(NAMES)
# Names with a suffix for the API, with prefixes and unusual separators, which random text would rarely contain.
near_names = st.lists(
    st.one_of(names, st.sampled_from([".chat", "-chat", "_models", "/", " ", "\u200b", "\u0345", "ß", "x" * 150])),
    max_size=6,
).map("".join)


# Names of providers


@pytest.mark.parametrize("emitter", EMITTED)
def test_each_name_of_other_tools_is_one_provider(emitter: str) -> None:
    expected = {name: id_ for id_, written in EMITTED[emitter].items() for name in written.split()}
    assert {name: provider_id(name) for name in expected} == expected


def test_each_serving_provider_of_openrouter_is_one_provider() -> None:
    assert {name: provider_id(name) for name in OPENROUTER} == OPENROUTER


def test_every_value_of_the_semantic_conventions_is_known() -> None:
    values = {each.value for each in (*GenAiProviderNameValues, *GenAiSystemValues)}
    assert {value: known_provider(value) for value in values} == OPENTELEMETRY


def test_every_listed_provider_is_recognized_by_id_and_name() -> None:
    providers = get_snapshot().providers
    assert len(providers) >= 47
    for provider in providers:
        assert provider.id in PROVIDERS, f"{provider.id}: add it to domain/providers.toml"
        assert (provider_id(provider.id), provider_id(provider.name)) == (provider.id, provider.id)
        assert price_list_id(provider.id) == provider.id


def test_every_provider_name_has_a_priced_model_unless_it_is_declared_to_have_none() -> None:
    listed = {provider.id for provider in get_snapshot().providers}
    # For openai-decisions, only input is priced
    models = {provider.id: [model.id for model in provider.models] for provider in get_snapshot().providers}
    models |= {model.provider: [model.model] for model in all_listed(AT)}
    counts: Counter[bool] = Counter()
    for provider in PROVIDERS.values():
        if provider.id == "elevenlabs":
            continue  # models that the list prices both by the token and by the hour
        for name in (provider.id, provider.name, *provider.aliases):
            counts[provider.prices is None] += 1
            candidates = ["gpt-4o"] if provider.prices is None else models[provider.prices]
            assert any(
                price(name, model, TokenCounts(10, output), ServiceTier.STANDARD, AT)
                for model in candidates
                for output in (10, 0)
            ) == (provider.prices is not None), name
        assert provider.prices is None or provider.prices in listed
        assert provider.prices is not None or provider.id not in listed
    assert counts[True] > 200
    assert counts[False] > 150


def test_each_name_belongs_to_one_provider_and_is_declared_once() -> None:
    owners: dict[str, str] = {}
    for provider in PROVIDERS.values():
        keys = [alias_key(provider.id), *map(alias_key, provider.aliases)]
        assert len(keys) == len(set(keys)), provider.id
        assert alias_key(provider.name) not in keys[1:], provider.id
        for key in {*keys, alias_key(provider.name)}:
            assert owners.setdefault(key, provider.id) == provider.id, key


def test_a_parent_provider_has_no_parent() -> None:
    parts = {each.id: each.part_of for each in PROVIDERS.values() if each.part_of is not None}
    assert set(parts.values()) <= set(PROVIDERS)
    assert [part for part, whole in parts.items() if whole in parts] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("openai", "azure"),
        ("openai", "openai-compatible"),
        ("anthropic", "aws.bedrock"),
        ("anthropic", "vertex.anthropic.messages"),
        ("google.generative-ai", "google.vertex.chat"),
        ("groq", "huggingface_groq"),
        ("together", "huggingface_together"),
        ("huggingface", "huggingface_novita"),
        ("grok", "groq"),
        ("zai", "zhipuai"),
        ("ollama", "vllm"),
        ("ollama", "ollama-cloud"),
        ("vllm", "lm_studio"),
        ("openai.chat", "my-openai.chat"),
        ("cloudflare", "cloudflare-ai-gateway"),
        ("github", "github-copilot"),
    ],
)
def test_endpoints_with_different_prices_are_different_providers(one: str, other: str) -> None:
    assert provider_id(one) != provider_id(other)


@pytest.mark.parametrize(
    ("name", "known_as"),
    [
        ("My-Own", "my-own"),
        ("my_own", "my_own"),
        ("  Our GPU Box ", "our gpu box"),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
        ("\uff2fpen\uff21I", "openai"),
        ("Open\u200bAI", "openai"),
        ("my-proxy.chat", "my-proxy.chat"),
        (".chat", ".chat"),
        ("---", "---"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_an_unknown_name_keeps_its_separators(name: str, known_as: str) -> None:
    assert provider_id(name) == known_as


def test_combining_marks_are_not_separators() -> None:
    assert alias_key("कि") != alias_key("कु")


@given(st.one_of(texts, near_names))
@example("x" * 199 + " y")
@example("\u0390" * 200)
@example("ﷺ" * 200)
def test_normalizing_a_provider_twice_changes_nothing(name: str) -> None:
    id_ = provider_id(name)
    assert provider_id(id_) == id_
    assert len(id_) <= 200
    assert id_ in (folded(name), known_provider(name))
    assert (known_provider(name) is None) == (id_ not in PROVIDERS)


@given(names, st.data())
def test_case_space_and_separators_of_a_known_name_are_ignored(name: str, data: st.DataObject) -> None:
    flips = data.draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
    between = data.draw(st.lists(st.sampled_from(["", "", " ", "-", "_", ".", "/", "\t"]), min_size=len(name)))
    spelled = "".join(
        separator + (letter.swapcase() if flip else letter)
        for letter, flip, separator in zip(name, flips, between, strict=False)
    )
    assert provider_id(f" {spelled}\n") == provider_id(name)


@given(texts)
def test_an_alias_is_found_in_any_spelling_and_never_hides_a_known_name(name: str) -> None:
    mine = ProviderNames({alias_key("My GPU box"): "vllm", alias_key("openai"): "vllm"})
    assert mine.id("my-gpu_BOX") == "vllm"
    assert mine.id("OpenAI") == "openai"
    if alias_key(name) != alias_key("My GPU box"):
        assert mine.id(name) == provider_id(name)
    assert mine.id(mine.id(name)) == mine.id(name)


# Names of models


@pytest.mark.parametrize(
    ("provider", "name", "expected"),
    [
        ("openai", "openai/gpt-4o", "gpt-4o"),
        ("openai", "OpenAI/GPT-4o", "gpt-4o"),
        ("openai", "openai/openai/gpt-4o", "gpt-4o"),
        ("openai", "azure/gpt-4o", "azure/gpt-4o"),
        ("openrouter", "openai/gpt-4o", "openai/gpt-4o"),
        ("openrouter", "openrouter/openai/gpt-4o", "openai/gpt-4o"),
        ("google-vertex", "vertex_ai/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google-vertex", "google/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google", "gemini/gemini-2.5-pro", "gemini-2.5-pro"),
        ("aws", "bedrock/us.anthropic.claude-3-5-sonnet", "us.anthropic.claude-3-5-sonnet"),
        ("aws", "anthropic/claude-3-5-sonnet", "anthropic/claude-3-5-sonnet"),
        ("openai", "openai/", "openai/"),
        ("huggingface_groq", "openai/gpt-oss-20b", "openai/gpt-oss-20b"),
        ("unknown", "Unknown/Model", "model"),
    ],
)
def test_a_prefix_that_repeats_the_provider_is_removed(provider: str, name: str, expected: str) -> None:
    assert model_name(provider, name) == expected


@given(
    st.one_of(st.sampled_from(sorted(PROVIDERS)), texts.map(provider_id)),
    st.one_of(texts, st.lists(st.one_of(names, texts), max_size=4).map("/".join)),
)
@example("openai", " openai / openai /\u0345 ")
def test_normalizing_a_model_twice_changes_nothing(provider: str, name: str) -> None:
    found = model_name(provider, name)
    assert model_name(provider, found) == found
    assert found == folded(found)
    assert len(found) <= 200


def test_a_listed_model_has_the_same_price_under_its_normalized_name() -> None:
    compared = 0
    for listed in all_listed(AT):
        # Perplexity sells `perplexity/sonar` by one API and `sonar` by another: the price depends on the name that was sent.
        if listed.provider == "perplexity" and listed.model.startswith("perplexity/"):
            assert price(listed.provider, listed.model, TokenCounts(1_000, 1_000), ServiceTier.STANDARD, AT)
            continue
        prices = [
            price(listed.provider, name, TokenCounts(1_000, 1_000), ServiceTier.STANDARD, AT)
            for name in (listed.model, model_name(listed.provider, listed.model))
        ]
        assert prices[0] == prices[1], listed.id
        compared += 1
    assert compared > 1_500


# Blocks


@pytest.mark.parametrize(
    ("name", "blocked"),
    [
        ("azure", {"azure"}),
        ("azure_openai", {"azure"}),
        ("openai", {"openai", "openai-decisions", "chatgpt"}),
        ("aws", {"aws", "sagemaker", "amazon-nova", "aws-polly", "aws-textract", "aws-transcribe"}),
        ("bedrock", {"aws"}),
        ("anthropic", {"anthropic", "anthropic-aws"}),
        ("google", {"google", "google-vertex"}),
        ("Google", {"google", "google-vertex"}),
        ("gemini", {"google"}),
        ("vertex_ai", {"google-vertex"}),
        ("Google Vertex", {"google-vertex"}),
        ("My Own", {"my own"}),
        ("vendor:anthropic", {"vendor:anthropic"}),
        (" Vendor: X-AI ", {"vendor:x-ai"}),
        ("vendor:alibaba", {"vendor:qwen"}),
        ("vendor:Some Body", {"vendor:somebody"}),
    ],
)
def test_a_block_applies_to_a_provider_its_parts_or_the_models_of_a_vendor(name: str, blocked: set[str]) -> None:
    assert KNOWN_NAMES.blocked_ids(name) == blocked


@pytest.mark.parametrize(
    ("block", "provider", "blocked"),
    [
        ("azure_openai", "azure", True),
        ("azure", "azure_openai", True),
        ("azure", "azure.ai.inference", True),
        ("bedrock", "aws.bedrock", True),
        ("bedrock", "sagemaker", False),
        ("aws", "sagemaker_chat", True),
        ("google", "vertex_ai", True),
        ("google", "gemini", True),
        ("gemini", "gcp.gemini", True),
        ("gemini", "gcp.vertex_ai", False),
        ("vertex", "google.generative-ai", False),
        ("openai", "azure", False),
        ("openai", "openai.responses", True),
        ("anthropic", "bedrock", False),
        ("anthropic", "anthropic-aws.messages", True),
        ("huggingface", "huggingface_groq", True),
        ("groq", "huggingface_groq", False),
    ],
)
def test_a_block_applies_to_every_name(block: str, provider: str, blocked: bool) -> None:
    assert (provider_id(provider) in KNOWN_NAMES.blocked_ids(block)) is blocked


# Vendors of models


@pytest.mark.parametrize(
    ("vendor", "provider", "model"),
    [
        ("anthropic", "anthropic", "claude-sonnet-4-5"),
        ("anthropic", "anthropic-aws", "anything"),
        ("anthropic", "aws", "us.anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("anthropic", "aws", "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-1-v1:0"),
        ("anthropic", "google-vertex", "claude-3-5-haiku@20241022"),
        ("anthropic", "google-vertex", "projects/p/locations/l/publishers/anthropic/models/claude-opus-4"),
        ("anthropic", "openrouter", "anthropic/claude-3.5-sonnet"),
        ("anthropic", "openrouter", "~anthropic/claude-latest"),
        ("anthropic", "databricks", "databricks-claude-opus-4-1"),
        ("anthropic", "gradient-ai", "anthropic-claude-3.7-sonnet"),
        ("openai", "azure", "gpt-4o"),
        ("openai", "azure", "gpt-35-turbo"),
        ("openai", "azure", "prod-gpt4o-eu"),
        ("openai", "azure", "o3-mini"),
        ("openai", "openai", "ft:gpt-4o-mini:acme::abc"),
        ("openai", "openai", "whatever-is-new"),
        ("openai", "openai", "text-embedding-3-small"),
        ("openai", "aws", "openai.gpt-oss-120b-1:0"),
        ("openai", "openrouter", "openai/o1"),
        ("google", "google-vertex", "gemini-2.5-pro"),
        ("google", "google-vertex", "text-embedding-004"),
        ("google", "google-vertex", "1234567890"),
        ("google", "together", "google/gemma-2-27b-it"),
        ("meta", "aws", "meta.llama3-1-70b-instruct-v1:0"),
        ("meta", "cloudflare", "@cf/meta/llama-3.1-8b-instruct"),
        ("meta", "fireworks", "accounts/fireworks/models/llama-v3p1-8b-instruct"),
        ("meta", "ollama", "llama3.1:8b"),
        ("mistral", "google-vertex", "mistral-large@2407"),
        ("mistral", "ollama", "mixtral:8x7b"),
        ("deepseek", "groq", "deepseek-r1-distill-llama-70b"),
        ("deepseek", "mistral", "deepseek-v4-1-flash"),
        ("amazon", "aws", "amazon.nova-2-sonic-v1:0"),
        ("amazon", "openrouter", "amazon/nova-pro-v1"),
        ("deepgram", "deepgram", "nova-2"),
        ("qwen", "ollama", "qwq"),
        ("nvidia", "openrouter", "nvidia/llama-3.1-nemotron-70b-instruct"),
        ("perplexity", "perplexity", "llama-3.1-sonar-large-128k-online"),
        ("eleutherai", "huggingface", "gpt-j-6b"),
        ("cohere", "aws", "cohere.command-r-plus-v1:0"),
        ("x-ai", "openrouter", "x-ai/grok-4"),
        ("x-ai", "azure", "grok-3"),
        ("zai", "novita", "zai-org/glm-4.6"),
        ("microsoft", "azure", "phi-4"),
    ],
)
def test_the_vendor_of_a_model_is_found_at_every_host(vendor: str, provider: str, model: str) -> None:
    assert makers(provider, model) == {vendor}
    assert [each.id for each in VENDORS.values() if each.makes(provider, model)] == [vendor]


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("vllm", "o1derful"),
        ("vllm", "o12"),
        ("vllm", "marco-o1"),
        ("vllm", "claudette"),
        ("vllm", "gpts-of-mine"),
        ("vllm", "tinyllama"),
        ("vllm", "phind-34b"),
        ("ollama", "ollama/mine"),
        ("azure", "chat-prod"),
        ("aws", "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"),
        ("unknown", ""),
    ],
)
def test_an_unknown_vendor_is_not_guessed(provider: str, model: str) -> None:
    assert makers(provider, model) == frozenset()


def test_every_listed_model_that_names_a_vendor_has_that_vendor_only() -> None:
    # Models that one vendor distilled from another vendor's model.
    of_two = {"nvidia/glm-5.3-flash-nvfp4": {"nvidia", "zai"}}
    named = {alias_key(name): each.id for each in VENDORS.values() for name in (each.id, each.name, *each.names)}
    hosts: dict[str, set[str]] = {}
    for provider in get_snapshot().providers:
        for info in provider.models:
            model = model_name(provider.id, info.id)
            found = makers(provider.id, model)
            assert found == of_two.get(model, found)
            assert len(found) <= 1 or model in of_two, (provider.id, model, found)
            prefix = model.partition("." if provider.id == "aws" else "/")[0]
            if (vendor := named.get(alias_key(prefix))) is not None:
                assert vendor in found, (provider.id, model)
                hosts.setdefault(vendor, set()).add(provider.id)
    # Common vendors, each with several hosts
    assert {vendor for vendor, at in hosts.items() if len(at) >= 4} >= {
        "deepseek",
        "google",
        "meta",
        "minimax",
        "mistral",
        "moonshotai",
        "nvidia",
        "openai",
        "qwen",
        "zai",
    }
    assert {"anthropic", "amazon", "cohere", "x-ai", "microsoft", "ai21", "perplexity"} <= set(hosts)


def test_a_vendor_is_found_by_each_of_its_names_and_its_providers_exist() -> None:
    assert {name: getattr(vendor_of_group(name), "id", None) for name in ("vendor:Anthropic", "vendor:xai", "x")} == {
        "vendor:Anthropic": "anthropic",
        "vendor:xai": "x-ai",
        "x": None,
    }
    owners: dict[str, str] = {}
    for vendor in VENDORS.values():
        assert vendor_of_group(f"vendor:{vendor.id}") is vendor
        assert vendor.providers <= set(PROVIDERS)
        for name in {alias_key(each) for each in (vendor.id, vendor.name, *vendor.names)}:
            assert owners.setdefault(name, vendor.id) == vendor.id
        for start in (*vendor.words, *vendor.models):
            assert start == folded(start)
            assert owners.setdefault(f"{start}...", vendor.id) == vendor.id
    served = Counter(provider for vendor in VENDORS.values() for provider in vendor.providers)
    assert set(served.values()) == {1}
