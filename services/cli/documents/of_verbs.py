"""Which document each verb writes with `--json`, and its JSON Schema."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from services.cli.documents import (
    access,
    account,
    backtest,
    candles,
    commands,
    faults,
    market,
    operations,
    proof,
    upkeep,
)

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# An event has a name for each thing that is known of it, which differ by its type.
_OPEN: Final = frozenset({market.Event.__name__})

DOCUMENTS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "paper": account.Paper,
        "up": market.Event,
        "backtest": backtest.Backtest,
        "status": account.Status,
        "trades": list[account.Trade],
        "trades show": account.WholeTrade,
        "positions": list[account.Position],
        "gates": list[market.JudgedCandle],
        "why": market.Why,
        **dict.fromkeys(("pause", "resume", "close", "kill", "commands send"), commands.SentCommand),
        "commands list": list[commands.Command],
        "commands show": commands.TrailedCommand,
        "parity": proof.Parity,
        "audit tail": list[proof.AuditRecord],
        "audit verify": proof.AuditVerdict,
        "audit keys": proof.AnchorKey,
        "doctor": operations.Examination,
        **dict.fromkeys(
            (
                "users add",
                "users passwd",
                "users role",
                "users disable",
                "users enable",
                "users unlock",
                "users forget-second-factor",
            ),
            access.ChangedUser,
        ),
        "users second-factor": access.SecondFactor,
        "users list": list[access.User],
        "tokens add": access.MadeToken,
        "tokens list": list[access.Token],
        "tokens revoke": access.RevokedToken,
        "db upgrade": operations.UpgradedSchema,
        "db check": operations.SchemaFound,
        "db accept-restore": operations.AcceptedRestore,
        "db backup": upkeep.Backup,
        "db restore": upkeep.Restored,
        "db prune": upkeep.Prune,
        "db size": upkeep.Size,
        "config show": operations.SettingsInForce,
        "config check": operations.CheckedSettings,
        "bus declare": operations.DeclaredQueues,
        "bus check": operations.CheckedBroker,
        "dlq list": list[operations.DeadLetters],
        "dlq replay": operations.ReplayedLetters,
        "dlq drop": operations.DroppedLetters,
        "data check": candles.CheckedFiles,
        "data download": candles.DownloadedCandles,
        "indicators": candles.IndicatorRows,
        "schema": dict[str, Any],
        # Not a verb: what every verb writes to stderr where it fails.
        "error": faults.Fault,
    }
)


def schema_of(verb: str) -> dict[str, Any]:
    """Return the JSON Schema of what a verb writes with `--json`; raises KeyError for one that writes none."""
    found = msgspec.json.schema(DOCUMENTS[verb])
    for name, shape in _objects(found):
        shape["additionalProperties"] = name in _OPEN
    return {"$schema": _DIALECT, "title": f"scalpbot {verb} --json", **found}


def _objects(shape: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every shape with named properties, at any depth, with its title."""
    if isinstance(shape, dict):
        if "properties" in shape:
            yield shape.get("title", ""), shape
        for part in shape.values():
            yield from _objects(part)
    elif isinstance(shape, list):
        for part in shape:
            yield from _objects(part)
