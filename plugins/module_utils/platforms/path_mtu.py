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
from ..mobility.selector import Selector

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
    scope = rewrite.match.scope.value
    before = rewrite.match.destination if rewrite.kind.changes_destination else rewrite.match.source
    if before is None:  # a rewrite of a single address matches what it changes
        return
    yield f"{scope}_error_{inward.value}", _key(rewrite.image), before
    # With one direction only, the packets of the other one are not rewritten, and neither are their errors.
    if rewrite.stamp.directions is Directions.BOTH:
        yield f"{scope}_error_{outward.value}", _key(rewrite.match.turned), rewrite.to


def _key(quoted: Selector) -> str:
    """The key as nft lists it, so that it is the same text in a step and in a listing."""
    addresses = int.from_bytes(_packed(quoted.source) + _packed(quoted.destination), "big")
    if quoted.protocol is None or quoted.source_port is None or quoted.destination_port is None:
        return f"{addresses:#x}"
    ports = quoted.source_port << 16 | quoted.destination_port
    return f"{addresses:#x} . {PROTOCOL_NUMBERS[quoted.protocol]:#x} . {ports:#x}"


def _packed(address: Optional[Address]) -> bytes:
    return b"" if address is None else address.packed
