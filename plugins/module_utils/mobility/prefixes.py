# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values by prefix, and the one of the longest prefix that holds an address."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Dict, Generic, List, Mapping, Optional, Tuple, TypeVar, Union

from .model import Address

__all__ = ["Network", "Prefixes"]

Network = Union[IPv4Network, IPv6Network]

_T = TypeVar("_T")


class Prefixes(Generic[_T]):
    """By numbers: addresses are asked for all the time, and to look through networks is slow.

    :param values: by network.
    """

    def __init__(self, values: Mapping[Network, _T]) -> None:
        found: Dict[int, Dict[int, Dict[int, _T]]] = {4: {}, 6: {}}
        for network, value in values.items():
            bits = network.max_prefixlen - network.prefixlen
            found[network.version].setdefault(bits, {})[int(network.network_address) >> bits] = value
        self._by_bits: Dict[int, List[Tuple[int, Dict[int, _T]]]] = {
            version: sorted(tables.items(), key=lambda item: item[0]) for version, tables in found.items()
        }

    def longest(self, address: Address) -> Optional[_T]:
        """The value of the longest prefix that holds the address."""
        number = int(address)
        for bits, table in self._by_bits[address.version]:
            value = table.get(number >> bits)
            if value is not None:
                return value
        return None
