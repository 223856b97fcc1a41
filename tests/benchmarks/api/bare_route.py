"""The least that accepting a command over HTTP can take: a route that inserts one row.

Arguments: a database and a port.
"""

import sys
from collections.abc import Sequence
from typing import Any

import psycopg
import uvicorn
from fastapi import FastAPI

_TABLE = "CREATE TABLE IF NOT EXISTS bare_commands (id bigserial PRIMARY KEY, type text, pair text)"
_INSERT = "INSERT INTO bare_commands (type, pair) VALUES (%s, %s) RETURNING id"


def bare_app(database: str) -> FastAPI:
    """Return an application with one route, over one connection."""
    app = FastAPI()
    connection = psycopg.connect(database, autocommit=True)
    connection.execute(_TABLE)

    @app.get("/healthz")
    def healthz() -> dict[str, bool]:
        return {"alive": True}

    @app.post("/api/commands", status_code=202)
    def send(body: dict[str, Any]) -> dict[str, int]:
        values = (body["type"], body["payload"]["pair"])
        row = connection.execute(_INSERT, values).fetchone()
        return {"id": row[0] if row else 0}

    return app


def main(arguments: Sequence[str]) -> None:
    """Answer until the process is ended."""
    database, port = arguments
    uvicorn.run(bare_app(database), host="127.0.0.1", port=int(port), http="h11", loop="asyncio", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1:])
