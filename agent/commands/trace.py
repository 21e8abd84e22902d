# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover trace``: the walk of one packet through router states."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.model import Address, Route
from ...plugins.module_utils.mobility.router_state import RouterState
from ...plugins.module_utils.mobility.selector import PROTOCOLS
from ...plugins.module_utils.mobility.topology import Topology
from ...plugins.module_utils.mobility.trace import OUTSIDE, Packet, Walk, trace
from ...plugins.module_utils.platforms.registry import platform_named
from ...plugins.module_utils.reader import address
from ...plugins.plugin_utils.plan_records import states_from_record, topology_from_record
from ..data_file import DataFiles, load
from ..plan_input import states_in

__all__ = ["add_parser", "run"]

_Endpoint = tuple[Address, int | None]


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "trace",
        help="walk a packet through router states",
        description="Walks a packet as the routers would pass it on, and prints each hop and the verdict. "
        "Exit status 1 when it is not delivered.",
    )
    files = DataFiles()
    parser.add_argument(
        "--topology", required=True, type=files, metavar="FILE", help="as for plan; - is standard input"
    )
    parser.add_argument(
        "--states", required=True, type=files, metavar="FILE", help="what the routers hold; plan --json prints it"
    )
    parser.add_argument("--from", dest="source", required=True, type=_endpoint, metavar="SRC[:PORT]")
    parser.add_argument("--to", dest="destination", required=True, type=_endpoint, metavar="DST[:PORT]")
    parser.add_argument("--proto", required=True, choices=(*PROTOCOLS, "icmp"), help="%(choices)s; icmp has no ports")
    parser.add_argument(
        "--at",
        metavar="ROUTER",
        help="the sender's first-hop router; default: the one with a route to the sender's address, "
        "or the one that serves its network; a sender in a network that is not managed has none",
    )
    parser.add_argument(
        "--no-ingress-filtering",
        action="store_true",
        help="the network between lets foreign source addresses pass (no BCP 38)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Walk and print. Returns the exit status."""
    wrong = _misuse(args)
    if wrong:
        print(f"sip-handover trace: {wrong}", file=sys.stderr)
        return 2
    topology = topology_from_record(load(args.topology))
    states = states_from_record(states_in(load(args.states)), topology)
    packet = Packet(args.source[0], args.destination[0], args.proto, args.source[1], args.destination[1])
    start = _start(args.at, packet.source, topology, states)
    walk = trace(
        packet,
        start,
        topology,
        states,
        ingress_filtering=not args.no_ingress_filtering,
        link=_link(packet, start, topology),
        by_side={name for name, one in topology.routers.items() if platform_named(one.platform).capabilities.by_side},
    )
    if args.json:
        print(json.dumps(_record(packet, start, walk), indent=2))
    else:
        print(f"{start or 'outside'}: {packet}")
        for hop in walk.hops:
            print(f"{hop.where or 'outside'}: {hop.what}: {hop.packet}")
        print(f"delivered to {walk.host}" if walk.delivered else f"not delivered: {walk.verdict}")
    return 0 if walk.delivered else 1


def _misuse(args: argparse.Namespace) -> str:
    if args.source[0].version != args.destination[0].version:
        return "--from and --to are of one family"
    if args.proto == "icmp" and (args.source[1] is not None or args.destination[1] is not None):
        return "icmp has no ports"
    return ""


def _start(at: str | None, source: Address, topology: Topology, states: Mapping[str, RouterState]) -> str:
    """The first-hop router of a sender. One that moved still sends from its old address, behind another router."""
    if at is not None:
        if at not in topology.routers:
            raise HandoverError(
                "unknown_router", at, f"a router of the topology is one of {', '.join(sorted(topology.routers))}"
            )
        return at
    moved = sorted(name for name, state in states.items() if isinstance(state.get(("route", source)), Route))
    if len(moved) > 1:
        raise HandoverError(
            "ambiguous_router", f"{source}: {', '.join(moved)}", "one router has a route to the sender", "Give --at."
        )
    serving = topology.find(source)
    return moved[0] if moved else OUTSIDE if serving is None else serving.name


def _link(packet: Packet, start: str, topology: Topology) -> Address | None:
    """The sender's address on its link: its own, unless it has moved."""
    serving = topology.find(packet.source)
    return packet.source if serving is not None and serving.name == start else None


def _record(packet: Packet, start: str, walk: Walk) -> dict[str, Any]:
    return {
        "router": start,
        "packet": _packet_record(packet),
        "hops": [{"router": hop.where, "what": hop.what, "packet": _packet_record(hop.packet)} for hop in walk.hops],
        "delivered": walk.delivered,
        "host": None if walk.host is None else str(walk.host),
        "arrives_as": _packet_record(walk.packet),
        "verdict": walk.verdict,
    }


def _packet_record(packet: Packet) -> dict[str, Any]:
    return {
        "source": str(packet.source),
        "destination": str(packet.destination),
        "protocol": packet.protocol,
        "source_port": packet.source_port,
        "destination_port": packet.destination_port,
    }


def _endpoint(text: str) -> _Endpoint:
    """An address, and a port where there is one; IPv6 with a port in brackets (RFC 3986 section 3.2.2)."""
    host, port = text, ""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise argparse.ArgumentTypeError(f"{text} is not [ADDRESS]:PORT")
        port = port[1:]
    elif text.count(":") == 1:
        host, _colon, port = text.partition(":")
    try:
        found = address(host)
    except HandoverError as error:
        raise argparse.ArgumentTypeError(f"{text} is not ADDRESS[:PORT]") from error
    if not port:
        return found, None
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text}: a port is a number from 1 to 65535")
    return found, int(port)
