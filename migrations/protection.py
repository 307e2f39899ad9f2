"""Row-level security for the tables with a user id, on PostgreSQL only."""

from __future__ import annotations

from collections.abc import Mapping

from alembic import op

VIEWER_ROLE = "router_viewer"
SYSTEM_ROLE = "router_system"

# A policy also applies to members of its role, and the connecting user is a member: check that the role was set.
# The subquery is evaluated once per statement. The planner estimates that a CASE selects half of the rows; for a comparison
# it would estimate almost none, and plan as for empty tables.
_AS_SYSTEM = f"CASE (SELECT current_user) WHEN '{SYSTEM_ROLE}' THEN true ELSE false END"
_OWN_ROWS = "user_id = nullif(current_setting('app.user_id', true), '')::uuid"


def protect(viewer_may: Mapping[str, str]) -> None:
    """Enable row-level security on these tables.

    Viewers get the privileges in `viewer_may` on their own rows. The system role, which the ledger and maintenance use, gets
    all privileges on all rows.
    """
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, may in viewer_may.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM_ROLE}")
        op.execute(f"CREATE POLICY system ON {table} TO {SYSTEM_ROLE} USING ({_AS_SYSTEM}) WITH CHECK ({_AS_SYSTEM})")
        if may:
            op.execute(f"GRANT {may} ON {table} TO {VIEWER_ROLE}")
            op.execute(
                f"CREATE POLICY own_rows ON {table} TO {VIEWER_ROLE} USING ({_OWN_ROWS}) WITH CHECK ({_OWN_ROWS})"
            )
