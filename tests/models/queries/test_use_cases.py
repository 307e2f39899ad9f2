"""What queries return, called as the command line or another use case calls them: with a session, without GraphQL."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.catalog import RegisterModel
from domain.cost_alert import AlertState, CreateCostAlert
from domain.error import InvalidInput
from domain.summary import SummaryRequest
from domain.viewer import Viewer
from domain.window import AlertPeriod
from models.database import Database
from models.database.compute import Compute
from models.ledger.catalog import register_model
from models.ledger.cost_alert import create_alert
from models.queries.catalog import catalog_page
from models.queries.cost_alert import alert_events_page, alerts_page
from models.queries.opportunity import history_of, hours_of
from models.queries.provider import providers_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def test_the_catalog_lists_registered_models_first(database: Database, viewer: Viewer) -> None:
    async with database.viewer(viewer, write=True) as session:
        await register_model(session, viewer.id, RegisterModel(provider="openai", model="gpt-4o", local=True), NOW)
        page = await catalog_page(session, viewer.id, NOW, provider="openai", search="GPT-4O", first=2, after=None)
        following = await catalog_page(
            session, viewer.id, NOW, provider="openai", search="GPT-4O", first=2, after=page.page_info.end_cursor
        )

    assert [(model.own, model.model) for model in page.nodes][:1] == [(True, "gpt-4o")]
    assert (page.nodes[1].own, page.has_next, page.has_previous) == (False, True, False)
    # The listed model of the same name appears once.
    assert "gpt-4o" not in {model.model for model in [page.nodes[1], *following.nodes]}
    async with database.viewer(viewer) as session:
        with pytest.raises(InvalidInput, match="search: must be at most 200 characters"):
            await catalog_page(session, viewer.id, NOW, provider=None, search="x" * 201, first=2, after=None)


async def test_alerts_are_listed_by_state(database: Database, viewer: Viewer) -> None:
    async with database.viewer(viewer, write=True) as session:
        daily = CreateCostAlert(threshold_amount=Decimal(10), period=AlertPeriod.DAILY)
        alert = await create_alert(session, viewer.id, daily, NOW)
        lists = {
            state: await alerts_page(session, viewer.id, NOW, active=True, state=state, first=None, after=None)
            for state in AlertState
        }
        events = await alert_events_page(
            session, viewer.id, NOW, alert_id=alert.id, acknowledged=False, first=None, after=None
        )

    assert {state: [each.id for each in page.nodes] for state, page in lists.items()} == {
        AlertState.ACTIVE: [alert.id],
        AlertState.NEAR_LIMIT: [],
        AlertState.TRIGGERED: [],
    }
    assert lists[AlertState.ACTIVE].nodes[0].spending.remaining == Decimal(10)
    assert events.nodes == []


async def test_without_calls_there_are_known_providers_and_no_opportunities(database: Database, viewer: Viewer) -> None:
    compute, request = Compute(), SummaryRequest()
    hours = await hours_of(compute, viewer.id, request, NOW)
    async with database.viewer(viewer) as session:
        providers = await providers_of(session, viewer.id)
        history = await history_of(session, compute, viewer.id, request, hours, NOW)

    assert {each.calls for each in providers} == {0}
    assert "openai" in {each.id for each in providers}
    assert (len(hours), history.rules, history.alerts, history.opportunities()) == (30 * 24, None, [], [])
    with pytest.raises(InvalidInput, match=r"filter\.success: must be left out"):
        await hours_of(compute, viewer.id, SummaryRequest.checked({"filter": {"success": True}}, ()), NOW)
