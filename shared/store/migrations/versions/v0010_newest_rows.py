"""Indexes for what is asked for again and again: the newest rows of a stream or pair, and a relay's own messages."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Create them, and drop the one in place of which another stands."""
    op.create_index("ix_candles_stream_seq", "candles", ["stream", "seq"])
    op.create_index("ix_candle_gaps_pair_from_time", "candle_gaps", ["pair", "from_time"])
    op.create_index("ix_candle_gaps_from_time", "candle_gaps", ["from_time"])
    op.drop_index("ix_outbox_unsent", "outbox")
    unsent = sa.text("sent_at IS NULL")
    op.create_index(
        "ix_outbox_unsent_of_producer",
        "outbox",
        ["producer", "id", "stream"],
        sqlite_where=unsent,
        postgresql_where=unsent,
    )
