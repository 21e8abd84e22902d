# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: what an SRX does with packets, by its running configuration and its sessions.

A session has two wings, each the packets of one direction as they come in; the rules are asked for a session's first
packet alone. One that would make a wing that another session has is dropped, and so is TCP's first one that is no SYN,
unless ``no-syn-check`` is set. Filters come before sessions. As documented by Juniper; that wings may not meet is our
reading of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from xml.etree.ElementTree import Element

__all__ = ["Flows", "Packet"]


@dataclass(frozen=True)
class Packet:
    """A packet, as it comes in from ``inside`` or from the other side."""

    source: str
    source_port: int
    destination: str
    destination_port: int
    inside: bool
    protocol: str = "tcp"
    syn: bool = False

    @property
    def tuple(self) -> tuple[object, ...]:
        return (self.protocol, self.source, self.source_port, self.destination, self.destination_port)

    @property
    def answer(self) -> Packet:
        """The packet that answers it, as it comes in on the other side."""
        turned = (self.destination, self.destination_port, self.source, self.source_port)
        return Packet(*turned, not self.inside, self.protocol)


class Flows:
    """The sessions of one router.

    :ivar sessions: by each wing what becomes of its packets; both wings of a session are there.
    """

    def __init__(self) -> None:
        self.sessions: dict[tuple[object, ...], tuple[Packet, tuple[object, ...]]] = {}

    def passed(self, packet: Packet, running: Element, inside: str, outside: str) -> Packet | None:
        """What leaves on the other side; None where it is dropped."""
        came, leaves = (inside, outside) if packet.inside else (outside, inside)
        if _filtered(packet, running, came):
            return None
        if packet.tuple in self.sessions:
            return self.sessions[packet.tuple][0]
        if packet.protocol == "tcp" and not packet.syn and running.find(".//tcp-session/no-syn-check") is None:
            return None
        sent = packet
        to = _translated(running, "destination", sent, came, leaves)
        sent = sent if to is None else replace(sent, destination=to)
        source = _translated(running, "source", sent, came, leaves)
        sent = sent if source is None else replace(sent, source=source)
        back = sent.answer
        if back.tuple in self.sessions:
            return None
        self.sessions[packet.tuple] = (sent, back.tuple)
        self.sessions[back.tuple] = (packet.answer, packet.tuple)
        return sent

    def clear(self, chosen: Element) -> int:
        """End the sessions that a ``clear-flow-session`` chooses by their first packets."""
        gone = [wing for wing in self.sessions if _chosen(wing, chosen)]
        for wing in gone:
            session = self.sessions.pop(wing, None)
            if session is not None:
                self.sessions.pop(session[1], None)
        return len(gone)


def _chosen(wing: tuple[object, ...], chosen: Element) -> bool:
    protocol, source, source_port, destination, destination_port = wing
    asked = {
        "source-prefix": source,
        "destination-prefix": destination,
        "source-port": source_port,
        "destination-port": destination_port,
        "protocol": protocol,
    }
    return all(
        str(asked[item.tag]) == (item.text or "").partition("/")[0] if item.tag in asked else False for item in chosen
    )


def _filtered(packet: Packet, running: Element, interface: str) -> bool:
    device, _dot, unit = interface.rpartition(".")
    family = "inet" if ip_address(packet.source).version == 4 else "inet6"
    path = f"interfaces/interface[name='{device}']/unit[name='{unit}']/family/{family}/filter/input-list"
    listed = [item.text for item in running.iterfind(path)]
    for name in listed:
        for term in running.iterfind(f"firewall/family/{family}/filter[name='{name}']/term"):
            if _matches(term.find("from"), packet, "source-address/name", "destination-address/name", "{}-port"):
                if term.find("then/discard") is not None:
                    return True
                if term.find("then/accept") is not None:
                    return False
    return bool(listed)


def _translated(running: Element, side: str, packet: Packet, came: str, leaves: str) -> str | None:
    short, to = ("dest", "destination-address/dst-addr") if side == "destination" else ("src", "destination-address")
    for rules in running.iterfind(f"security/nat/{side}/rule-set"):
        if rules.findtext("from/interface") != came or rules.findtext("to/interface") not in (None, leaves):
            continue
        for rule in rules.iterfind("rule"):
            match = rule.find(f"{short}-nat-rule-match")
            application = None if match is None else match.findtext("application")
            named = running.find(f"applications/application[name='{application}']")
            if _matches(match, packet, "source-address", to, "{}-port/name") and (
                application is None or _matches(named, packet, "", "", "{}-port")
            ):
                pool = rule.findtext(f"then/{side}-nat/pool/pool-name")
                leaf = "address/ipaddr" if side == "destination" else "address/name"
                text = running.findtext(f"security/nat/{side}/pool[name='{pool}']/{leaf}") or ""
                return text.partition("/")[0]
    return None


def _matches(match: Element | None, packet: Packet, source: str, destination: str, port: str) -> bool:
    if match is None:
        return True
    hosts = ((source, packet.source), (destination, packet.destination))
    for path, address in hosts:
        wanted = match.findtext(path) if path else None
        if wanted is not None and ip_address(address) not in ip_network(wanted):
            return False
    ports = (("source", packet.source_port), ("destination", packet.destination_port))
    protocol = match.findtext("protocol") or match.findtext("next-header")
    return protocol in (None, packet.protocol) and all(
        match.findtext(port.format(end)) in (None, str(number)) for end, number in ports
    )
