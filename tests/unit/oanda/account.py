"""One account with one pair, for the stand-in: it closes positions by the rules that were recorded."""

from collections.abc import Callable
from typing import Any, Final

from tests.unit.oanda.stand_in import ACCOUNT, Asked, Reply, json_reply

STAMP: Final = "2026-01-15T18:05:05.571703674Z"


class Account:
    """Long and short units of EUR_USD, the transactions so far, and what is to go wrong."""

    def __init__(self, long: int = 0, short: int = 0) -> None:
        self.units = {"long": long, "short": -short}
        self.transactions: list[dict[str, Any]] = [{"id": str(number), "type": "CREATE"} for number in range(1, 8)]
        self.puts: list[Any] = []
        self.on_put: list[Callable[[Callable[[], Reply]], Reply]] = []
        self.echo = True
        self.halted = False
        self.late: list[Callable[[], object]] = []
        self.after_scan: list[Callable[[], object]] = []
        self.scans: list[Reply] = []

    @property
    def last(self) -> str:
        return str(self.transactions[-1]["id"])

    def answer(self, asked: Asked, _handler: object) -> Reply:
        path = asked.path.removeprefix(f"/v3/accounts/{ACCOUNT}")
        if asked.method == "PUT":
            assert path == "/positions/EUR_USD/close"
            self.puts.append(asked.body)
            act = self.on_put.pop(0) if self.on_put else (lambda close: close())
            return act(lambda: self.close(asked.body))
        if path == "/summary":
            account = {"id": ACCOUNT, "currency": "USD", "balance": "1", "NAV": "1", "lastTransactionID": self.last}
            return json_reply(200, {"account": account, "lastTransactionID": self.last})
        if path == "/transactions/sinceid":
            if self.scans:
                return self.scans.pop(0)
            since = [one for one in self.transactions if int(one["id"]) > int(asked.params["id"])]
            reply = json_reply(200, {"transactions": since, "lastTransactionID": self.last})
            while self.after_scan:
                self.after_scan.pop(0)()
            return reply
        assert path in {"/positions/EUR_USD", "/openPositions"}
        sides = {side: {"units": str(units)} for side, units in self.units.items()}
        position = {"instrument": "EUR_USD", **sides}
        if path == "/openPositions":
            return json_reply(200, {"positions": [position], "lastTransactionID": self.last})
        reply = json_reply(200, {"position": position, "lastTransactionID": self.last})
        while self.late:
            self.late.pop(0)()
        return reply

    def close(self, body: dict[str, Any]) -> Reply:
        sides = [side for side in ("long", "short") if body[f"{side}Units"] == "ALL"]
        if any(not self.units[side] for side in sides):
            answer: dict[str, Any] = {"errorCode": "CLOSEOUT_POSITION_DOESNT_EXIST", "errorMessage": "It is not there"}
            for side in sides:
                there = bool(self.units[side])
                reason = "CLOSEOUT_POSITION_REJECT" if there else "CLOSEOUT_POSITION_DOESNT_EXIST"
                answer[f"{side}OrderRejectTransaction"] = self.add(
                    type="MARKET_ORDER_REJECT", rejectReason=reason, **self.extensions(body, side)
                )
            return json_reply(404 if not any(self.units.values()) else 400, answer)
        answer = {}
        for side in sides:
            units = str(-self.units[side])
            order = self.add(
                type="MARKET_ORDER", reason="POSITION_CLOSEOUT", units=units, **self.extensions(body, side)
            )
            answer[f"{side}OrderCreateTransaction"] = order
            if self.halted:
                cancel = self.add(type="ORDER_CANCEL", orderID=order["id"], reason="MARKET_HALTED")
                answer[f"{side}OrderCancelTransaction"] = cancel
                continue
            fill = self.add(
                type="ORDER_FILL", orderID=order["id"], instrument="EUR_USD", units=units, price="1.16012", pl="-0.0140"
            )
            answer[f"{side}OrderFillTransaction"] = fill
            self.units[side] = 0
        return json_reply(200, answer | {"lastTransactionID": self.last})

    def extensions(self, body: dict[str, Any], side: str) -> dict[str, Any]:
        own = {"clientExtensions": body[f"{side}ClientExtensions"]} if self.echo else {}
        return {"instrument": "EUR_USD", **own}

    def add(self, **fields: Any) -> dict[str, Any]:
        self.transactions.append({"id": str(int(self.last) + 1), "time": STAMP, **fields})
        return self.transactions[-1]
