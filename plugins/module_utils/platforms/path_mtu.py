# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Path-MTU errors on nftables: which elements undo a rewrite in what an error quotes.

A router that cannot forward a packet quotes it as it was there (RFC 792, RFC 4443 section 3.2). Each encoder has an
element for the errors that come back to it from the network, and one for those that go out under its other half, the
decoder of the opposite direction. Both follow from the encoder, so nothing of them is in the model. An encoder is
unique in what leaves it, as the decoder at the other end is in what it takes.
"""

from __future__ import annotations

from typing import Dict, List, Tuple

from ..mobility.model import Address, Directions, Rewrite, RewriteKind, Scope

__all__ = ["ERROR_MAPS", "PROTOCOL_NUMBERS", "error_elements"]

#: Protocol numbers (IANA) of the transport protocols that a session may name.
PROTOCOL_NUMBERS = {"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132, "udplite": 136}

#: The names of our maps, by scope and by the rewrite of what is quoted.
_NAMES = {(scope, kind): f"{scope.value}_error_{kind.value}" for scope in Scope for kind in RewriteKind}

#: The type of the keys of each map, as nft lists it: bytes of the quotation, which have no type of their own.
ERROR_MAPS: Dict[str, object] = {
    name: ["integer"] * 3 if scope is Scope.SESSION else "integer" for (scope, _kind), name in _NAMES.items()
}

#: An encoder: what it does to the errors of its own direction, and to those of the other one.
_ERRORS = {
    RewriteKind.OUTBOUND_DST: (RewriteKind.INBOUND_DST, RewriteKind.OUTBOUND_SRC),
    RewriteKind.OUTBOUND_SRC: (RewriteKind.INBOUND_SRC, RewriteKind.OUTBOUND_DST),
}


def error_elements(rewrite: Rewrite) -> List[Tuple[str, str, Address]]:
    """The elements that belong to a rewrite: map, key as nft text, and the address that the quotation gets."""
    kinds = _ERRORS.get(rewrite.kind)
    match = rewrite.match
    before = match.destination if rewrite.kind.changes_destination else match.source
    if kinds is None or before is None:  # a rewrite of a single address matches what it changes
        return []
    version, source, destination, protocol, port, other = match.bits
    to, scope = int(rewrite.to), match.scope
    # The packet as it leaves the rewrite.
    left = (source, to) if rewrite.kind.changes_destination else (to, destination)
    found = [(_NAMES[scope, kinds[0]], _key(version, *left, protocol, port, other), before)]
    # With one direction only, the packets of the other one are not rewritten, and neither are their errors.
    if rewrite.stamp.directions is Directions.BOTH:
        turned = _key(version, protocol=protocol, source=destination, destination=source, port=other, other=port)
        found.append((_NAMES[scope, kinds[1]], turned, rewrite.to))
    return found


def _key(version: int, source: int, destination: int, protocol: str, port: int, other: int) -> str:
    """The key as nft lists it, so that it is the same text in a step and in a listing."""
    if source < 0 or destination < 0:
        return f"{max(source, destination):#x}"
    addresses = source << (32 if version == 4 else 128) | destination
    if not protocol:
        return f"{addresses:#x}"
    return f"{addresses:#x} . {PROTOCOL_NUMBERS[protocol]:#x} . {port << 16 | other:#x}"
