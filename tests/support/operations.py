"""Executes operations of the product's schema without a server."""

from __future__ import annotations

from models.database.compute import Compute
from schema import schema
from schema.size import SIZES
from server.graphql.app import start_queue
from server.graphql.operation import Operations


def operations(*, introspection: bool = True, time_limit_s: float = 1, stock_executor: bool = False) -> Operations:
    return Operations(
        schema._schema,
        SIZES,
        begin=start_queue().turn,
        offload=Compute().offload,
        introspection=introspection,
        time_limit_s=time_limit_s,
        stock_executor=stock_executor,
    )
