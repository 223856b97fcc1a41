"""`scalpbot run api`: the HTTP API."""

from contextlib import AbstractContextManager
from socket import socket

from services.api.context import SERVICE
from services.api.process import Terms, run_api
from services.api.root_path import checked_root_path
from services.api.security.proxies import checked_proxies
from services.api.serving import listening, require_safe_address
from services.cli.database import database_url
from services.cli.run.asked import ApiOrder, Asked
from services.cli.run.service import service_of


def listening_for(order: ApiOrder) -> AbstractContextManager[socket]:
    """Listen where requests are answered; raise InputError where passwords would go there in the clear."""
    require_safe_address(order.host, order.behind_tls, order.published_on_loopback)
    return listening(order.host, order.port)


def terms_of(order: ApiOrder, listener: socket, root_path: str) -> Terms:
    """Return on which terms an API answers that was asked for."""
    return Terms(
        port=listener.getsockname()[1],
        behind_tls=order.behind_tls,
        root_path=root_path,
        second_factor_required=order.require_second_factor,
    )


def run_api_verb(asked: Asked, order: ApiOrder) -> None:
    """Answer requests until the process is to stop."""
    root_path, proxies = checked_root_path(order.root_path), checked_proxies(order.trusted_proxy or ())
    listening_here = listening_for(order)
    service = service_of(SERVICE, asked)
    url = database_url(asked.database, service.settings)
    with listening_here as listener, service.process() as process:
        run_api(
            process,
            service.settings,
            url,
            listener,
            terms=terms_of(order, listener, root_path),
            trusted_proxies=proxies,
            bootstrap=order.bootstrap_file,
        )
