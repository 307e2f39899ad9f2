"""The use cases behind mutations, called with a session and without GraphQL, as the command line calls them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.ab_test import CreateABTest, Variant
from domain.catalog import RegisterModel, UpdateModel
from domain.cost_alert import CreateCostAlert, UpdateCostAlert
from domain.error import Conflict, InvalidInput, NotFound
from domain.preference import SavePreferences
from domain.viewer import Viewer
from domain.window import AlertPeriod
from models.ab_test import ABTest
from models.cost_alert import CostAlert
from models.database import Database
from models.ledger.ab_test import delete_test, end_test, start_test
from models.ledger.catalog import delete_model, register_model, update_model
from models.ledger.cost_alert import acknowledge_alert, create_alert, delete_alert, update_alert
from models.ledger.preference import save_preferences
from models.ledger.routing_decision import release_decision
from models.queries.preference import preferences_of
from models.types import new_id

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
DAILY = CreateCostAlert(threshold_amount=Decimal(10), period=AlertPeriod.DAILY)
MODEL = RegisterModel(provider="acme", model="one", local=True)


def comparison(task_type: str) -> CreateABTest:
    variants = {name: {"provider": "acme", "model": name} for name in ("variantA", "variantB")}
    return CreateABTest.checked({"testName": "Which", "taskType": task_type, **variants})


async def test_a_cost_alert_is_created_changed_and_deleted(database: Database, viewer: Viewer) -> None:
    user_id = viewer.id
    async with database.viewer(viewer, write=True) as session:
        alert = await create_alert(session, user_id, DAILY, NOW)
        assert (alert.alert_type, alert.spending.threshold) == ("daily_spend", Decimal(10))
        changes = UpdateCostAlert(threshold_amount=Decimal(20))
        changed = await update_alert(session, user_id, alert.id, changes, LATER)
        assert (changed.spending.threshold, changed.config_version, changed.updated_at) == (Decimal(20), 2, LATER)
        with pytest.raises(Conflict, match="no alert event that waits"):
            await acknowledge_alert(session, user_id, alert.id, LATER)
        await delete_alert(session, user_id, alert.id)
        with pytest.raises(NotFound, match="one of your alerts"):
            await delete_alert(session, user_id, alert.id)


async def test_saved_preferences_keep_their_daily_alert(database: Database, viewer: Viewer) -> None:
    user_id = viewer.id
    async with database.viewer(viewer, write=True) as session:
        await save_preferences(session, user_id, SavePreferences(cost_alert_threshold=Decimal(5)), NOW)
        alert = (await session.scalars(select(CostAlert).where(CostAlert.user_id == user_id))).one()
        assert (alert.from_preferences, alert.active, alert.threshold_amount) == (True, True, Decimal(5))
        with pytest.raises(InvalidInput) as raised:
            await update_alert(session, user_id, alert.id, UpdateCostAlert(active=False), NOW)
        assert raised.value.path == ["input", "active"]
        with pytest.raises(Conflict, match="belongs to the preferences"):
            await delete_alert(session, user_id, alert.id)
        await save_preferences(session, user_id, SavePreferences(cost_alert_threshold=None), LATER)
        assert not alert.active


async def test_a_test_is_started_ended_and_deleted(database: Database, viewer: Viewer) -> None:
    user_id = viewer.id
    async with database.viewer(viewer, write=True) as session:
        test = await start_test(session, user_id, comparison("chat"), NOW)
        for path, whole in (((), ["taskType"]), (("input",), ["input", "taskType"])):
            with pytest.raises(Conflict) as raised:
                await start_test(session, user_id, comparison("chat"), NOW, path)
            assert raised.value.path == whole
        with pytest.raises(Conflict, match="end it first"):
            await delete_test(session, user_id, test.id)
        ended = await end_test(session, user_id, test.id, Variant.A, LATER)
        assert (ended.active, ended.ended_at, ended.winner) == (False, LATER, Variant.A)
        preferences = await preferences_of(session, user_id)
        assert preferences is not None
        assert [rule["name"] for rule in preferences.custom_rules] == ["Winner of Which"]
        with pytest.raises(Conflict, match="ended with winner A already"):
            await end_test(session, user_id, test.id, Variant.B, LATER)
        await delete_test(session, user_id, test.id)
        with pytest.raises(NotFound, match="one of your tests"):
            await end_test(session, user_id, test.id, None, LATER)


async def test_a_model_is_registered_changed_and_deleted(database: Database, viewer: Viewer) -> None:
    user_id = viewer.id
    async with database.viewer(viewer, write=True) as session:
        model = await register_model(session, user_id, MODEL, NOW)
        with pytest.raises(Conflict) as raised:
            await register_model(session, user_id, MODEL, NOW)
        assert raised.value.path == ["input", "model"]
        changed = await update_model(session, user_id, model.id, UpdateModel(context_window=4096), LATER)
        assert (changed.context_window, changed.local, changed.updated_at) == (4096, True, LATER)
        await delete_model(session, user_id, model.id)
        with pytest.raises(NotFound, match="one of your models"):
            await update_model(session, user_id, model.id, UpdateModel(), LATER)


@pytest.mark.parametrize("decision_id", [UUID(int=0), new_id()])
async def test_a_routing_decision_that_does_not_exist_is_not_released(
    database: Database, viewer: Viewer, decision_id: UUID
) -> None:
    async with database.viewer(viewer, write=True) as session:
        with pytest.raises(NotFound, match="one of your decisions"):
            await release_decision(session, viewer.id, decision_id, NOW)


async def test_use_cases_of_one_transaction_are_undone_together(database: Database, viewer: Viewer) -> None:
    with pytest.raises(Conflict):
        async with database.viewer(viewer, write=True) as session:
            await create_alert(session, viewer.id, DAILY, NOW)
            await save_preferences(session, viewer.id, SavePreferences(max_latency_ms=700), NOW)
            await start_test(session, viewer.id, comparison("chat"), NOW)
            await start_test(session, viewer.id, comparison("chat"), NOW)
    async with database.viewer(viewer) as session:
        for table in (CostAlert, ABTest):
            assert (await session.scalars(select(table).where(table.user_id == viewer.id))).all() == []
        assert await preferences_of(session, viewer.id) is None
