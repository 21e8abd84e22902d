# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets a second through one router, as a ratio to the same router that only forwards.

The router stands as a correspondent's: it rewrites the destination from old to new address. Generator, router and sink
are three network namespaces on two links; what arrives is counted on the sink's link. The generator's share is in all
figures alike, so a ratio is nearer to 1 than that of the router alone.
"""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Rewrite,
    RewriteKind,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.step_text import step_text

from ...kernel.conftest import load_table
from ...kernel.namespaces import Namespace
from .figures import Part, Ratio
from .rounds import Rounds, told

__all__ = ["measure_forwarding"]

_SEED = 7082
_FLOWS = 256
#: Packets in a burst, and bursts in a round, of flows that are known and of new ones.
_BURSTS = (("known", 256, 150), ("new", 256, 100))
#: Mappings in one step.
_STEP = 10_000
#: By router and kind of flows: the bursts of each round.
_Rates = dict[tuple[str, str], list[list[float]]]
_PEER = ip_address("198.51.100.2")
_OLD, _MOVED, _OTHERS = map(ip_address, ("198.18.0.0", "198.20.0.0", "198.24.0.0"))

_LINKS = """
ip link add in type veth peer name g netns {generator}
ip link add out type veth peer name s netns {sink}
ip address add 198.51.100.1/24 dev in
ip address add 203.0.113.1/24 dev out
ip link set in up
ip link set out up
ip route add default via 203.0.113.2
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.in.rp_filter=0
"""


@dataclass(frozen=True)
class _Router:
    """One way of configuring it, and whether packets must meet a rewrite there."""

    name: str
    configure: Callable[[Namespace], None]
    mappings: int = 0
    others: bool = False  # flows of hosts that no mapping concerns


def measure_forwarding(most: int, seconds: float) -> Part:
    """Rates and ratios, as a table.

    :param most: rounds at most, see :class:`Rounds`.
    """
    chosen = random.Random(_SEED)
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        program = _compiled(place)
        routers = [_Router("plain forwarding", lambda namespace: None)]
        routers.append(_Router("connection tracking alone", _tracking))
        routers += [_Router(f"nftables, {n:,} mappings", _ours(n), n) for n in (0, 1_000, 100_000)]
        routers.append(_Router("nftables, 100,000, others", _ours(100_000), 100_000, others=True))
        for tool in ("iptables-nft", "iptables-legacy"):
            if shutil.which(f"{tool}-restore"):
                routers += [_Router(f"{tool}, {n:,} rules", _rules(tool, n), n) for n in (1_000, 10_000)]
        paths = []
        for router in routers:
            told(f"making {router.name}")
            paths.append(_Path(stack, router, program, place, chosen))
        rates: _Rates = {}
        rounds = Rounds("packets", most, seconds)
        for number in rounds:
            turn = number % len(paths)
            for path in paths[turn:] + paths[:turn]:  # each round begins with another
                for kind, count, bursts in _BURSTS:
                    rates.setdefault((path.name, kind), []).append(path.rates(kind, count, bursts))
    return Part(_table(rates, [router.name for router in routers], rounds.done))


class _Path:
    """Generator, router, sink."""

    def __init__(self, stack: ExitStack, router: _Router, program: Path, place: Path, chosen: random.Random) -> None:
        self.name = router.name
        self._program = program
        self._generator, self._router, self._sink = (stack.enter_context(Namespace()) for _ in range(3))
        self._router.shell(_LINKS.format(generator=self._generator.pid, sink=self._sink.pid))
        self._generator.shell("ip link set g up")
        self._sink.shell("ip link set s up")
        self._macs = [self._link(self._generator, "g"), self._link(self._router, "in")]
        sink = self._link(self._sink, "s")
        self._router.shell(f"ip neighbour add 203.0.113.2 lladdr {sink} dev out nud permanent")
        router.configure(self._router)
        self._flows = place / f"flows-{router.name.replace(' ', '-')}"
        picked = [chosen.randrange(max(router.mappings, 1_000)) for _ in range(_FLOWS)]
        first = _OTHERS if router.others else _OLD
        self._flows.write_text("".join(f"{_PEER} {first + n} 7000 40000\n" for n in picked), encoding="ascii")
        if router.mappings and not router.others:
            self._rewrites()

    def rates(self, kind: str, count: int, bursts: int) -> list[float]:
        """Packets that come out in a second, burst by burst."""
        self._router.shell("conntrack -F 2>/dev/null; true")
        if kind == "known":
            self._send(kind, 4 * _FLOWS, 1)  # the flows are known to connection tracking, where it looks
        return self._send(kind, count, bursts)

    def _send(self, kind: str, count: int, bursts: int) -> list[float]:
        how = f"{self._program} g {' '.join(self._macs)} {count} {kind} {self._flows} {bursts}"
        arrived = f"/proc/{self._sink.pid}/root/sys/class/net/s/statistics/rx_packets"
        told = self._generator.shell(f"{how} {arrived}").stdout.splitlines()
        return [int(came) / float(seconds) for came, seconds in map(str.split, told)]

    def _rewrites(self) -> None:
        """A benchmark of rewrites that does not rewrite would be no benchmark."""
        with self._sink.wire() as wire:
            wire.settimeout(3)
            self._send("known", 1, 1)
            for _ in range(20):
                frame = wire.recv(2048)
                if frame[12:14] == b"\x08\x00":
                    if int(ip_address(frame[30:34])) < int(_MOVED):
                        raise RuntimeError(f"{self.name} does not rewrite")
                    return
        raise RuntimeError(f"{self.name} does not forward")

    @staticmethod
    def _link(namespace: Namespace, name: str) -> str:
        return namespace.shell(f"cat /sys/class/net/{name}/address").stdout.strip()


def _tracking(namespace: Namespace) -> None:
    namespace.shell(
        "nft 'add table ip plain; add chain ip plain tracked { type filter hook prerouting priority 0; }; "
        "add rule ip plain tracked ct state invalid'"
    )


def _ours(count: int) -> Callable[[Namespace], None]:
    def configure(namespace: Namespace) -> None:
        load_table(namespace)
        now = int(time.time())
        for first in range(0, count, _STEP):
            numbers = range(first, min(first + _STEP, count))
            change = Change(put=tuple(_encoder(number, now + 36_000) for number in numbers))
            done = namespace.shell(step_text(Nftables(), Renderer(), change, now), check=False)
            if done.returncode:
                raise RuntimeError(f"a step was refused: {done.stderr[:500]}")

    return configure


def _encoder(number: int, expires: int) -> Rewrite:
    match = Selector(_PEER, _OLD + number, "udp", 7000, 40000)
    return Rewrite(RewriteKind.OUTBOUND_DST, match, _MOVED + number, Stamp(f"bench{number}", 1, expires))


def _rules(tool: str, count: int) -> Callable[[Namespace], None]:
    def configure(namespace: Namespace) -> None:
        lines = "".join(
            f"-A PREROUTING -s {_PEER} -d {_OLD + n} -p udp --dport 40000 -j DNAT --to-destination {_MOVED + n}\n"
            for n in range(count)
        )
        namespace.shell(f"{tool}-restore <<'X'\n*nat\n{lines}COMMIT\nX\n")

    return configure


def _compiled(place: Path) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise RuntimeError("the packet generator needs a C compiler: install the Debian packages gcc and libc6-dev")
    program = place / "generate"
    subprocess.run([compiler, "-O2", "-o", program, Path(__file__).with_name("generate.c")], check=True)
    return program


def _table(rates: _Rates, names: list[str], rounds: int) -> str:
    lines = [
        f"Packets a second through one router (UDP, 18 bytes, {_FLOWS} flows among all mappings, seed {_SEED}; "
        f"{rounds} rounds in turns).",
        "known: flows that were seen before; new: each packet begins a flow (with scope session such a flow is not",
        "rewritten, with iptables it is); others: flows of hosts that no mapping is for. Ratio: to plain forwarding in",
        "the same round, median; and of the best burst in twenty.",
        "",
        f"{'':28}{'known: kpps':>12}{'ratio':>8}{'best':>7}{'new: kpps':>12}{'ratio':>8}{'best':>7}",
    ]
    for name in names:
        line = f"{name:28}"
        for kind, _count, _bursts in _BURSTS:
            mine, plain = rates[name, kind], rates[names[0], kind]
            middles = [[statistics.median(bursts) for bursts in of] for of in (mine, plain)]
            ratio = Ratio.of(*middles, best=_best(mine) / _best(plain))
            line += f"{statistics.median(middles[0]) / 1e3:12.0f}{ratio.middle:8.2f}{ratio.best:7.2f}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def _best(rounds: list[list[float]]) -> float:
    rates = sorted(rate for bursts in rounds for rate in bursts)
    return rates[int(len(rates) * 0.95)]
