# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old addresses that a Linux router answers for on a link: from what ``ip -j neigh show proxy`` lists, and for a step.

The kernel keeps such an entry until it is deleted. What makes it expire are elements of nftables beside it: without
them it answers nobody, see ``templates/nftables/neighbours.nft.j2``.
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any, Dict, Iterable, List

from ..errors import HandoverError
from ..mobility.model import Address, Entry, Neighbour, Stamp
from . import stamp as stamps
from .base import Output
from .routes import SETTINGS

__all__ = ["neighbour_lines", "neighbours_of"]


def neighbours_of(output: Output, records: Dict[Address, Stamp]) -> Iterable[Neighbour]:
    """The addresses that are listed under our protocol, and those recorded that are no longer listed.

    :param records: the stamp of each address, which a neighbour entry cannot carry itself; emptied here.
    :raises HandoverError: ``unreadable_answer``.
    """
    text = output.sections.get("neighbours", "").strip()
    try:
        listed = json.loads(text) if text else []
    except ValueError as error:
        raise HandoverError("unreadable_answer", text[:200], "ip lists neighbours as JSON") from error
    for item in listed:
        # Without a protocol, or under another one, it is somebody else's.
        if str(item.get("protocol")) == str(SETTINGS["route_protocol"]):
            address = ip_address(item["dst"])
            yield Neighbour(address, item["dev"], records.pop(address, stamps.REMNANT))
    for address, stamp in records.items():
        yield Neighbour(address, "", stamp)


def neighbour_lines(remove: Iterable[Entry], put: Iterable[Entry]) -> Dict[str, List[Dict[str, Any]]]:
    """The neighbour entries of one change for the template ``linux/neighbours.sh.j2``.

    :returns: ``gone`` and ``new``: those that hosts on the link must learn of; ``put``: all that shall stand.
    """
    before = {entry.key: entry for entry in remove if isinstance(entry, Neighbour) and entry.interface}
    after = {entry.key: entry for entry in put if isinstance(entry, Neighbour)}
    return {
        "gone": [_line(entry) for key, entry in before.items() if key not in after],
        "new": [_line(entry) for key, entry in after.items() if key not in before],
        "put": [_line(entry) for entry in after.values()],
    }


def _line(entry: Neighbour) -> Dict[str, Any]:
    return {"address": str(entry.address), "interface": entry.interface}
