# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of a test's own, so that servers and phones have addresses that phones may have."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = ["private_network"]

_CLONE_NEWNET = 0x40000000
#: The queue of a datagram socket is as systemd sets it at boot.
_SETUP = "sysctl -q net.unix.max_dgram_qlen=512\nip link set lo up\n"


@contextmanager
def private_network(addresses: Iterable[str]) -> Iterator[None]:
    """This thread, and whatever it starts, in a network namespace with these addresses; afterwards it is as before."""
    library = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if library.unshare(_CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "no private namespace: this needs root")
        script = _SETUP + "".join(f"ip address add {address} dev lo\n" for address in addresses)
        subprocess.run(["sh", "-ec", script], check=True)
        yield
    finally:
        library.setns(before, _CLONE_NEWNET)
        os.close(before)
