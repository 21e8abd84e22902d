# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers over HTTPS, to those whose certificates have names that may ask."""

from __future__ import annotations

import json
import logging
import socket
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread
from typing import Any

from ...plugins.module_utils.asking.access import secured
from ...plugins.module_utils.asking.client import PATH, names_in
from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.home import HomeAnswer, HomeQuestion
from ...plugins.module_utils.mobility.home_json import MOST_BYTES, answer_to_json, question_from_json
from .config import HomeConfig

__all__ = ["serve_answers"]

_LOG = logging.getLogger("sip_handover")
#: Seconds that an asker may take, and how many are heard at one time.
_PATIENCE, _AT_ONCE = 5.0, 64


def serve_answers(config: HomeConfig, answer: Callable[[HomeQuestion, str], HomeAnswer]) -> ThreadingHTTPServer:
    """Answer in threads of their own.

    :param answer: gives the answer of a server by that name, or raises TimeoutError where it cannot yet.
    :raises HandoverError: ``bad_certificate``; ``bad_config`` where the address is taken.
    """
    context = secured(ssl.Purpose.CLIENT_AUTH, config.certificate, config.private_key, config.ca)
    room = BoundedSemaphore(_AT_ONCE)

    class Handler(BaseHTTPRequestHandler):
        server_version = "sip-handover"
        sys_version = ""
        timeout = _PATIENCE
        names: tuple[str, ...] = ()

        def setup(self) -> None:
            self.request.settimeout(_PATIENCE)
            self.request.do_handshake()
            self.names = names_in(self.request.getpeercert() or {})
            super().setup()

        def do_POST(self) -> None:
            status, body = self._answer()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def _answer(self) -> tuple[int, bytes]:
            size = self.headers.get("Content-Length", "")
            if self.path != PATH:
                return 404, _problem(f"questions go to {PATH}")
            if not size.isdecimal() or int(size) > MOST_BYTES:
                return 413, _problem(f"a question has at most {MOST_BYTES} bytes")
            asker = next((name for name in self.names if name.lower() in config.askers), None)
            if asker is None:
                _LOG.warning("%s may not ask", ", ".join(self.names) or "a client without a name")
                return 403, _problem("this name may not ask")
            try:
                question = question_from_json(self.rfile.read(int(size)))
            except HandoverError as error:
                return 400, _problem(str(error))
            try:
                found = answer(question, "")
            except TimeoutError:
                return 503, _problem("the log is being read")
            _LOG.info("%s asks of %s and %s: %s", asker, question.aor, question.old, "yes" if found.held else "no")
            return 200, answer_to_json(found)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in config.listen else socket.AF_INET

        def get_request(self) -> tuple[ssl.SSLSocket, object]:
            plain, address = super().get_request()
            # The handshake is its own thread's: who does not finish it keeps nobody waiting.
            return context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

        def process_request(self, request: Any, client_address: Any) -> None:
            if not room.acquire(blocking=False):
                self.shutdown_request(request)
                return
            try:
                super().process_request(request, client_address)
            except BaseException:  # no thread began that would give its place back
                room.release()
                raise

        def process_request_thread(self, request: Any, client_address: Any) -> None:
            try:
                super().process_request_thread(request, client_address)
            finally:
                room.release()

        def handle_error(self, request: object, client_address: object) -> None:
            _LOG.info("no question from %s, or no certificate that is known", client_address, exc_info=False)

    try:
        server = Server((config.listen, config.port), Handler)
    except OSError as error:
        at = f"listen: {config.listen} port {config.port}: {error.strerror}"
        raise HandoverError("bad_config", at, "the address is free") from error
    Thread(target=server.serve_forever, name="answers", daemon=True).start()
    return server


def _problem(text: str) -> bytes:
    return json.dumps({"problem": text}).encode()
