"""Reading the providers of a user, with their aliases and numbers of calls."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.provider import MAX_PROVIDERS, PROVIDERS, KnownProvider
from models.provider_alias import ProviderAlias
from models.queries.provider_alias import aliases_of
from models.rollup import AnalyticsDaily


async def providers_of(session: AsyncSession, user_id: UUID) -> list[KnownProvider]:
    """All known providers and those that the user called or registered an alias for; most calls first, then by id.

    At most MAX_PROVIDERS.
    """
    calls = await _calls_by_provider(session, user_id)
    own = await aliases_of(session, user_id)
    ids = [*PROVIDERS, *sorted({*calls, *(alias.provider for alias in own)} - PROVIDERS.keys())]
    by_calls = sorted((_provider(id_, own, calls.get(id_, 0)) for id_ in ids), key=lambda each: (-each.calls, each.id))
    return by_calls[:MAX_PROVIDERS]


def _provider(id_: str, own: list[ProviderAlias], calls: int) -> KnownProvider:
    known = PROVIDERS.get(id_)
    aliases = [*(known.aliases if known else ()), *(alias.alias for alias in own if alias.provider == id_)]
    return KnownProvider(id_, known.name if known else id_, aliases, calls)


async def _calls_by_provider(session: AsyncSession, user_id: UUID) -> dict[str, int]:
    row = AnalyticsDaily
    counted = await session.execute(
        select(row.provider, func.sum(row.calls)).where(row.user_id == user_id).group_by(row.provider)
    )
    return {provider: int(count) for provider, count in counted}
