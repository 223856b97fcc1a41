"""What changes of users and tokens cannot be done, answered with the status that tells why."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from services.api.problems import CODE, ProblemError
from services.api.security.accounts import UnknownUserError, UserConflictError
from services.api.security.second_factors import CodeError
from services.api.security.tokens import TokenConflictError, TokenRightsError, UnknownTokenError


@contextmanager
def told() -> Iterator[None]:
    """Raise ProblemError for what the block cannot do."""
    try:
        yield
    except (UnknownUserError, UnknownTokenError) as fault:
        raise ProblemError(HTTPStatus.NOT_FOUND, str(fault)) from fault
    except (UserConflictError, TokenConflictError) as fault:
        raise ProblemError(HTTPStatus.CONFLICT, str(fault)) from fault
    except TokenRightsError as fault:
        raise ProblemError(HTTPStatus.FORBIDDEN, str(fault)) from fault
    except CodeError as fault:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(fault), kind=CODE) from fault
