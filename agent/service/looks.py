# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers to GET by HTTP: for looking only, on the loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from .config import Endpoint

__all__ = ["Looks", "serve_looks"]

#: A path's answer: its type and its text. It may raise TimeoutError where the service does not answer.
Looks = dict[str, Callable[[], tuple[str, bytes]]]


def serve_looks(at: Endpoint, looks: Looks) -> ThreadingHTTPServer:
    """Answer in threads of their own.

    :raises HandoverError: ``bad_config`` where the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5
        server_version = "sip-handover"
        sys_version = ""

        def do_GET(self) -> None:
            look = looks.get(self.path)
            kind, text, status = "application/json", b"", 200
            if look is None:
                text, status = json.dumps({"paths": sorted(looks)}).encode(), 404
            else:
                try:
                    kind, text = look()
                except TimeoutError:
                    text, status = b'{"error": "the service does not answer"}', 503
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            # A page has what it shows in it; nothing that was read by mistake as HTML does anything.
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = 10 if ":" in at.host else 2  # AF_INET6, AF_INET

    try:
        server = Server((at.host, at.port), Handler)
    except OSError as error:
        raise HandoverError("bad_config", f"http: {at}: {error.strerror}", "the address is free") from error
    Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server
