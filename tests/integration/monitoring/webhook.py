"""What Alertmanager tells: a web server that keeps every message."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Webhook:
    """Messages by receiver, the last part of the path that they were sent to."""

    url: str
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def alert(self, receiver: str, name: str, status: str) -> dict[str, Any] | None:
        """The first alert of this name and status that this receiver was told of."""
        for told, message in list(self.messages):
            for alert in message["alerts"]:
                if (told, alert["labels"]["alertname"], alert["status"]) == (
                    receiver,
                    name,
                    status,
                ):
                    return alert
        return None


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Listen on a free port while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.webhook = Webhook(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.webhook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # named by http.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver = self.path.rpartition("/")[2]
        self.server.webhook.messages.append((receiver, json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
