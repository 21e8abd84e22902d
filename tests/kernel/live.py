# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live TCP between the phone and its peer."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address

from .moving import OLD, PEER, Journey

__all__ = ["FAMILY", "open_tcp"]

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


@contextmanager
def open_tcp(
    network: Journey, version: int, patience: float, address: Mapping[int, Address] = OLD
) -> Iterator[tuple[socket.socket, socket.socket, Session]]:
    """A session of the phone with its peer: the phone's end, the peer's, and what it is.

    :param patience: seconds that either end waits for something.
    """
    with network.peer.open_socket(FAMILY[version], socket.SOCK_STREAM) as listener:
        listener.bind((str(PEER[version]), 0))
        listener.listen()
        listener.settimeout(patience)
        mobile = network.mobile.open_socket(FAMILY[version], socket.SOCK_STREAM)
        with mobile:
            mobile.bind((str(address[version]), 0))
            mobile.settimeout(patience)
            mobile.connect(listener.getsockname())
            peer, _address = listener.accept()
            with peer:
                listener.close()
                peer.settimeout(patience)
                yield mobile, peer, Session("tcp", mobile.getsockname()[1], PEER[version], peer.getsockname()[1])
