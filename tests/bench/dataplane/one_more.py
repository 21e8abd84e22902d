# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one more mapping costs where many stand, beside ``iptables -A``; and a look for drift, beside a full read.

Ours is the whole step as a playbook or the agent carries it out: rendered, checked against the router's generation,
applied with its route, and kept on disk.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from ipaddress import ip_address

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Entry,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.drift import look, remember
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import SETTINGS
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ...kernel.namespaces import Namespace
from ...kernel.test_preparation import managed, prepare
from .figures import Aim, Part, Ratio
from .rounds import Clock, Rounds, told

__all__ = ["Routers", "measure_looks", "measure_one_more"]

_SIZES = (10, 1_000, 10_000, 100_000)
_PEER = ip_address("203.0.113.1")
_OLD, _NEW = ip_address("198.18.0.0"), ip_address("198.19.0.0")

_LINKS = """
ip link add lan type veth peer name host
ip address add 198.19.255.254/15 dev lan
ip link set lan up; ip link set host up
ip link add wan type veth peer name uplink
ip link set wan up; ip link set uplink up
nft add table ip theirs
"""
_RULE = "PREROUTING -s 203.0.113.1 -d {old} -p udp --dport 40000 -j DNAT --to-destination {new}"
#: By what was done and how many stood: seconds, and seconds of processors, of each round.
_Table = dict[str, dict[int, list[tuple[float, float]]]]
_PUT, _REMOVED = "our step, put", "our step, removed"
#: Bytes of steps, at least, behind which a router keeps all anew (templates/linux/save.sh.j2).
_KEPT = 262144
#: What one more mapping may cost at 100,000, where it costs 1 at 10.
_MOST = 1.2


class Routers:
    """Routers made ready by the role's own means, each with so many mappings and their routes; each made once."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self._made: dict[int, tuple[Namespace, ManagedRouter]] = {}

    def with_mappings(self, size: int) -> tuple[Namespace, ManagedRouter]:
        """The router that holds this many."""
        if size not in self._made:
            told(f"a router with {size:,} mappings")
            place = self.stack.enter_context(Namespace())
            place.shell(_LINKS)
            prepare(place, persistence="none")
            router = managed(place)
            router.gather()
            if not router.generation:
                raise RuntimeError("this machine cannot tell the generation of nftables: neither perl nor python3")
            _step(router, Change(put=tuple(entry for n in range(size) for entry in _mapping(n))))
            self._made[size] = place, router
        return self._made[size]


def measure_one_more(routers: Routers, most: int, seconds: float) -> Part:
    """The cost of one more mapping, as a table.

    :param most: rounds at most, see :class:`Rounds`.
    """
    took: _Table = {}
    ways = _ways(routers)
    for by_size in ways.values():
        for size in _SIZES:
            by_size[size](0)  # what only the first one costs
    rounds = Rounds("one more", most, seconds)
    for number in rounds:
        for name, by_size in ways.items():
            for size in _turned(number):
                clock = Clock()
                by_size[size](1 + number)
                took.setdefault(name, {}).setdefault(size, []).append(clock.read())
    written = _written(*routers.with_mappings(_SIZES[0]))
    listings = {size: _listing(routers.with_mappings(size)[0]) for size in _SIZES}
    steps = {size: max(_KEPT, kept) // written for size, (_seconds, kept) in listings.items()}
    aims = [
        Aim(f"{name} at 100,000 beside 10", ratio.middle, _MOST, " times", (ratio.low, ratio.high))
        for name, ratio in ((name, _ratio(took[name])) for name in (_PUT, _REMOVED))
    ]
    text = _table(f"One more mapping where many stand, {rounds.done} rounds in turns; ratio to where 10 stand.", took)
    return Part(f"{text}{_kept({size: taken for size, (taken, _kept) in listings.items()}, steps)}", tuple(aims))


def measure_looks(routers: Routers, most: int, seconds: float) -> Part:
    """The cost of a look for drift where nothing was changed, and of a full read, as a table."""
    took: _Table = {}
    for size in _SIZES:
        place = routers.with_mappings(size)[0]
        told(f"a full read at {size:,} mappings")
        clock = Clock()
        remember(place, Renderer(), look(place, Renderer(), "bench", probe=False).fingerprint, "bench")
        took.setdefault("full read (once)", {})[size] = [clock.read()]
    rounds = Rounds("looks", most, seconds)
    for number in rounds:
        for size in _turned(number):
            clock = Clock()
            if look(routers.with_mappings(size)[0], Renderer(), "bench").read:
                raise RuntimeError(f"the probe at {size} did not suffice")
            took.setdefault("probe (nothing changed)", {}).setdefault(size, []).append(clock.read())
    return Part(_table(f"A look for drift (reconcile.yml --check) at one router, {rounds.done} rounds in turns.", took))


def _turned(number: int) -> tuple[int, ...]:
    """The sizes; each round begins with another."""
    turn = number % len(_SIZES)
    return _SIZES[turn:] + _SIZES[:turn]


def _ways(routers: Routers) -> dict[str, dict[int, Callable[[int], object]]]:
    """By name and number of mappings that stand: add one more, of a number."""
    steps: dict[int, Callable[[int], object]] = {}
    undone: dict[int, Callable[[int], object]] = {}
    ways = {_PUT: steps, _REMOVED: undone}
    for size in _SIZES:
        router = routers.with_mappings(size)[1]
        steps[size] = partial(_put, router)
        undone[size] = partial(_remove, router)
    for tool in ("iptables-nft", "iptables-legacy"):
        if not shutil.which(f"{tool}-restore"):
            continue
        ways[f"{tool} -A"] = {}
        for size in _SIZES:
            told(f"{tool}, {size:,} rules")
            place = routers.stack.enter_context(Namespace())
            lines = "".join(f"-A {_RULE.format(old=_OLD + n, new=_NEW + n)}\n" for n in range(size))
            place.shell(f"{tool}-restore <<'X'\n*nat\n{lines}COMMIT\nX\n")
            ways[f"{tool} -A"][size] = partial(_rule, place, tool)
    return ways


def _step(router: ManagedRouter, change: Change) -> None:
    if not router.apply_unread(change, router.generation, time.time()):
        raise RuntimeError("a step was not carried out without a read")


def _put(router: ManagedRouter, number: int) -> None:
    _step(router, Change(put=_mapping(150_000 + number)))


def _remove(router: ManagedRouter, number: int) -> None:
    _step(router, Change(remove=_mapping(150_000 + number)))


def _rule(place: Namespace, tool: str, number: int) -> None:
    place.shell(f"{tool} -t nat -A {_RULE.format(old=_OLD + 150_000 + number, new=_NEW)}")


def _mapping(number: int) -> tuple[Entry, ...]:
    old, new = _OLD + number % 65_000, _NEW + number % 65_000
    stamp = Stamp(f"bench{number}", 1, _EXPIRES)
    match = Selector(_PEER, new, "udp", 5000, 1024 + number // 65_000)
    decoder = Rewrite(RewriteKind.INBOUND_DST, match, old, stamp)
    return (decoder, Route(old, new, "lan", stamp)) if number < 65_000 or number >= 150_000 else (decoder,)


_EXPIRES = int(time.time()) + 100_000


def _listing(place: Namespace) -> tuple[float, int]:
    """Seconds to keep anew all that a router holds, and its bytes."""
    started = time.perf_counter()
    place.shell(f"SIPMOBILITY_STEP= {SETTINGS['save_command']}")
    taken = time.perf_counter() - started
    return taken, int(place.shell(f"stat -c %s {NftablesBackend().setting('elements_path')}").stdout)


def _written(place: Namespace, router: ManagedRouter) -> int:
    """Bytes that a router writes down of one step."""
    path = f"{NftablesBackend().setting('elements_path')}.steps"
    sizes = []
    for number in (9_000, 9_001):
        _put(router, number)
        sizes.append(int(place.shell(f"cat {path}* | wc -c").stdout))
    return sizes[1] - sizes[0]


def _kept(listings: Mapping[int, float], steps: Mapping[int, int]) -> str:
    """What now and then comes on top of a step: the more is held, the more rarely."""
    lines = [
        ("the router keeps all anew", [f"{listings[size] * 1e3:12.1f}" for size in _SIZES]),
        ("once in so many steps", [f"{steps[size]:12,}" for size in _SIZES]),
        ("a step's share", [f"{listings[size] / steps[size] * 1e3:12.2f}" for size in _SIZES]),
    ]
    return "".join(f"{name:28}{''.join(each)}\n" for name, each in lines)


def _ratio(by_size: Mapping[int, Sequence[tuple[float, float]]], which: int = 0) -> Ratio:
    first, last = ([one[which] for one in by_size[size]] for size in (_SIZES[0], _SIZES[-1]))
    return Ratio.of(last, first, best=min(last) / min(first))


def _table(title: str, took: _Table) -> str:
    lines = [title, ""]
    head = f"{'ratio: median':>16}{'best':>8}{'processor':>11}"
    lines.append(f"{'ms':28}" + "".join(f"{size:>12,}" for size in _SIZES) + head)
    for name, by_size in took.items():
        line = "".join(f"{statistics.median(one[0] for one in by_size[size]) * 1e3:12.1f}" for size in _SIZES)
        ratio = _ratio(by_size)
        lines.append(f"{name:28}{line}{ratio.middle:16.2f}{ratio.best:8.2f}{_ratio(by_size, 1).middle:11.2f}")
    return "\n".join(lines) + "\n"
