# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers by HTTP, on the loopback: to GET, for looking only, and to POST, for events that are signed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from .config import Endpoint

__all__ = ["Looks", "Posts", "serve_looks"]

#: A path's answer: its type and its text. It may raise TimeoutError where the service does not answer.
Looks = dict[str, Callable[[], tuple[str, bytes]]]
#: What a path does with what is posted to it, given headers (by names in lower case) and body: a status, and why.
Posts = Mapping[str, Callable[[Mapping[str, str], bytes], tuple[int, str]]]


def serve_looks(at: Endpoint, looks: Looks, posts: Posts | None = None, longest_body: int = 0) -> ThreadingHTTPServer:
    """Answer in threads of their own.

    :param longest_body: bytes of a post.
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
            self._answer(status, kind, text)

        def do_POST(self) -> None:
            post = (posts or {}).get(self.path)
            length = self.headers.get("Content-Length", "")
            if post is None:
                answer = 404, "nothing is posted here"
            elif not length.isascii() or not length.isdigit() or len(length) > 12:
                answer = 411, "Content-Length says how long the body is"
            elif int(length) > longest_body:
                answer = 413, f"a body has at most {longest_body} bytes"
            else:
                body = self.rfile.read(int(length))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = post(headers, body) if len(body) == int(length) else (400, "the body is whole")
            # What was not read would be taken for the next request.
            self.close_connection = True
            self._answer(answer[0], "application/json", json.dumps({"told": answer[1]}).encode() + b"\n")

        def _answer(self, status: int, kind: str, text: bytes) -> None:
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
