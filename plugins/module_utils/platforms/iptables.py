# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux routers by iptables: NAT by connection tracking, for those that cannot have nftables.

The kernel asks the NAT rules once for each connection and translates both its directions from then on. So a
rewrite cannot be had without its reverse, and a connection that is tracked already does not see a new rule:
the flows concerned are frozen (dropped before tracking), the rules put in, exactly their connections forgotten,
and the flows thawed. Stamps stand in the rules' comments; rules do not expire by themselves, see ``sweep``.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, ClassVar, Dict, Iterable, Iterator, List, Mapping

from ..errors import HandoverError
from ..mobility.model import (
    Address,
    Change,
    Directions,
    Entry,
    Freeze,
    Key,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
    Stamp,
)
from . import stamp as stamps
from .base import COMPLAINTS, Capabilities, Output, Platform, foreign, unprepared
from .routes import SETTINGS, route_lines, routes_of

__all__ = ["Iptables"]

#: Chains of the NAT table: narrow selectors are asked before wide ones.
_WORDS = {Scope.SESSION: "session", Scope.CORRESPONDENT: "pair", Scope.ADDRESS: "address"}

_RULE = "every rule in our chains is of ours"

_COMPLAINTS = (
    (
        r"holding the xtables lock",
        "router_busy",
        "the router's rules can be changed within five seconds",
        "Another program is changing them: run again.",
    ),
    (
        r"No chain/target/match by that name|[Cc]hain '?sipmobility\S* does not exist|does not exist",
        "router_not_prepared",
        "the router has our chains",
        "Run the role first_hop_router on it.",
    ),
    (
        r"not found",
        "tools_missing",
        "the router has iptables, ip6tables, conntrack and ip",
        "Install them, then run the role first_hop_router.",
    ),
    (r"unknown option|Bad argument", "syntax_refused", "the router accepts the step's text", ""),
    (
        # The nftables variant says why a line failed, the legacy one does not; the line that can fail removes a rule.
        r"line \d+ failed",
        "router_changed",
        "a rule stands as the plan found it",
        "Plan again from what the router holds now.",
    ),
    *COMPLAINTS,
)


class Iptables(Platform):
    """iptables and ip6tables (either variant), conntrack and iproute2."""

    name = "iptables"
    capabilities = Capabilities(frozenset(Scope), frozenset((Directions.BOTH,)), joint=True)
    settings: ClassVar[Mapping[str, Any]] = {
        # Hold: freezes, marks and the stamps of routes. Mark: one rule for each rewrite, made anew from the NAT rules.
        "hold_chain": "sipmobility",
        "mark_chain": "sipmobility-mark",
        "dst_chains": [f"sipmobility-dst-{word}" for word in _WORDS.values()],
        "src_chains": [f"sipmobility-src-{word}" for word in _WORDS.values()],
        **SETTINGS,
    }
    complaints = _COMPLAINTS

    def _entries(self, output: Output) -> Iterable[Entry]:
        for version in (4, 6):
            records: Dict[Address, Stamp] = {}
            for rule in _rules(output, version):
                entry = _entry(rule)
                if isinstance(entry, Route):
                    records[entry.destination] = entry.stamp
                else:
                    yield entry
            yield from routes_of(output, version, records)

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        # Rules stand until they are swept. Till then they can be told that they end, and be frozen for that.
        lasting = (entry for entry in change.put if not entry.stamp.ended and not isinstance(entry, Freeze))
        self._holdable(lasting, now)
        return {
            "families": [_family(version, change) for version in (4, 6)],
            "routes": {"remove": route_lines(change.remove, but=change.put), "put": route_lines(change.put)},
        }


def _family(version: int, change: Change) -> Dict[str, Any]:
    """What changes in one family: rules of the two tables, and the flows whose connections are forgotten."""
    removed, put = ([entry for entry in side if _version(entry) == version] for side in (change.remove, change.put))
    return {
        "version": version,
        "raw": {
            "remove": [_hold_rule(entry) for entry in removed if not isinstance(entry, Rewrite) and _is_ours(entry)],
            "put": [_hold_rule(entry) for entry in put if not isinstance(entry, Rewrite)],
        },
        "nat": {
            "remove": [_nat_rule(entry) for entry in removed if isinstance(entry, Rewrite)],
            "put": [_nat_rule(entry) for entry in put if isinstance(entry, Rewrite)],
        },
        "flows": [_match(flow) for flow in _flows(removed, put)],
    }


def _is_ours(entry: Entry) -> bool:
    """Not a remnant: a route whose record is gone has no rule that could be removed."""
    return bool(entry.stamp.handover)


def _hold_rule(entry: Entry) -> Dict[str, Any]:
    if isinstance(entry, Freeze):
        return {**_match(entry.match), "target": "drop", "comment": stamps.encode(entry.stamp)}
    if isinstance(entry, Mark):
        return {**_match(entry.match), "target": "mark", "comment": stamps.encode(entry.stamp)}
    if isinstance(entry, Route):
        match = Selector(destination=entry.destination)
        return {**_match(match), "target": "", "comment": stamps.encode(entry.stamp)}
    raise HandoverError("unsupported_entry", entry, "iptables holds rewrites, marks, freezes and routes")


def _nat_rule(entry: Rewrite) -> Dict[str, Any]:
    side = "dst" if entry.kind.changes_destination else "src"
    return {
        **_match(entry.match),
        "chain": f"sipmobility-{side}-{_WORDS[entry.match.scope]}",
        "side": side,
        "to": str(entry.to),
        "comment": f"{entry.kind.value} {stamps.encode(entry.stamp)}",
    }


def _match(match: Selector) -> Dict[str, Any]:
    return {
        "source": "" if match.source is None else str(match.source),
        "destination": "" if match.destination is None else str(match.destination),
        "protocol": match.protocol or "",
        "source_port": match.source_port or 0,
        "destination_port": match.destination_port or 0,
    }


def _flows(removed: Iterable[Entry], put: Iterable[Entry]) -> List[Selector]:
    """The flows that the kernel may track under what it was told before: each rewrite's packets, either way."""
    before: Dict[Key, Entry] = {entry.key: entry for entry in removed if isinstance(entry, Rewrite)}
    after: Dict[Key, Entry] = {entry.key: entry for entry in put if isinstance(entry, Rewrite)}
    found: Dict[Selector, None] = {}
    for key in [*before, *(key for key in after if key not in before)]:
        pair = [entry for entry in (before.get(key), after.get(key)) if isinstance(entry, Rewrite)]
        if len({entry.to for entry in pair}) == 1 and len(pair) == 2:
            continue  # only its stamp is new
        for entry in pair:
            for match in (entry.match, entry.image):
                found[match] = None
                found[match.turned] = None
    return list(found)


def _version(entry: Entry) -> int:
    if isinstance(entry, (Rewrite, Mark, Freeze)):
        return entry.match.version
    return (entry.destination if isinstance(entry, Route) else entry.address).version


_Rule = Dict[str, str]


def _rules(output: Output, version: int) -> Iterator[_Rule]:
    """The options of our chains' rules, but of those that follow from others: ``iptables-save`` gives each a value."""
    derived = f"-A {Iptables.settings['mark_chain']} "
    for table in ("raw", "nat"):
        section = f"{table}{version}"
        text = output.sections.get(section, "")
        if section in output.status:
            raise unprepared(text, f"chains in the table {table} of IPv{version}")
        for line in text.splitlines():
            if line.startswith("-A sipmobility") and not line.startswith(derived):
                yield _options(line)


def _options(line: str) -> _Rule:
    head, quoted, rest = line.partition(' --comment "')
    comment, _quote, tail = rest.partition('"')
    words = (head + tail).split()[2:] if quoted else line.split()[2:]
    found = {"--comment": comment} if quoted else {}
    if len(words) % 2:
        raise foreign(line, _RULE)
    for option, value in zip(words[::2], words[1::2]):
        if option != "-m":
            found[option] = value
    return found


def _entry(rule: _Rule) -> Entry:
    """The entry that a rule stands for."""
    match, comment, target = _selector(rule), rule.get("--comment", ""), rule.get("-j", "")
    if target in ("DNAT", "SNAT"):
        kind, _space, stamp = comment.partition(" ")
        to = rule.get("--to-destination") or rule.get("--to-source") or ""
        if kind not in {item.value for item in RewriteKind}:
            raise foreign(comment, _RULE)
        return Rewrite(RewriteKind(kind), match, ip_address(to), stamps.decode(stamp))
    stamped = stamps.decode(comment)
    if target == "DROP":
        return Freeze(match, stamped)
    if target == "MARK":
        return Mark(match, stamped)
    if match.destination is None or target:
        raise foreign(comment, _RULE)
    return Route(match.destination, None, None, stamped)


def _selector(rule: _Rule) -> Selector:
    source, destination = (
        ip_address(rule[option].partition("/")[0]) if option in rule else None for option in ("-s", "-d")
    )
    ports = (int(rule[option]) if option in rule else None for option in ("--sports", "--dports"))
    return Selector(source, destination, rule.get("-p"), *ports)
