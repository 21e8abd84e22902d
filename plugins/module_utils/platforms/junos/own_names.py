# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is called how on an SRX: everything of ours begins with ``sipmobility``. A name has 31 characters at most."""

from __future__ import annotations

import hashlib
from typing import Mapping, Optional

from ...mobility.model import Address, Mark, Rewrite, RewriteKind, Selector
from ...mobility.selector import endpoint

__all__ = [
    "FILTER_PROTOCOL",
    "FREEZE_FILTER",
    "MACRO",
    "MARKS",
    "PASS_FILTER",
    "PREFIX",
    "PROTOCOLS",
    "READY",
    "RULE_SETS",
    "STAMP",
    "application_name",
    "host",
    "mark_name",
    "pool_name",
    "rule_name",
    "side_of",
    "term_name",
]

PREFIX = "sipmobility-"
#: The macro that carries a stamp: Junos lets one stand in any statement, and never asks it.
MACRO, STAMP = "sipmobility", "stamp"
#: The macro of source NAT in which marks are kept, one datum each: no packet is marked on an SRX.
MARKS = "sipmobility-marks"
#: Drops what is frozen, before sessions are looked up; and its first term, which only says that it is there.
FREEZE_FILTER, READY = "sipmobility-freeze", "ready"
#: Lets everything pass, behind it, where an interface had no filter.
PASS_FILTER = "sipmobility-pass"

#: One set of rules for each rewrite.
RULE_SETS: Mapping[RewriteKind, str] = {kind: f"{PREFIX}{kind.value.replace('_', '-')}" for kind in RewriteKind}

#: What a filter calls a transport protocol, by its family.
FILTER_PROTOCOL: Mapping[str, str] = {"inet": "protocol", "inet6": "next-header"}
#: Transport protocols as Junos names them; those without a name by number.
PROTOCOLS: Mapping[str, str] = {"tcp": "tcp", "udp": "udp", "sctp": "sctp", "dccp": "33", "udplite": "136"}


def side_of(kind: RewriteKind) -> str:
    """Which of the two kinds of rule-based NAT a rewrite is: ``destination`` or ``source``."""
    return "destination" if kind.changes_destination else "source"


def rule_name(rewrite: Rewrite) -> str:
    """The name of its rule, made of all that tells it from the others."""
    return PREFIX + _hash(f"{rewrite.kind.value} {rewrite.match}")


def term_name(match: Selector) -> str:
    """The name of the term that drops these packets."""
    return PREFIX + _hash(str(match))


def pool_name(address: Address) -> str:
    """The name of the pool, of destinations or of sources, that holds one address."""
    return PREFIX + _hash(str(address))


def application_name(match: Selector) -> str:
    """The name of the application that is a session's protocol and ports; empty where there are none."""
    if match.protocol is None:
        return ""
    return f"{PREFIX}{match.protocol}-{match.source_port}-{match.destination_port}"


def mark_name(mark: Mark) -> str:
    """The name of its datum."""
    match = mark.match
    ends = (endpoint(match.source, match.source_port), endpoint(match.destination, match.destination_port))
    return "_".join((match.protocol or "ip", *ends))


def host(address: Optional[Address]) -> str:
    """A single address as a prefix; empty for none."""
    return "" if address is None else f"{address}/{address.max_prefixlen}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
