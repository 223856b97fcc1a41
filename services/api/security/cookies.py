"""The cookies that the API gives: bound to this host, out of reach of scripts, and sent by no page of another site."""

from fastapi import Response

from services.api.context import ApiContext


def named_cookie(context: ApiContext, kind: str) -> str:
    """Return the name of a cookie; behind TLS browsers bind it to TLS, and to a host of our own.

    A host that we share with others gets the cookie below our path alone, and that kind is for the whole host. Without
    TLS browsers send it to every port of the host: the name says whose it is, so that two of us do not take it from
    each other.
    """
    if not context.behind_tls:
        return f"scalpbot_{kind}_{context.port}"
    return f"__Secure-{kind}" if context.root_path else f"__Host-{kind}"


def give_cookie(context: ApiContext, response: Response, kind: str, value: str, seconds: float) -> None:
    """Have a browser keep a cookie for so long, and send it below our path."""
    response.set_cookie(
        named_cookie(context, kind),
        value,
        max_age=int(seconds),
        path=context.root_path or "/",
        secure=context.behind_tls,
        httponly=True,
        samesite="strict",
    )


def take_cookie(context: ApiContext, response: Response, kind: str) -> None:
    """Have a browser forget a cookie."""
    response.delete_cookie(
        named_cookie(context, kind),
        path=context.root_path or "/",
        secure=context.behind_tls,
        httponly=True,
        samesite="strict",
    )
