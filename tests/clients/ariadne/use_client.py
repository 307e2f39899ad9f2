"""Creates an alert, makes it fire and receives the alert event, with the client that ariadne-codegen generated next to this file."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from decimal import Decimal

from router_client import (  # type: ignore[import-not-found]
    AlertPeriod,
    AlertState,
    Client,
    CreateCostAlertInput,
    LogAnalyticsInput,
)


async def main() -> None:
    url = f"{os.environ['ROUTER_URL']}/graphql"
    authorization = {"Authorization": f"Bearer {os.environ['ROUTER_TOKEN']}"}
    async with Client(
        url, headers=authorization, ws_url=url.replace("http", "ws", 1), ws_connection_init_payload=authorization
    ) as client:
        # an expected error is a value, like a success
        rejected = (
            await client.create_alert(CreateCostAlertInput(threshold_amount=Decimal(-1), period=AlertPeriod.DAILY))
        ).create_cost_alert
        assert (rejected.typename__, rejected.path) == ("InvalidInput", ["input", "thresholdAmount"])
        await client.create_alert(CreateCostAlertInput(threshold_amount=Decimal("0.5"), period=AlertPeriod.DAILY))

        # amounts are exact in both directions
        page = (await client.alerts(first=1)).cost_alerts
        assert [alert.threshold_amount for alert in page.nodes] == [Decimal("0.5")]
        assert isinstance(page.nodes[0].created_at, datetime)
        assert not page.page_info.has_next_page

        # a logged call is pushed
        listening = client.alert_triggered(after="")
        call = LogAnalyticsInput(
            provider="openai", model_used="gpt-4o", task_type="chat", success=True, cost=Decimal("0.6"), input_tokens=7
        )
        logged = (await client.log(call)).log_analytics
        assert (logged.record.cost, logged.record.input_tokens) == (Decimal("0.6"), 7)
        event = (await anext(listening)).alert_triggered
        assert (event.level, event.amount) == (AlertState.TRIGGERED, Decimal("0.6"))
        await listening.aclose()


asyncio.run(main())
