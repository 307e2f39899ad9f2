"""Row-level security for tables that users own, where the database has it: on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping

from alembic import op

VIEWER_ROLE = "router_viewer"
SYSTEM_ROLE = "router_system"

# A policy holds for the members of its role too, and whoever connects is one: only those who took the role pass.
# Asked once for a statement, by the subquery, and not for each row; and the planner takes it that a CASE lets half of the
# rows through, where of an equation it would expect next to none, and plan for tables as good as empty.
_AS_SYSTEM = f"CASE (SELECT current_user) WHEN '{SYSTEM_ROLE}' THEN true ELSE false END"
_OWN_ROWS = "user_id = nullif(current_setting('app.user_id', true), '')::uuid"


def protect(viewer_may: Mapping[str, str]) -> None:
    """Let viewers do with their own rows of each table what is said, and the ledger and maintenance all with all rows."""
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
