# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of these tests' own, so that servers and phones have addresses that phones may have."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from .world import ADDRESSES

_CLONE_NEWNET = 0x40000000


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    """This thread, and whatever it starts, in a network namespace; it is as before afterwards."""
    if shutil.which("kamailio") is None or shutil.which("dnsmasq") is None:
        pytest.skip("Kamailio or dnsmasq is not installed on this host")
    library = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if library.unshare(_CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "no private namespace: these tests need root")
        # As systemd sets it at boot.
        script = "sysctl -q net.unix.max_dgram_qlen=512; ip link set lo up\n" + "".join(
            f"ip address add {address}/32 dev lo\n" for address in ADDRESSES
        )
        subprocess.run(["sh", "-ec", script], check=True)
        yield
    finally:
        library.setns(before, _CLONE_NEWNET)
        os.close(before)
