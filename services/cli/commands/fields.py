"""Commands and their audit records as documents, from the rows of the store and from the answers of the API."""

from collections.abc import Mapping
from typing import Any

from services.cli.documents.commands import Command, CommandRecord
from services.cli.documents.stored import read_json
from shared.store.rows.audit import AuditRow


def command_document(row: Mapping[str, Any]) -> Command:
    """Return a command, given its columns by name with the result decoded where it is JSON."""
    payload, payload_text = read_json(row["payload_json"])
    # Every result of ours is an object, so that a text is what plain SQL wrote.
    result, result_text = (
        (None, row["result_json"]) if isinstance(row["result_json"], str) else (row["result_json"], None)
    )
    return {
        "id": row["id"],
        "created_time": row["created_ts_utc"],
        "actor": row["actor"],
        "type": row["type"],
        "payload": payload,
        "payload_text": payload_text,
        "status": row["status"],
        "idempotency_key": row["idempotency_key"],
        "result": result,
        "result_text": result_text,
        "expires_time": row["expires_ts_utc"],
        "claimed_by": row["claimed_by"],
        "started_time": row["started_ts_utc"],
        "finished_time": row["finished_ts_utc"],
    }


def record_document(record: AuditRow) -> CommandRecord:
    """Return an audit record of a command."""
    detail, detail_text = read_json(record.detail_json)
    return {
        "id": record.id,
        "time": record.ts_utc,
        "actor": record.actor,
        "action": record.action,
        "detail": detail,
        "detail_text": detail_text,
    }
