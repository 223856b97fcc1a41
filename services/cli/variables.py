"""The variables of the environment that are the command line's own, although they look like settings."""

from typing import Final

DEBUG_VARIABLE: Final = "SCALP_BOT_DEBUG"
PASSWORD_FILE_VARIABLE: Final = "SCALP_BOT_PASSWORD_FILE"  # noqa: S105 - its name, not the password
TOKEN_VARIABLE: Final = "SCALPBOT_TOKEN"  # noqa: S105 - its name, not the token
TOKEN_FILE_VARIABLE: Final = "SCALPBOT_TOKEN_FILE"  # noqa: S105 - its name, not the token
OWN_VARIABLES: Final = (DEBUG_VARIABLE, PASSWORD_FILE_VARIABLE)
