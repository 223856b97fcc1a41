"""CSRF tokens follow from the sessions' own tokens; none is kept."""

from typing import Final

from alembic import op

revision: Final = "0015"
down_revision: Final = "0014"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Drop the column; open sessions stay, and their pages ask for the new token."""
    op.drop_column("sessions", "csrf_token")
