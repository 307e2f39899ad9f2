"""Bulk inserts: the driver matches columns by position, so models and tables must list them in one order."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from models.base import Base
from models.database import Database


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
async def test_a_table_has_its_columns_in_the_order_of_its_model(database: Database, table: str) -> None:
    if database.url.get_backend_name() == "sqlite":
        columns = f"SELECT name FROM pragma_table_info('{table}') ORDER BY cid"
    else:
        columns = (
            f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 "
            "AND NOT attisdropped ORDER BY attnum"
        )
    async with database.system() as transaction:
        stored = list(await transaction.connection.scalars(text(columns)))
    assert stored == [column.name for column in Base.metadata.tables[table].columns]
