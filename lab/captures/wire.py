"""Two network namespaces and a wire between them that this process carries frame by frame.

The wire is a pair of TUN or TAP devices, so that it can be made to lose, delay or mirror frames (with VLAN tags, as the
mirror port of a switch sends them) on kernels without the modules for that.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

__all__ = ["MIRROR", "PHONE", "SERVER", "Wire", "in_namespace", "run"]

PHONE, SERVER, MIRROR = "cap-phone", "cap-server", "cap-mirror"

_T = TypeVar("_T")
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_TAP, _IFF_NO_PI = 1, 2, 0x1000

#: What becomes of a frame (its bytes, whether it comes from the phone): the frames that are carried instead.
Carry = Callable[[bytes, bool], list[bytes]]


def run(*command: str) -> None:
    """Run a command to its end.

    :raises subprocess.CalledProcessError: it failed; its output is on the terminal.
    """
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def in_namespace(name: str, make: Callable[[], _T]) -> _T:
    """What ``make`` returns when it is called inside a network namespace: sockets and devices made there stay there."""
    found: list[_T] = []

    def enter() -> None:
        with Path("/run/netns", name).open() as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {name}")
        found.append(make())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if not found:
        raise RuntimeError(f"failed inside {name}")
    return found[0]


class Wire:
    """A phone's and a server's device, ``wire0`` in either namespace, and frames going between them.

    :param tun: raw IP instead of Ethernet.
    :param tags: VLAN protocol and VLAN of each tag, outermost first, on the copy that goes to the mirror.
    :param carry: changes what is carried; the mirror has what comes out.
    """

    def __init__(
        self, mtu: int = 1500, tun: bool = False, tags: tuple[tuple[int, int], ...] = (), carry: Carry | None = None
    ) -> None:
        self._tags = b"".join(struct.pack("!HH", *tag) for tag in tags)
        self._carry = carry or (lambda frame, _from_phone: [frame])
        self._stack = ExitStack()
        self._mtu = mtu
        self._tun = tun

    def __enter__(self) -> Wire:
        with ExitStack() as stack:
            for name in (PHONE, SERVER, MIRROR):
                run("ip", "netns", "add", name)
                stack.callback(run, "ip", "netns", "del", name)
                run("ip", "-n", name, "link", "set", "lo", "up")
            phone, server, self._mirror = (stack.enter_context(self._device(n)) for n in (PHONE, SERVER, MIRROR))
            stop_read, stop_write = os.pipe()
            thread = threading.Thread(target=self._relay, args=(phone, server, stop_read))
            thread.start()
            stack.callback(thread.join)
            stack.callback(os.close, stop_write)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @contextmanager
    def _device(self, namespace: str) -> Iterator[int]:
        def make() -> int:
            device = os.open("/dev/net/tun", os.O_RDWR)
            kind = _IFF_TUN if self._tun else _IFF_TAP
            fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"wire0", kind | _IFF_NO_PI))
            return device

        device = in_namespace(namespace, make)
        try:
            for setting in ("accept_dad=0", "router_solicitations=0", "addr_gen_mode=1"):
                key, value = setting.split("=")
                in_namespace(namespace, partial(Path("/proc/sys/net/ipv6/conf/wire0", key).write_text, value))
            hosts = {PHONE: (20, 21), SERVER: (10,), MIRROR: ()}[namespace]
            for host in hosts:
                for address in (f"198.51.100.{host}/24", f"2001:db8:51::{host}/64"):
                    run("ip", "-n", namespace, "address", "add", address, "dev", "wire0")
            run("ip", "-n", namespace, "link", "set", "wire0", "mtu", str(self._mtu), "up")
            yield device
        finally:
            os.close(device)

    def _relay(self, phone: int, server: int, stop: int) -> None:
        while True:
            ready, _, _ = select.select([phone, server, stop], [], [])
            if stop in ready:
                os.close(stop)
                return
            for device in ready:
                frame = os.read(device, 65536)
                for one in self._carry(frame, device == phone):
                    os.write(server if device == phone else phone, one)
                    os.write(self._mirror, one[:12] + self._tags + one[12:] if not self._tun else one)
