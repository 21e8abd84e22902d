# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linux router in one private namespace: its own network, and its own view of the directories that are written.

It lives as long as this process: a shell that reads from a pipe holds it, and the kernel closes the pipe whatever
becomes of us.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType

from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.plugin_utils.sections import sections

__all__ = ["Namespace", "until"]

#: What is written below these stays in the namespace; /sys is mounted anew because it shows its mounter's interfaces.
_SETUP = """
set -e
mount -t tmpfs private /run
for place in etc usr/local var; do
    mkdir -p /run/private/$place/upper /run/private/$place/work
    mount -t overlay -o lowerdir=/$place,upperdir=/run/private/$place/upper,workdir=/run/private/$place/work \
        overlay /$place
done
mount -t sysfs sysfs /sys
ip link set lo up
echo ready
exec cat
"""
_CLONE_NEWNET = 0x40000000
_ETH_P_ALL = 3


class Namespace:
    """A private network and mount namespace. As :class:`Shell` of a router, it runs sectioned scripts."""

    def __init__(self) -> None:
        unshare = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", _SETUP]
        self._holder = subprocess.Popen(unshare, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            raise RuntimeError("no private namespace: these tests need root")

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._holder.communicate()  # closes its input

    @property
    def pid(self) -> int:
        """The process that holds it."""
        return self._holder.pid

    def run(self, script: str) -> Output:
        """What a sectioned script prints, as the transport to a real router gives it back."""
        return sections(self.shell(script, check=False).stdout)

    def shell(self, script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a script; one that fails is an error unless it may."""
        inside = ["nsenter", "--target", str(self.pid), "--net", "--mount", "/bin/sh", "-s"]
        done = subprocess.run(inside, input=script, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{script}\n{done.stdout}{done.stderr}")
        return done

    @contextmanager
    def udp(self, address: str, port: int = 0) -> Iterator[socket.socket]:
        """A UDP socket in this namespace."""
        with self.open_socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((address, port))
            one.settimeout(0.15)
            yield one

    def tcp(self) -> socket.socket:
        """A TCP socket in this namespace, for whoever opens it to close."""
        return self.open_socket(socket.AF_INET, socket.SOCK_STREAM)

    def wire(self) -> socket.socket:
        """A socket that sees every frame on every link of this namespace, and sends whole frames."""
        return self.open_socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))

    def open_socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket of any kind in this namespace."""
        with ThreadPoolExecutor(1) as worker:  # only the thread that asks changes its namespace
            return worker.submit(self._socket_inside, family, kind, protocol).result()

    def _socket_inside(self, family: int, kind: int, protocol: int) -> socket.socket:
        descriptor = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            return socket.socket(family, kind, protocol)
        finally:
            os.close(descriptor)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes to pass."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
