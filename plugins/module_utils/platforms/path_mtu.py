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

from typing import Dict, Iterator, Optional, Tuple

from ..mobility.model import Address, Directions, Rewrite, RewriteKind, Scope

__all__ = ["ERROR_MAPS", "PROTOCOL_NUMBERS", "error_elements"]

#: Protocol numbers (IANA) of the transport protocols that a session may name.
PROTOCOL_NUMBERS = {"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132, "udplite": 136}

#: The type of the keys of each map, as nft lists it: bytes of the quotation, which have no type of their own.
ERROR_MAPS: Dict[str, object] = {
    f"{scope.value}_error_{kind.value}": ["integer"] * 3 if scope is Scope.SESSION else "integer"
    for scope in Scope
    for kind in RewriteKind
}

#: An encoder: what it does to the errors of its own direction, and to those of the other one.
_ERRORS = {
    RewriteKind.OUTBOUND_DST: (RewriteKind.INBOUND_DST, RewriteKind.OUTBOUND_SRC),
    RewriteKind.OUTBOUND_SRC: (RewriteKind.INBOUND_SRC, RewriteKind.OUTBOUND_DST),
}


def error_elements(rewrite: Rewrite) -> Iterator[Tuple[str, str, Address]]:
    """The elements that belong to a rewrite: map, key as nft text, and the address that the quotation gets."""
    if rewrite.kind not in _ERRORS:
        return
    inward, outward = _ERRORS[rewrite.kind]
    match = rewrite.match
    scope = match.scope.value
    source, destination = match.source, match.destination
    before = destination if rewrite.kind.changes_destination else source
    if before is None:  # a rewrite of a single address matches what it changes
        return
    # The packet as it leaves the rewrite; by its parts, for a selector of its own takes thrice as long.
    left_from, left_to = (source, rewrite.to) if rewrite.kind.changes_destination else (rewrite.to, destination)
    left = _key(left_from, left_to, match.protocol, match.source_port, match.destination_port)
    yield f"{scope}_error_{inward.value}", left, before
    # With one direction only, the packets of the other one are not rewritten, and neither are their errors.
    if rewrite.stamp.directions is Directions.BOTH:
        turned = _key(destination, source, match.protocol, match.destination_port, match.source_port)
        yield f"{scope}_error_{outward.value}", turned, rewrite.to


def _key(
    source: Optional[Address],
    destination: Optional[Address],
    protocol: Optional[str],
    source_port: Optional[int],
    destination_port: Optional[int],
) -> str:
    """The key as nft lists it, so that it is the same text in a step and in a listing."""
    addresses = 0
    for address in (source, destination):
        if address is not None:
            addresses = addresses << address.max_prefixlen | int(address)
    if protocol is None or source_port is None or destination_port is None:
        return f"{addresses:#x}"
    return f"{addresses:#x} . {PROTOCOL_NUMBERS[protocol]:#x} . {source_port << 16 | destination_port:#x}"
