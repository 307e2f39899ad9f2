"""Names of providers and models: the many that emitters send, and the one of each that everything compares.

`providers.toml` lists the providers with their aliases. A provider's id is the one of the price list where it has one.
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
"""What the name of a group begins with, in a block: `vendor:anthropic` is every model that Anthropic makes."""

MAX_ALIASES: Final = 200
"""That a user may register: the ledger reads them with each commit that has an unknown name."""

MAX_PROVIDERS: Final = 1_000
"""That are listed of a user's calls and the known ones: those that are called most."""

_CACHED: Final = 8_192
# What emitters write after the provider: an API (`openai.chat` of the Vercel AI SDK, `cohere_chat` of LiteLLM), or which
# of its models are meant (`vertex_ai-anthropic_models` of LiteLLM).
_API: Final = re.compile(
    r"[\s._/:-](?:chat|responses|completions?|messages|text[._-]?embeddings?|embeddings?|images?|speech|speech-translation"
    r"|transcription|rerank|reranking|video|realtime|files|skills|interactions|language|language-model"
    r"|[a-z0-9]+[_-]models)$"
)
# What parts a model's name: `anthropic/claude-3`, `us.anthropic.claude-3`, `ft:gpt-4o:org`; not the point of `gpt-4.1`.
_PARTS: Final = re.compile(r"[/:@~]|(?<!\d)\.|\.(?!\d)")


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that this server knows by name."""

    id: str
    name: str
    prices: str | None
    """Its id in the price list; None where the list has none."""
    part_of: str | None
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vendor:
    """Who makes models, wherever they are served."""

    id: str
    name: str
    providers: frozenset[str]
    names: tuple[str, ...]
    words: tuple[str, ...]
    models: tuple[str, ...]

    def makes(self, provider: str, model: str) -> bool:
        """Whether a model of this provider (ids and names as `provider_id` and `model_name` return them) is its own."""
        return self.id in makers(provider, model)


def _provider(id_: str, each: Mapping[str, Any]) -> Provider:
    prices = each.get("prices", id_)
    return Provider(id_, each["name"], prices or None, each.get("part_of"), tuple(each.get("aliases", ())))


def _vendor(id_: str, each: Mapping[str, Any]) -> Vendor:
    names, words, models = (tuple(each.get(key, ())) for key in ("names", "words", "models"))
    return Vendor(id_, each["name"], frozenset(each.get("providers", ())), names, words, models)


def folded(text: str) -> str:
    """The text as names are compared: without case, in one form of Unicode, at most as long as a name may be."""
    for _ in range(4):  # case folding and normalization may each undo a little of the other
        made = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()[:MAX_NAME_LENGTH]
        if made == text:
            break
        text = made
    return text


@lru_cache(_CACHED)
def alias_key(name: str) -> str:
    """What is equal for two spellings of a provider's name: case and separators do not count."""
    key = folded(name)
    # Marks are parts of letters: without them, names in Devanagari would be one that are not.
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
    """What the names of a vendor's models begin with: the longest one at the first place that has any."""
    words = {word for each in VENDORS.values() for word in each.words}
    return re.compile(
        "|".join(
            ("(?<![^\\W_])" if start in words else "^")
            + re.escape(start)
            # `gpt4` is a gpt and `gpts` is none; `o1-mini` is an o1 and `o12` is none.
            + ("(?![^\\W_])" if start[-1].isdigit() else "(?![^\\W\\d_])")
            for start in sorted(_VENDOR_OF_MODELS, key=len, reverse=True)
        )
    )


_BEGINNINGS: Final = _beginnings()


@lru_cache(_CACHED)
def provider_id(name: str) -> str:
    """The id of the provider of this name; for one that is not known, the name itself without case."""
    return known_provider(name) or folded(name)


@lru_cache(_CACHED)
def known_provider(name: str) -> str | None:
    """The id of the provider of this name; None for one that is not known."""
    return _found(name, {})


def _found(name: str, own: Mapping[str, str]) -> str | None:
    """The id of the provider of this name, in the table or among these aliases.

    What an emitter writes behind a name is left out where the name alone is known: an API, or a region (`azure/eastus`).
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
    """What the price list calls the provider with this id; None where that is not known."""
    known = PROVIDERS.get(provider)
    return provider if known is None else known.prices


@lru_cache(_CACHED)
def model_name(provider: str, name: str) -> str:
    """The name of a model of the provider with this id: without case, and without a prefix that repeats the provider.

    `openai/gpt-4o` and `openai:gpt-4o` of openai are `gpt-4o`; of openrouter it stays `openai/gpt-4o`.
    """
    plain, family = folded(name), _family(provider)
    while rest := _without_prefix(plain, family):
        plain = rest
    return plain


def _without_prefix(name: str, family: str) -> str | None:
    # Of a provider that is not known, `phi:14b` may be a size of phi.
    for separator, id_of in (("/", provider_id), (":", known_provider)):
        prefix, _, rest = name.partition(separator)
        id_ = id_of(prefix) if rest.strip() else None
        if id_ is not None and _family(id_) == family:
            return rest.strip()
    return None


@lru_cache(_CACHED)
def makers(provider: str, model: str) -> frozenset[str]:
    """The ids of the vendors that made a model of this provider: as its name says, else whose provider it is.

    Two made `nvidia/llama-guard`: one trained what the other had made. None is known of a deployment named `chat-prod`.
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
    """The names of providers as one user has them: those that everybody has, and aliases of the user's own."""

    own: Mapping[str, str]
    """The id of a provider by `alias_key`."""

    def id(self, name: str) -> str:
        """As `provider_id`, for this user."""
        return known_provider(name) or (_found(name, self.own) if self.own else None) or folded(name)

    def key(self, provider: str, model: str) -> tuple[str, str]:
        """The id of the provider, and the name of the model."""
        id_ = self.id(provider) if self.own else provider_id(provider)
        name = model_name(id_, model)
        # Of an alias of the user's own, a prefix may repeat the provider by such a name too.
        while "/" in name and self.own and known_provider(provider) is None:
            prefix, _, rest = name.partition("/")
            if not rest or self.own.get(alias_key(prefix)) != id_:
                break
            name = model_name(id_, rest)
        return id_, name

    def blocked_ids(self, name: str) -> frozenset[str]:
        """What a block of this name blocks: ids of providers, or one group such as `vendor:anthropic`.

        The id of a provider blocks the parts of it too: `google` blocks Vertex AI, and `gemini` does not.
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
    """The vendor of a group such as `vendor:anthropic`; None where there is none of this name, or it is no group."""
    plain = folded(group)
    return VENDORS.get(_VENDOR_OF.get(alias_key(plain.removeprefix(VENDOR)), "")) if plain.startswith(VENDOR) else None


class RegisterProviderAlias(Input):
    alias: Name
    provider: Name


def check_alias(alias: str, provider: str, names: ProviderNames) -> str:
    """The id of the provider that the alias is to mean. Raises InvalidInput when it cannot be an alias of it."""
    id_ = names.id(provider)
    if folded(alias).startswith(VENDOR) or not any(each.isalnum() for each in alias):
        raise InvalidInput("alias: must hold a letter or a digit, and not begin with vendor:", ["alias"])
    if known := known_provider(alias):
        raise InvalidInput(f"alias: is a name of {known} already", ["alias"])
    if folded(provider).startswith(VENDOR):
        raise InvalidInput("provider: must be a provider, not a group", ["provider"])
    if alias_key(alias) == alias_key(id_):
        raise InvalidInput("provider: must be another provider than the alias", ["provider"])
    return id_
