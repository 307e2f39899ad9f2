"""Names of providers and models: normalization of the names that clients send to one id and one model name.

`providers.toml` lists the providers with their aliases. The id of a provider is its id in the price list, if it has one.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from domain.bounds import MAX_NAME_LENGTH, Input, Name
from domain.error import InvalidInput

VENDOR: Final = "vendor:"
"""The prefix of a vendor group: blocking `vendor:anthropic` blocks every model that Anthropic makes."""

MAX_ALIASES: Final = 200
"""The most aliases of one user: the ledger reads all of them with each commit that has an unknown name."""

MAX_PROVIDERS: Final = 1_000
"""The most providers in a list: those with the most calls."""

_CACHED: Final = 8_192
# Suffixes that clients append to the provider: an API (`openai.chat` of the Vercel AI SDK, `cohere_chat` of LiteLLM), or a
# family of models (`vertex_ai-anthropic_models` of LiteLLM).
_API: Final = re.compile(
    r"[\s._/:-](?:chat|responses|completions?|messages|text[._-]?embeddings?|embeddings?|images?|speech|speech-translation"
    r"|transcription|rerank|reranking|video|realtime|files|skills|interactions|language|language-model"
    r"|[a-z0-9]+[_-]models)$"
)
# Separators in a model name: `anthropic/claude-3`, `us.anthropic.claude-3`, `ft:gpt-4o:org`; not the point of `gpt-4.1`.
_PARTS: Final = re.compile(r"[/:@~]|(?<!\d)\.|\.(?!\d)")


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of `providers.toml`."""

    id: str
    name: str
    prices: str | None
    """The id in the price list; None when the price list does not have the provider."""
    part_of: str | None
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """A provider with the aliases and the number of calls of one user."""

    id: str
    name: str
    aliases: list[str]
    calls: int


@dataclass(frozen=True, slots=True)
class Vendor:
    """A maker of models, which one or more providers serve."""

    id: str
    name: str
    providers: frozenset[str]
    names: tuple[str, ...]
    words: tuple[str, ...]
    models: tuple[str, ...]

    def makes(self, provider: str, model: str) -> bool:
        """Whether the vendor made this model of a provider. Takes results of `provider_id` and `model_name`."""
        return self.id in makers(provider, model)


def _provider(id_: str, each: Mapping[str, Any]) -> Provider:
    prices = each.get("prices", id_)
    return Provider(id_, each["name"], prices or None, each.get("part_of"), tuple(each.get("aliases", ())))


def _vendor(id_: str, each: Mapping[str, Any]) -> Vendor:
    names, words, models = (tuple(each.get(key, ())) for key in ("names", "words", "models"))
    return Vendor(id_, each["name"], frozenset(each.get("providers", ())), names, words, models)


def folded(text: str) -> str:
    """The text in the form in which names are compared: case-folded, NFKC, at most `MAX_NAME_LENGTH` characters."""
    for _ in range(4):  # case folding and normalization may each undo a part of the other
        result = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()[:MAX_NAME_LENGTH]
        if result == text:
            break
        text = result
    return text


@lru_cache(_CACHED)
def alias_key(name: str) -> str:
    """The key of a provider name, equal for all its spellings: case and separators do not count."""
    key = folded(name)
    # Combining marks are parts of letters: without them, different names in Devanagari would have the same key.
    return "".join(each for each in key if each.isalnum() or unicodedata.category(each)[0] == "M") or key


_FILE: Final = tomllib.loads(Path(__file__).with_name("providers.toml").read_text(encoding="utf-8"))
PROVIDERS: Final = {id_: _provider(id_, each) for id_, each in _FILE["provider"].items()}
VENDORS: Final = {id_: _vendor(id_, each) for id_, each in _FILE["vendor"].items()}
_ID_OF: Final = {
    alias_key(name): each.id for each in PROVIDERS.values() for name in (*each.aliases, each.name, each.id)
}
_VENDOR_OF: Final = {
    alias_key(name): each.id for each in VENDORS.values() for name in (*each.names, each.name, each.id)
}
_VENDOR_OF_MODELS: Final = {start: each.id for each in VENDORS.values() for start in (*each.words, *each.models)}


def _beginnings() -> re.Pattern[str]:
    """A pattern of the beginnings of model names of all vendors. The longest beginning at a position matches."""
    words = {word for each in VENDORS.values() for word in each.words}
    return re.compile(
        "|".join(
            ("(?<![^\\W_])" if start in words else "^")
            + re.escape(start)
            # `gpt4` begins with gpt, `gpts` does not; `o1-mini` begins with o1, `o12` does not.
            + ("(?![^\\W_])" if start[-1].isdigit() else "(?![^\\W\\d_])")
            for start in sorted(_VENDOR_OF_MODELS, key=len, reverse=True)
        )
    )


_BEGINNINGS: Final = _beginnings()


@lru_cache(_CACHED)
def provider_id(name: str) -> str:
    """The id of the provider with this name; for an unknown provider the case-folded name."""
    return known_provider(name) or folded(name)


@lru_cache(_CACHED)
def known_provider(name: str) -> str | None:
    """The id of the provider with this name; None for an unknown provider."""
    return _found(name, {})


def _found(name: str, own: Mapping[str, str]) -> str | None:
    """The id of the provider with this name, among the known providers and the aliases `own`; None when unknown.

    A suffix is dropped when the rest of the name is known: an API (`openai.chat`) or a region (`azure/eastus`).
    """
    plain = folded(name)
    while True:
        key = alias_key(plain)
        if found := _ID_OF.get(key) or own.get(key):
            return found
        shorter = _API.sub("", plain)
        if shorter == plain:
            shorter = plain.rpartition("/")[0].strip()
        if not shorter:
            return None
        plain = shorter


def price_list_id(provider: str) -> str | None:
    """The id in the price list of the provider with this id; None when the price list does not have it."""
    known = PROVIDERS.get(provider)
    return provider if known is None else known.prices


@lru_cache(_CACHED)
def model_name(provider: str, name: str) -> str:
    """The normalized name of a model: case-folded, without a prefix that repeats the provider with this id.

    With the provider openai, `openai/gpt-4o` and `openai:gpt-4o` become `gpt-4o`. With openrouter, `openai/gpt-4o` stays.
    """
    plain, family = folded(name), _family(provider)
    while rest := _without_prefix(plain, family):
        plain = rest
    return plain


def _without_prefix(name: str, family: str) -> str | None:
    # The part before a colon may be a model: `phi:14b`. It counts as a prefix only if it is a known provider.
    for separator, id_of in (("/", provider_id), (":", known_provider)):
        prefix, _, rest = name.partition(separator)
        id_ = id_of(prefix) if rest.strip() else None
        if id_ is not None and _family(id_) == family:
            return rest.strip()
    return None


@lru_cache(_CACHED)
def makers(provider: str, model: str) -> frozenset[str]:
    """The ids of the vendors that made a model: those that its name contains, else those that operate the provider.

    A model may have two vendors: `nvidia/llama-guard` is a model of one that another trained further. A deployment named
    `chat-prod` at a provider without a vendor has none.
    """
    named = {maker for part in _PARTS.split(model) if (maker := _maker(part))}
    return frozenset(named or (each.id for each in VENDORS.values() if provider in each.providers))


def _maker(part: str) -> str | None:
    if vendor := _VENDOR_OF.get(alias_key(part)):
        return vendor
    found = _BEGINNINGS.search(part)
    return _VENDOR_OF_MODELS[found.group()] if found else None


def _family(provider: str) -> str:
    known = PROVIDERS.get(provider)
    return known.part_of if known is not None and known.part_of else provider


@dataclass(frozen=True, slots=True)
class ProviderNames:
    """The provider names of one user: the known providers and the user's own aliases."""

    own: Mapping[str, str]
    """The user's aliases: the provider id by `alias_key`."""

    def id(self, name: str) -> str:
        """The id of the provider with this name, as `provider_id`, with the user's aliases."""
        return known_provider(name) or (_found(name, self.own) if self.own else None) or folded(name)

    def key(self, provider: str, model: str) -> tuple[str, str]:
        """The provider id and the normalized model name."""
        id_ = self.id(provider) if self.own else provider_id(provider)
        name = model_name(id_, model)
        # If the provider is an alias of the user, a prefix of the model may be such an alias too.
        while "/" in name and self.own and known_provider(provider) is None:
            prefix, _, rest = name.partition("/")
            if not rest or self.own.get(alias_key(prefix)) != id_:
                break
            name = model_name(id_, rest)
        return id_, name

    def blocked_ids(self, name: str) -> frozenset[str]:
        """What a blocked name stands for: provider ids, or one group such as `vendor:anthropic`.

        The id of a provider includes its parts: `google` blocks Vertex AI too, the alias `gemini` does not.
        """
        plain = folded(name)
        if plain.startswith(VENDOR):
            vendor = alias_key(plain.removeprefix(VENDOR))
            return frozenset({VENDOR + _VENDOR_OF.get(vendor, vendor)})
        id_ = self.id(name)
        if alias_key(plain) != alias_key(id_):
            return frozenset({id_})
        return frozenset({id_, *(each.id for each in PROVIDERS.values() if each.part_of == id_)})


KNOWN_NAMES: Final = ProviderNames({})


def vendor_of_group(group: str) -> Vendor | None:
    """The vendor of a group such as `vendor:anthropic`; None when the vendor is unknown or the name is not a group."""
    plain = folded(group)
    return VENDORS.get(_VENDOR_OF.get(alias_key(plain.removeprefix(VENDOR)), "")) if plain.startswith(VENDOR) else None


class RegisterProviderAlias(Input):
    alias: Name
    provider: Name


def check_alias(alias: str, provider: str, names: ProviderNames) -> str:
    """The id of the provider that the alias stands for. Raises InvalidInput when the alias is not allowed."""
    id_ = names.id(provider)
    if folded(alias).startswith(VENDOR) or not any(each.isalnum() for each in alias):
        raise InvalidInput("alias: must contain a letter or a digit, and not begin with vendor:", ["alias"])
    if known := known_provider(alias):
        raise InvalidInput(f"alias: already a name of the provider {known}", ["alias"])
    if folded(provider).startswith(VENDOR):
        raise InvalidInput("provider: must be a provider, not a vendor group", ["provider"])
    if alias_key(alias) == alias_key(id_):
        raise InvalidInput("provider: must differ from the alias", ["provider"])
    return id_
