# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of an IOS router without its command line: it copies its configuration to us, and merges what we give it.

A copy is no dialogue. Nothing is answered to a line, and nobody answers what IOS might ask; what it did not take is
missing when its configuration is read again.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

from ...module_utils.errors import HandoverError
from ...module_utils.mobility.model import Address
from ...module_utils.platforms.config_copy import SOME_REFUSED
from ..config_copy import PROTOCOLS, ConfigCopy, Way
from ..rendering import Renderer
from ..snmp_device import SnmpSession
from ..snmp_login import login_of
from ..tftp_once import PORT

__all__ = ["COPY_VARIABLES", "CopiedLines", "copied_lines", "way_of"]

_SERVER, _CLIENT, _SECONDS = "handover_copy_server", "handover_copy_client", "handover_copy_timeout"
_PROTOCOL = "handover_copy_protocol"
#: The variables that say how and where files are carried.
COPY_VARIABLES = (_SERVER, _CLIENT, _SECONDS, _PROTOCOL)


class CopiedLines:
    """A :class:`CommandLine` by ccCopyTable (CISCO-CONFIG-COPY-MIB).

    :param name: the router's inventory name, for the errors.
    """

    def __init__(self, name: str, renderer: Renderer, session: SnmpSession, way: Way) -> None:
        self._name = name
        self._renderer = renderer
        self._session = session
        self._way = way

    def running(self, pipe: str) -> str:
        """The running configuration, all of it: a copy has no filter.

        :raises HandoverError: as :meth:`ConfigCopy.fetch`.
        """
        with self._copying() as copy:
            return copy.fetch()

    def configure(self, lines: Sequence[str], forced: bool) -> Mapping[str, str]:
        """Have lines merged; nothing where some were refused, since nobody says which.

        :raises HandoverError: as :meth:`ConfigCopy.load`, but for that.
        """
        return dict.fromkeys(lines, "") if self._merged(lines) else {}

    def ask(self, command: str) -> str:
        """Have a command carried out from within a file. Its answer is lost; a copy tells at most that it complained.

        :raises HandoverError: as :meth:`configure`.
        """
        return "" if self._merged([f"do {command}"]) else f"% {command}: refused"

    def _merged(self, lines: Iterable[str]) -> bool:
        with self._copying() as copy:
            try:
                copy.load("".join(f"{line}\n" for line in lines))
            except HandoverError as error:
                if error.code != SOME_REFUSED:
                    raise
                return False
            return True

    @contextmanager
    def _copying(self) -> Iterator[ConfigCopy]:
        try:
            yield ConfigCopy(self._name, self._session, self._renderer, self._way)
        finally:
            self._session.close()


def copied_lines(
    name: str,
    renderer: Renderer,
    session: SnmpSession,
    variables: Mapping[str, Any],
    warn: Callable[[str], object],
) -> CopiedLines:
    """A router's lines, by what its variables say of login and way; parameters and errors as of :func:`way_of`.

    :param warn: told where others may read them on the way.
    """
    way = way_of(name, login_of(name, variables).host, variables)
    if way.protocol == "tftp":
        warn(
            f"The configuration of {name} goes over the network by TFTP, in the clear, with all that is secret in "
            "it. With handover_copy_protocol scp it does not."
        )
    return CopiedLines(name, renderer, session, way)


def way_of(name: str, host: str, variables: Mapping[str, Any]) -> Way:
    """Where files are carried: ``handover_copy_server``, the controller's address; ``handover_copy_client``, the
    router's address as the controller sees it; ``handover_copy_timeout``, in seconds; ``handover_copy_protocol``.

    :param host: where the router's SNMP agent is; it fetches from there, too, where nothing else is said.
    :raises HandoverError: ``bad_copy_way``, ``router_unreachable`` where the host has no address.
    """
    protocol = str(variables.get(_PROTOCOL) or Way.protocol)
    if protocol not in PROTOCOLS:
        raise HandoverError("bad_copy_way", f"{name}: {protocol}", f"{_PROTOCOL} is {' or '.join(PROTOCOLS)}")
    try:
        seconds = float(variables.get(_SECONDS) or Way.seconds)
        client = ip_address(str(variables.get(_CLIENT) or _resolved(host)))
        server = ip_address(str(variables.get(_SERVER) or _own_address(client)))
    except ValueError as error:
        raise HandoverError(
            "bad_copy_way", f"{name}: {error}", f"{_SERVER} and {_CLIENT} are addresses, {_SECONDS} is a number"
        ) from error
    except OSError as error:
        raise HandoverError(
            "router_unreachable",
            f"{name}: {host}: {error.strerror}",
            "the controller has a way to the router",
            f"Set {_CLIENT} and {_SERVER} where names or routes do not tell them.",
        ) from error
    return Way(server, client, seconds, protocol=protocol)


def _resolved(host: str) -> str:
    found = socket.getaddrinfo(host, PORT, type=socket.SOCK_DGRAM)
    return str(found[0][4][0])


def _own_address(client: Address) -> str:
    """From which of its addresses the controller would send to this one. Nothing is sent."""
    family = socket.AF_INET if client.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.connect((str(client), PORT))
        return str(one.getsockname()[0])
