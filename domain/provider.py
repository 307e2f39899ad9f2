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

_CACHED: Final = 8_192
_SEPARATORS: Final = re.compile(r"[\W_]+")
# What the Vercel AI SDK writes after the provider: `openai.chat`, `anthropic.messages`.
_API: Final = re.compile(
    r"\.(chat|responses|completions?|messages|embeddings?|text-?embedding|image|images|speech|transcription|reranking"
    r"|rerank|generative-ai|language-model|video)$"
)


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
    providers: frozenset[str]
    models: tuple[str, ...]

    def makes(self, provider: str, model: str) -> bool:
        """Whether a model of this provider (ids and names as `provider_id` and `model_name` return them) is its own."""
        if provider in self.providers:
            return True
        parts = re.split(r"[/.:@~]", model)
        return any(part.startswith(self.models) or provider_id(part) in self.providers for part in parts if part)


def _provider(id_: str, each: Mapping[str, Any]) -> Provider:
    prices = each.get("prices", id_)
    return Provider(id_, each["name"], prices or None, each.get("part_of"), tuple(each.get("aliases", ())))


def folded(text: str) -> str:
    """The text as names are compared: without case, in one form of Unicode, at most as long as a name may be."""
    for _ in range(4):  # case folding and normalization may each undo a little of the other
        made = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()[:MAX_NAME_LENGTH]
        if made == text:
            break
        text = made
    return text


def alias_key(name: str) -> str:
    """What is equal for two spellings of a provider's name: case and separators do not count."""
    key = folded(name)
    return _SEPARATORS.sub("", key) or key


_FILE: Final = tomllib.loads(Path(__file__).with_name("providers.toml").read_text(encoding="utf-8"))
PROVIDERS: Final = {id_: _provider(id_, each) for id_, each in _FILE["provider"].items()}
VENDORS: Final = {
    id_: Vendor(id_, frozenset(each["providers"]), tuple(each.get("models", ())))
    for id_, each in _FILE["vendor"].items()
}
_ID_OF: Final = {
    alias_key(name): each.id for each in PROVIDERS.values() for name in (*each.aliases, each.name, each.id)
}


@lru_cache(_CACHED)
def provider_id(name: str) -> str:
    """The id of the provider of this name; for one that is not known, the name itself without case."""
    return known_provider(name) or folded(name)


def known_provider(name: str) -> str | None:
    """The id of the provider of this name; None for one that is not known."""
    plain = folded(name)
    if found := _ID_OF.get(alias_key(plain)):
        return found
    without_api = _API.sub("", plain)
    return None if without_api == plain else _ID_OF.get(alias_key(without_api))


def price_list_id(provider: str) -> str | None:
    """What the price list calls the provider with this id; None where that is not known."""
    known = PROVIDERS.get(provider)
    return provider if known is None else known.prices


@lru_cache(_CACHED)
def model_name(provider: str, name: str) -> str:
    """The name of a model of the provider with this id: without case, and without a prefix that repeats the provider.

    `openai/gpt-4o` of openai is `gpt-4o`; of openrouter it stays `openai/gpt-4o`.
    """
    plain, family = folded(name), _family(provider)
    while "/" in plain:
        prefix, _, rest = plain.partition("/")
        if not rest.strip() or _family(provider_id(prefix)) != family:
            break
        plain = rest.strip()
    return plain


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
        return known_provider(name) or self.own.get(alias_key(name)) or folded(name)

    def key(self, provider: str, model: str) -> tuple[str, str]:
        """The id of the provider, and the name of the model."""
        id_ = self.id(provider) if self.own else provider_id(provider)
        return id_, model_name(id_, model)

    def blocked_ids(self, name: str) -> frozenset[str]:
        """What a block of this name blocks: ids of providers, or one group such as `vendor:anthropic`.

        The id of a provider blocks the parts of it too: `google` blocks Vertex AI, and `gemini` does not.
        """
        plain = folded(name)
        if plain.startswith(VENDOR):
            return frozenset({VENDOR + alias_key(plain.removeprefix(VENDOR))})
        id_ = self.id(name)
        if alias_key(plain) != alias_key(id_):
            return frozenset({id_})
        return frozenset({id_, *(each.id for each in PROVIDERS.values() if each.part_of == id_)})


KNOWN_NAMES: Final = ProviderNames({})


def vendor_of_group(group: str) -> Vendor | None:
    """The vendor of a group such as `vendor:anthropic`; None where there is none of this name."""
    return VENDORS.get(alias_key(folded(group).removeprefix(VENDOR)))


class RegisterProviderAlias(Input):
    alias: Name
    provider: Name


def check_alias(alias: str, provider: str, names: ProviderNames) -> str:
    """The id of the provider that the alias is to mean. Raises InvalidInput when it cannot be an alias of it."""
    id_ = names.id(provider)
    if folded(alias).startswith(VENDOR) or not _SEPARATORS.sub("", folded(alias)):
        raise InvalidInput("alias: must hold a letter or a digit, and not begin with vendor:", ["alias"])
    if known := known_provider(alias):
        raise InvalidInput(f"alias: is a name of {known} already", ["alias"])
    if folded(provider).startswith(VENDOR):
        raise InvalidInput("provider: must be a provider, not a group", ["provider"])
    if alias_key(alias) == alias_key(id_):
        raise InvalidInput("provider: must be another provider than the alias", ["provider"])
    return id_
