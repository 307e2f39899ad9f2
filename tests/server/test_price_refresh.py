from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import genai_prices
import httpx2
import pytest
from genai_prices import UpdatePrices, data_snapshot
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider

from models.types import new_id
from server.app import create_app
from server.settings import Settings
from server.token import make_token
from tests.conftest import Clock
from tests.support.api import Api

LISTED = "{ modelCatalog { nodes { id inputPrice } } }"


@pytest.fixture(autouse=True)
def _restore_price_list() -> Iterator[None]:
    yield
    data_snapshot.set_custom_snapshot(None)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[UpdatePrices]:
    """Replace the fetch of the newest price list with one that returns one model. Returns the list of fetches."""
    asked = []
    model = ModelInfo(id="m", match=ClauseEquals("m"), prices=ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2)))

    def fetch(updater: UpdatePrices) -> DataSnapshot:
        asked.append(updater)
        return DataSnapshot([Provider(id="new", name="New", api_pattern="", models=[model])], from_auto_update=True)

    monkeypatch.setattr(UpdatePrices, "fetch", fetch)
    return asked


async def catalogue(settings: Settings, clock: Clock) -> list[dict[str, str]]:
    """The catalogue of a server that has been running long enough to fetch new prices."""
    app = create_app(settings, clock)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://router") as client,
    ):
        await genai_prices.wait_prices_updated_async(10)
        api = Api(client, make_token(settings, new_id(), timedelta(hours=1)))
        nodes: list[dict[str, str]] = (await api.ask(LISTED))["nodes"]
        return nodes


async def test_prices_are_refreshed_while_the_server_runs_if_enabled(
    settings: Settings, clock: Clock, fetched: list[UpdatePrices]
) -> None:
    refreshing = settings.model_copy(update={"refresh_prices": True})
    assert await catalogue(refreshing, clock) == [{"id": "new:m", "inputPrice": "1"}]
    assert len(fetched) == 1


async def test_nothing_is_fetched_unless_enabled(settings: Settings, clock: Clock, fetched: list[UpdatePrices]) -> None:
    assert len(await catalogue(settings, clock)) == 50
    assert fetched == []
