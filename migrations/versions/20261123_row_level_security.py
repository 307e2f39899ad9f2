"""Creates roles and grants and enables row-level security, on PostgreSQL only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.protection import SYSTEM_ROLE, VIEWER_ROLE, protect

revision = "20261123_row_level_security"
down_revision = "20261123_first_tables"
branch_labels = None
depends_on = None

# The privileges of a viewer on their own rows of each table. The ledger and maintenance have all privileges on all rows.
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


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    _make_roles(connection)
    op.execute(f"GRANT USAGE ON SCHEMA public TO {VIEWER_ROLE}, {SYSTEM_ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON router_retention TO {SYSTEM_ROLE}")
    protect(VIEWER_MAY)


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
    """Roles belong to the whole cluster: a migration of another database may create them at the same time."""
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
                f"{me} may not create the roles that row-level security needs; let a superuser run: "
                f"CREATE ROLE {VIEWER_ROLE} NOLOGIN; CREATE ROLE {SYSTEM_ROLE} NOLOGIN; "
                f"GRANT {VIEWER_ROLE}, {SYSTEM_ROLE} TO {me};"
            ) from error
