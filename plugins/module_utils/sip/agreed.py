# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's place in an agreement of offer and answer, as plain data: who has a media stream with whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from ..errors import HandoverError
from .grammar import Address, ip_literal

__all__ = ["AgreedFlow", "flow_from_record", "flow_to_record"]

_KEYS = frozenset(("protocol", "use", "party", "address", "port", "peer", "peer_address", "peer_port", "since"))


@dataclass(frozen=True)
class AgreedFlow:
    """One flow of a dialog that stands.

    :ivar protocol: ``udp``, or ``tcp`` for signalling.
    :ivar use: ``rtp``, ``rtcp``, ``media`` for what is neither, ``signalling``.
    :ivar party: canonical address of record of one end, whose ``address`` and ``port`` these are; empty for a server.
    :ivar peer: of the other end, likewise.
    :ivar since: when it was agreed, Unix seconds UTC; None where the input has no time.
    """

    protocol: str
    use: str
    party: str
    address: Address
    port: int
    peer: str
    peer_address: Address
    peer_port: int
    since: Optional[float] = None


def flow_to_record(flow: AgreedFlow) -> Dict[str, Any]:
    """A flow as plain data."""
    return {**vars(flow), "address": str(flow.address), "peer_address": str(flow.peer_address)}


def flow_from_record(record: object) -> AgreedFlow:
    """A flow from plain data.

    :raises HandoverError: ``bad_record``, naming the key.
    """
    if not isinstance(record, Mapping) or record.keys() != _KEYS:
        raise HandoverError("bad_record", f"{record!r:.150}", "a flow is a mapping with " + ", ".join(sorted(_KEYS)))
    texts = {key: record[key] for key in ("protocol", "use", "party", "peer")}
    ports = {key: record[key] for key in ("port", "peer_port")}
    since = record["since"]
    for key, text in texts.items():
        if not isinstance(text, str):
            raise _bad(key, text)
    for key, port in ports.items():
        if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
            raise _bad(key, port)
    if since is not None and (isinstance(since, bool) or not isinstance(since, (int, float))):
        raise _bad("since", since)
    addresses = {}
    for key in ("address", "peer_address"):
        found = ip_literal(record[key]) if isinstance(record[key], str) else None
        if found is None:
            raise _bad(key, record[key])
        addresses[key] = found
    return AgreedFlow(
        texts["protocol"],
        texts["use"],
        texts["party"],
        addresses["address"],
        ports["port"],
        texts["peer"],
        addresses["peer_address"],
        ports["peer_port"],
        since,
    )


def _bad(key: str, value: object) -> HandoverError:
    return HandoverError("bad_record", f"{key}: {value!r:.100}", "a flow has this key, of its type")
