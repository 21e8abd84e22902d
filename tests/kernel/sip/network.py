# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of a test's own, so that servers and phones have addresses that phones may have."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

__all__ = ["PrivateNetwork", "private_network"]

_CLONE_NEWNET = 0x40000000
_LIBRARY = ctypes.CDLL(None, use_errno=True)


class PrivateNetwork:
    """A network namespace with these addresses. It lasts as long as it, a socket or a process in it is there."""

    def __init__(self, addresses: Iterable[str]) -> None:
        with _back_again():
            if _LIBRARY.unshare(_CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "no private namespace: this needs root")
            self._space = _here()
            # The queue of a datagram socket is as systemd sets it at boot.
            subprocess.run(["sysctl", "-q", "net.unix.max_dgram_qlen=512"], check=True)
            batch = ["link set lo up", *(f"address add {address} dev lo" for address in addresses)]
            subprocess.run(["ip", "-batch", "-"], input="\n".join(batch), text=True, check=True)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, and whatever it starts, is in there; afterwards it is where it was."""
        with _back_again():
            _enter(self._space)
            yield

    def close(self) -> None:
        """Let go of it."""
        os.close(self._space)


@contextmanager
def private_network(addresses: Iterable[str]) -> Iterator[None]:
    """This thread, and whatever it starts, in a network namespace with these addresses; afterwards it is as before."""
    with closing(PrivateNetwork(addresses)) as network, network.inside():
        yield


@contextmanager
def _back_again() -> Iterator[None]:
    before = _here()
    try:
        yield
    finally:
        _enter(before)
        os.close(before)


def _here() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _enter(space: int) -> None:
    if _LIBRARY.setns(space, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "a network namespace can be entered: this needs root")
