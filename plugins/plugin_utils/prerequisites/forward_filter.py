# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would the router's own firewall drop packets that carry our mark?

An accept in our table cannot overrule a drop in theirs, so each chain on the forward hook must let our packets pass.
What cannot be decided counts as a drop, unless it clearly is about other packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["Chain", "Firewall", "firewall_of"]

Json = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Chain:
    """A chain of nftables by its names."""

    family: str
    table: str
    name: str

    @property
    def of_iptables(self) -> bool:
        """Whether iptables made it, and would not keep a rule that somebody else puts there."""
        return self.family in ("ip", "ip6") and self.table == "filter" and self.name == "FORWARD"


class _Fate(Enum):
    """What becomes of our packets: all pass, some may be dropped, all or some leave the chain, or none of these."""

    PASSES = 1
    DROPS = 2
    LEAVES = 3
    MAY_LEAVE = 4
    GOES_ON = 5


#: Targets of iptables after which a packet goes on to the next rule, in the way that nft lists them.
_XT_GOES_ON = frozenset(
    "AUDIT CLASSIFY CHECKSUM CONNMARK CONNSECMARK DSCP ECN HL LED LOG MARK NFLOG RATEEST SECMARK SET TCPMSS TEE TOS"
    " TRACE TTL ULOG".split()
)
#: What changes neither the verdict nor whether each of our packets matches.
_TRANSPARENT = frozenset({"counter", "log", "mangle", "notrack", "ct helper", "ct timeout", "flow"})

#: Operators of which we know what they say of conntrack's states.
_EQUALITY = frozenset({"==", "in", "!="})


@dataclass(frozen=True)
class Firewall:
    """The chains of all tables but ours.

    :ivar chains: each chain's properties.
    :ivar rules: each chain's rules in order.
    :ivar interfaces: those that our packets come in and go out by; empty when they are not known.
    :ivar mark: value and mask.
    :ivar comment: tells the rules that we inserted.
    """

    chains: Mapping[Chain, Json]
    rules: Mapping[Chain, list[Json]]
    interfaces: frozenset[str]
    mark: tuple[int, int]
    comment: str

    def blocking(self) -> list[Chain]:
        """The chains on the forward hook that would drop our packets, rules that we inserted left aside."""
        return sorted(chain for chain in self._hooked() if self._drops(chain))

    def opened(self) -> list[Chain]:
        """The chains that hold a rule that we inserted."""
        return sorted(chain for chain in self.chains if any(map(self._inserted, self.rules.get(chain, ()))))

    def _hooked(self) -> Iterable[Chain]:
        for chain, properties in self.chains.items():
            filters = properties.get("hook") == "forward" and properties.get("type", "filter") == "filter"
            if filters and chain.family in ("ip", "ip6", "inet"):
                yield chain

    def _drops(self, chain: Chain) -> bool:
        closed = self.chains[chain].get("policy") == "drop"
        walks = (_Walk(self, state) for state in ("new", "established"))
        return any(
            fate is _Fate.DROPS or (fate is _Fate.GOES_ON and closed)
            for fate in (walk.fate(chain, frozenset()) for walk in walks)
        )

    def _inserted(self, rule: Json) -> bool:
        return rule.get("comment") == self.comment

    def rules_of_theirs(self, chain: Chain) -> list[Json]:
        """What a chain holds, rules that we inserted left aside."""
        return [rule for rule in self.rules.get(chain, ()) if not self._inserted(rule)]


@dataclass(frozen=True)
class _Walk:
    """Our packets' way through a firewall, those of one state of conntrack.

    :ivar state: ``new`` or ``established``. Conntrack only ever sees the original flow, so nothing of ours is invalid
        or untracked.
    """

    firewall: Firewall
    state: str

    def fate(self, chain: Chain, above: frozenset[Chain]) -> _Fate:
        """What becomes of the packets in a chain, its policy left aside."""
        if chain in above:
            return _Fate.GOES_ON
        some_left = False
        for rule in self.firewall.rules_of_theirs(chain):
            fate = self._fate_of_rule(rule["expr"], chain, above | {chain})
            if fate is _Fate.DROPS:
                return fate
            if fate is _Fate.LEAVES:
                return _Fate.GOES_ON
            if fate is _Fate.PASSES:
                return _Fate.GOES_ON if some_left else fate
            some_left = some_left or fate is _Fate.MAY_LEAVE
        return _Fate.GOES_ON

    def _fate_of_rule(self, expressions: list[Json], chain: Chain, above: frozenset[Chain]) -> _Fate:
        every = True  # whether each of the packets matches so far
        for expression in expressions:
            kind, body = next(iter(expression.items()))
            if kind == "match":
                if self._never(body):
                    return _Fate.GOES_ON
                every = every and (self._is_our_mark(body) or self._is_our_state(body))
            elif kind in ("drop", "reject", "queue") or (kind == "xt" and _xt_ends(body)):
                return _Fate.DROPS  # a queue drops where no program listens
            elif kind == "accept":
                return _Fate.PASSES if every else _Fate.GOES_ON
            elif kind == "return":
                return _Fate.LEAVES if every else _Fate.MAY_LEAVE
            elif kind in ("jump", "goto"):
                fate = self.fate(Chain(chain.family, chain.table, body["target"]), above)
                if kind == "goto" and fate is _Fate.GOES_ON:  # its end is the end of this chain, too
                    fate = _Fate.LEAVES
                return fate if every or fate is _Fate.DROPS else _sometimes(fate)
            elif kind == "vmap":
                return self._fate_of_map(body, chain, above)
            elif kind not in _TRANSPARENT and body != {"type": "match", "name": "comment"}:
                every = every and kind == "xt" and body.get("type") == "target"
        return _Fate.GOES_ON

    def _fate_of_map(self, body: Json, chain: Chain, above: frozenset[Chain]) -> _Fate:
        pairs = body["data"].get("set", ()) if isinstance(body["data"], Mapping) else ()
        if not pairs:
            return _Fate.DROPS  # a named map, whose contents change
        found = _Fate.GOES_ON
        for value, verdict in pairs:
            match = {"op": "==", "left": body["key"], "right": value}
            if self._never(match):
                continue
            fate = self._fate_of_rule([verdict], chain, above)
            if fate is _Fate.DROPS or self._is_our_state(match):  # then no other pair is met
                return fate
            found = _Fate.MAY_LEAVE if _sometimes(fate) is _Fate.MAY_LEAVE else found
        return found

    def _never(self, match: Json) -> bool:
        """Whether a match is clearly about other packets: other interfaces, or another state of conntrack."""
        left, right, operator = match["left"], match["right"], match["op"]
        values = _values(right)
        if isinstance(left, Mapping) and "meta" in left and left["meta"].get("key") in ("iifname", "oifname"):
            interfaces = self.firewall.interfaces
            if not interfaces or values is None:
                return False
            hits = [any(fnmatchcase(name, str(value)) for value in values) for name in interfaces]
            return all(hits) if operator == "!=" else not any(hits)
        if _is_state(left) and values is not None and operator in _EQUALITY:
            return values == [self.state] if operator == "!=" else self.state not in values
        return False

    def _is_our_state(self, match: Json) -> bool:
        """Whether a match takes every packet of this state."""
        values = _values(match["right"])
        if not _is_state(match["left"]) or values is None or match["op"] not in _EQUALITY:
            return False
        return self.state not in values if match["op"] == "!=" else self.state in values

    def _is_our_mark(self, match: Json) -> bool:
        """Whether a match takes all packets with our mark, in each way that nft lists one."""
        value, mask = self.firewall.mark
        left, right = match["left"], match["right"]
        if match["op"] != "==":
            return False
        if left == {"meta": {"key": "mark"}}:
            prefix = right.get("prefix", {}) if isinstance(right, Mapping) else {}
            return bool(prefix) and _masked(prefix["addr"], 0xFFFFFFFF << (32 - prefix["len"]), value, mask)
        if isinstance(left, Mapping) and "&" in left and left["&"][0] == {"meta": {"key": "mark"}}:
            return isinstance(right, int) and _masked(right, left["&"][1], value, mask)
        return False


def firewall_of(
    listed: Iterable[tuple[str, Json]], interfaces: frozenset[str], mark: tuple[int, int], comment: str
) -> Firewall:
    """The firewall in a listing of chains and rules, see :func:`.table_layout.objects`."""
    chains: dict[Chain, Json] = {}
    rules: dict[Chain, list[Json]] = {}
    for kind, body in listed:
        if kind == "chain":
            chains[Chain(body["family"], body["table"], body["name"])] = body
        elif kind == "rule":
            rules.setdefault(Chain(body["family"], body["table"], body["chain"]), []).append(body)
    return Firewall(chains, rules, interfaces, mark, comment)


def _sometimes(fate: _Fate) -> _Fate:
    """A fate that only some of our packets meet."""
    return _Fate.MAY_LEAVE if fate in (_Fate.LEAVES, _Fate.MAY_LEAVE) else _Fate.GOES_ON


def _xt_ends(body: Json) -> bool:
    """Whether this is a target of iptables that may end a packet's way. nft tells its name alone."""
    return body.get("type") == "target" and body.get("name") not in _XT_GOES_ON


def _masked(theirs: object, their_mask: object, value: int, mask: int) -> bool:
    """Whether every packet with our bits has theirs: their mask looks at none but ours."""
    if not isinstance(theirs, int) or not isinstance(their_mask, int):
        return False
    looked_at = their_mask & 0xFFFFFFFF
    return looked_at & ~mask == 0 and value & looked_at == theirs


def _is_state(left: object) -> bool:
    """Whether a match looks at conntrack's state of the packet."""
    return isinstance(left, Mapping) and left.get("ct") == {"key": "state"}


def _values(right: object) -> list[str] | None:
    """The plain values of the right side of a match; None for what cannot be looked into."""
    if isinstance(right, Mapping):
        listed = right.get("set")
        return [str(item) for item in listed] if isinstance(listed, list) else None
    if isinstance(right, list):
        return [str(item) for item in right]
    text = str(right)
    return None if text.startswith("@") else [text]
