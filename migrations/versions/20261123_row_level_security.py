"""Roles, grants and row-level security, where the database has them: on PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_row_level_security"
down_revision = "20261123_first_tables"
branch_labels = None
depends_on = None

VIEWER_ROLE = "router_viewer"
SYSTEM_ROLE = "router_system"

# What a viewer may do with their own rows in each table; the ledger and maintenance may do all with all rows.
VIEWER_MAY = {
    "user_router_preferences": "SELECT, INSERT, UPDATE, DELETE",
    "router_ab_tests": "SELECT, INSERT, UPDATE, DELETE",
    "router_cost_alerts": "SELECT, INSERT, UPDATE, DELETE",
    "router_cost_alert_windows": "SELECT, INSERT, UPDATE, DELETE",
    "router_alert_events": "SELECT, INSERT, UPDATE, DELETE",
    "router_alert_sequences": "SELECT, INSERT, UPDATE",
    "router_analytics": "SELECT",
    "router_analytics_hourly": "SELECT",
    "router_latency_hourly": "SELECT",
    "router_event_keys": "",
}
# A policy holds for the members of its role too, and whoever connects is one: only those who took the role pass.
# Asked once for a statement, by the subquery, and not for each row; and the planner takes it that a CASE lets half of the
# rows through, where of an equation it would expect next to none, and plan for tables as good as empty.
AS_SYSTEM = f"CASE (SELECT current_user) WHEN '{SYSTEM_ROLE}' THEN true ELSE false END"
OWN_ROWS = "user_id = nullif(current_setting('app.user_id', true), '')::uuid"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    _make_roles(connection)
    op.execute(f"GRANT USAGE ON SCHEMA public TO {VIEWER_ROLE}, {SYSTEM_ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON router_retention TO {SYSTEM_ROLE}")
    for table, may in VIEWER_MAY.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM_ROLE}")
        op.execute(f"CREATE POLICY system ON {table} TO {SYSTEM_ROLE} USING ({AS_SYSTEM}) WITH CHECK ({AS_SYSTEM})")
        if may:
            op.execute(f"GRANT {may} ON {table} TO {VIEWER_ROLE}")
            op.execute(f"CREATE POLICY own_rows ON {table} TO {VIEWER_ROLE} USING ({OWN_ROWS}) WITH CHECK ({OWN_ROWS})")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"REVOKE ALL ON router_retention FROM {SYSTEM_ROLE}")
    for table in VIEWER_MAY:
        op.execute(f"DROP POLICY IF EXISTS own_rows ON {table}")
        op.execute(f"DROP POLICY system ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"REVOKE ALL ON {table} FROM {VIEWER_ROLE}, {SYSTEM_ROLE}")


def _make_roles(connection: sa.Connection) -> None:
    """Roles belong to the whole cluster: another database may have made them, even this moment."""
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('router roles', 0))"))
    me = connection.scalar(sa.text("SELECT quote_ident(current_user)"))
    for role in (VIEWER_ROLE, SYSTEM_ROLE):
        known = connection.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
        member = known and connection.scalar(sa.text("SELECT pg_has_role(:role, 'MEMBER')"), {"role": role})
        try:
            with connection.begin_nested():
                if not known:
                    op.execute(f"CREATE ROLE {role} NOLOGIN NOBYPASSRLS")
                if not member:
                    op.execute(f"GRANT {role} TO {me}")
        except sa.exc.DBAPIError as error:
            raise PermissionError(
                f"{me} may not make the roles that row-level security needs; let a superuser run: "
                f"CREATE ROLE {VIEWER_ROLE} NOLOGIN; CREATE ROLE {SYSTEM_ROLE} NOLOGIN; "
                f"GRANT {VIEWER_ROLE}, {SYSTEM_ROLE} TO {me};"
            ) from error
