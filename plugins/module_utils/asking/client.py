# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to one home server: HTTP over TLS, with certificates on both sides (RFC 9110, RFC 8446)."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from typing import Mapping, Tuple

from ..errors import HandoverError
from ..mobility.home import HomeAnswer, HomeQuestion
from ..mobility.home_json import MOST_BYTES, answer_from_json, question_to_json
from .access import HomeAccess, secured

__all__ = ["PATH", "Client", "names_in"]

#: Where questions go.
PATH = "/sipmobility/v1/held"


class Client:
    """Asks home servers.

    :raises HandoverError: ``bad_certificate``.
    """

    def __init__(self, access: HomeAccess) -> None:
        self._access = access
        self._context = secured(ssl.Purpose.SERVER_AUTH, access.certificate, access.private_key, access.ca)

    def ask(self, question: HomeQuestion, server: str, patience: float) -> HomeAnswer:
        """The answer. ``vouched_by`` is the server's name where its certificate has that, else a name that it has.

        :param patience: seconds.
        :raises HandoverError: ``home_unreachable``, ``home_refused``, ``bad_record``.
        """
        end = time.monotonic() + patience
        address = self._access.addresses.get(server.lower(), server)
        try:
            with socket.create_connection((address, self._access.port), patience) as plain:
                plain.settimeout(max(0.01, end - time.monotonic()))
                with self._context.wrap_socket(plain, server_hostname=server) as connection:
                    connection.settimeout(max(0.01, end - time.monotonic()))
                    names = names_in(connection.getpeercert() or {})
                    status, data = _exchange(connection, server, question_to_json(question))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise HandoverError("home_unreachable", f"{server}: {error}", "the home server answers over TLS") from error
        if status != 200:
            raise HandoverError("home_refused", f"{server}: {status} {data[:80]!r}", "the home server answers us")
        lower = [name.lower() for name in names]
        vouched_by = server.lower() if server.lower() in lower else next(iter(names), "a server without a name")
        return answer_from_json(data, vouched_by)


def names_in(certificate: Mapping[str, object]) -> Tuple[str, ...]:
    """The DNS names that a certificate, as :meth:`ssl.SSLSocket.getpeercert` gives it, is for (RFC 6125)."""
    found = certificate.get("subjectAltName", ())
    return tuple(value for kind, value in found if kind == "DNS") if isinstance(found, tuple) else ()


def _exchange(connection: ssl.SSLSocket, server: str, question: bytes) -> Tuple[int, bytes]:
    http_connection = http.client.HTTPConnection(server)
    http_connection.sock = connection
    headers = {"Content-Type": "application/json", "Connection": "close"}
    http_connection.request("POST", PATH, question, headers)
    response = http_connection.getresponse()
    return response.status, response.read(MOST_BYTES + 1)
