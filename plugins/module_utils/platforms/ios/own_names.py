# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is ours on an IOS router is called: by these names it is told from what is not.

A line of static NAT has no name of its own. Ours are those with a route-map of our name, and those that a record of
ours speaks of.
"""

from __future__ import annotations

from ...mobility.model import Address

__all__ = ["FREEZES", "LIST", "RECORD", "ROUTE_NAME", "ROUTE_TAG", "VRF_ROUTE_NAME", "scope_name"]

#: How the name of each record begins: an environment variable of the Embedded Event Manager.
RECORD = "sipmobility_"
#: Name and tag of a phone's host route, and the name of the route that takes the place of add-route.
ROUTE_NAME, VRF_ROUTE_NAME, ROUTE_TAG = "sipmobility", "sipmobility-outside", 7082
#: How the name of each of our access lists begins.
LIST = "SIPMOBILITY-"
#: The access list of frozen flows. A new one is written whole and takes the other's place: while a list is edited on an
#: interface, IOS drops what its missing last line would let pass.
FREEZES = (f"{LIST}FREEZE-1", f"{LIST}FREEZE-2")


def scope_name(old: Address, new: Address) -> str:
    """Route-map and access list that keep one line to its correspondents."""
    return f"{LIST}{old}-{new}"
