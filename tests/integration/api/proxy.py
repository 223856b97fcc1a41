"""A small reverse proxy that gives an API a path of its own on a host that it shares."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date"})


@contextmanager
def reverse_proxy(upstream: str, path: str, *, passes_path: bool) -> Iterator[str]:
    """Yield the address below which an API is reached; its path is passed on, or taken off as nginx does by default."""

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            """Hand a request on, and its answer back as it comes."""
            if not self.path.startswith(f"{path}/"):
                self.send_error(418)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = self.path if passes_path else self.path[len(path) :]
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            with (
                httpx.Client(timeout=20) as client,
                client.stream(self.command, f"{upstream}{asked}", headers=kept, content=body) as answer,
            ):
                self.send_response(answer.status_code)
                for name, value in answer.headers.multi_items():
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                try:
                    for piece in answer.iter_raw():
                        self.wfile.write(piece)
                        self.wfile.flush()
                except OSError:
                    # Whoever asked has heard enough.
                    return

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Keep quiet."""

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.forward)
    assert urlsplit(upstream).path == ""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{path}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
