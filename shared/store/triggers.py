"""Triggers that keep history as it was: the audit log only grows, and a closed trade never changes.

On SQLite, `INSERT OR REPLACE` deletes without firing a delete trigger, so replacing is refused by an insert trigger.
"""

from typing import Final

from sqlalchemy import Connection, MetaData, event

# The first schema creates these; a later one that changes them brings statements of its own.
SQLITE_TRIGGERS: Final = (
    """CREATE TRIGGER audit_log_refuses_update BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END""",
    """CREATE TRIGGER audit_log_refuses_delete BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END""",
    """CREATE TRIGGER audit_log_refuses_replace BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END""",
    """CREATE TRIGGER trades_refuses_update BEFORE UPDATE ON trades WHEN OLD.status = 'CLOSED'
BEGIN SELECT RAISE(ABORT, 'a closed trade cannot be changed'); END""",
    """CREATE TRIGGER trades_refuses_delete BEFORE DELETE ON trades WHEN OLD.status = 'CLOSED'
BEGIN SELECT RAISE(ABORT, 'a closed trade cannot be changed'); END""",
    """CREATE TRIGGER trades_refuses_replace BEFORE INSERT ON trades
WHEN EXISTS (SELECT 1 FROM trades WHERE status = 'CLOSED' AND (id = NEW.id OR number = NEW.number))
BEGIN SELECT RAISE(ABORT, 'a closed trade cannot be changed'); END""",
)

POSTGRESQL_TRIGGERS: Final = (
    """CREATE FUNCTION refuse_audit_log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER audit_log_refuses_change BEFORE UPDATE OR DELETE ON audit_log
FOR EACH ROW EXECUTE FUNCTION refuse_audit_log_change()""",
    """CREATE TRIGGER audit_log_refuses_truncate BEFORE TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_log_change()""",
    """CREATE FUNCTION refuse_closed_trade_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a closed trade cannot be changed' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER trades_refuses_change BEFORE UPDATE OR DELETE ON trades
FOR EACH ROW WHEN (OLD.status = 'CLOSED') EXECUTE FUNCTION refuse_closed_trade_change()""",
    """CREATE TRIGGER trades_refuses_truncate BEFORE TRUNCATE ON trades
FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_trade_change()""",
)


def attach_triggers(metadata: MetaData) -> None:
    """Have the triggers created after the tables of a metadata."""
    event.listen(metadata, "after_create", _create_triggers)


def _create_triggers(_metadata: MetaData, connection: Connection, **_options: object) -> None:
    for statement in SQLITE_TRIGGERS if connection.dialect.name == "sqlite" else POSTGRESQL_TRIGGERS:
        connection.exec_driver_sql(statement)
