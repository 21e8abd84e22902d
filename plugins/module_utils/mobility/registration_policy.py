# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy that registrations are held against, from a mapping that a skin has loaded."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from ipaddress import ip_network
from typing import Callable, Dict, Mapping, Optional, Tuple

from ..errors import HandoverError
from ..sip.grammar import ip_literal
from .model import Address
from .prefixes import Network, Prefixes

__all__ = ["Inference", "Policy"]


@dataclass(frozen=True)
class Inference:
    """How a pair may be found although the phone sends no tag (design rule 12). Each way is off unless named.

    :ivar instance: the same AOR and ``+sip.instance`` (RFC 5626) from another address.
    :ivar call_id: the same AOR and Call-ID with a higher CSeq from another address.
    :ivar removed_contact: one REGISTER that removes the old contact and adds the new one.
    :ivar single_contact: the same AOR from another address; only right where nobody has two phones.
    """

    instance: bool = False
    call_id: bool = False
    removed_contact: bool = False
    single_contact: bool = False


@dataclass(frozen=True)
class Policy:
    """Whom to believe. Every default is the careful one.

    :ivar managed_networks: location name to the prefixes of the hosts there.
    :ivar infrastructure: addresses and prefixes that no mobile node ever has: routers, servers, gateways.
    :ivar correspondents: the correspondent nodes that pairs are for; empty for none named here.
    :ivar realms: authentication realm to the SIP domains it vouches for, where they differ from its own name.
    :ivar require_authentication: the server must have authenticated the owner of the AOR.
    :ivar require_secure_transport: the REGISTER must have come over TLS.
    :ivar require_protected_sessions: the sessions that a body lists are believed only where nobody could alter them:
        over TLS, or where the server verified a digest with ``auth-int``. Else the pair stays without them.
    :ivar require_packet_source: the new address must be the packet's source.
    :ivar require_ownership: the old address must have been the phone's, as far as its history is known here or to its
        home server.
    :ivar max_age_seconds: oldest event that is acted on; 0 for any age, and for inputs without time.
    :ivar max_clock_skew_seconds: how far in the future an event may seem to be.
    :ivar default_lifetime_seconds: lifetime where the REGISTER states none.
    :ivar max_lifetime_seconds: longest lifetime of a pair, whatever the REGISTER states.
    :ivar max_registrations_per_aor: tagged or inferred registrations of one AOR within ``rate_window_seconds``.
    :ivar max_handovers_per_address: admitted pairs of one old address within ``rate_window_seconds``.
    :ivar max_handovers: admitted pairs of everybody together within ``rate_window_seconds``.
    :ivar grace_seconds: how long after its end an earlier binding still shows whose the old address was.
    :ivar infer: the ways to find a pair without the tag.
    :ivar home_servers: SIP domain to the servers whose word counts for its users; a domain without any is not asked.
    :ivar home_timeout_seconds: how long a registration waits for the home server's word.
    :ivar max_waiting: how many registrations wait for it at one time.
    :ivar correspondent_networks: where the correspondents of sessions may be that nobody listed by hand; empty for
        every network of a managed router.
    :ivar max_sessions_per_handover: how many sessions of one old address are looked for and kept.
    :ivar widen_unknown_sessions: cover a correspondent of whom no session is known by the scope ``correspondent``.
    """

    managed_networks: Mapping[str, Tuple[Network, ...]]
    infrastructure: Tuple[Network, ...] = ()
    correspondents: Tuple[Address, ...] = ()
    realms: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    require_authentication: bool = True
    require_secure_transport: bool = True
    require_protected_sessions: bool = True
    require_packet_source: bool = True
    require_ownership: bool = True
    max_age_seconds: int = 300
    max_clock_skew_seconds: int = 5
    default_lifetime_seconds: int = 3600
    max_lifetime_seconds: int = 86400
    max_registrations_per_aor: int = 10
    rate_window_seconds: int = 60
    max_handovers_per_address: int = 10
    max_handovers: int = 10000
    grace_seconds: int = 120
    infer: Inference = Inference()
    home_servers: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    home_timeout_seconds: int = 5
    max_waiting: int = 64
    correspondent_networks: Tuple[Network, ...] = ()
    max_sessions_per_handover: int = 200
    widen_unknown_sessions: bool = False

    @classmethod
    def from_dict(cls, data: object) -> Policy:
        """Build from plain data.

        :raises HandoverError: ``unknown_policy_key`` with the key as subject;
            ``bad_policy`` whose subject begins with the key.
        """
        if not isinstance(data, Mapping):
            raise HandoverError("bad_policy", data, "a policy is a mapping")
        readers = _readers()
        for key in data:
            if key not in readers:
                raise HandoverError("unknown_policy_key", key, "a policy has these keys: " + ", ".join(sorted(readers)))
        if "managed_networks" not in data:
            raise HandoverError("bad_policy", "managed_networks", "a policy names the managed networks")
        return cls(**{key: readers[key](value, key) for key, value in data.items()})  # type: ignore[arg-type]

    def prefix_of(self, address: Address) -> Optional[Network]:
        """The longest managed prefix that holds the address."""
        return self._managed.longest(address)

    def is_infrastructure(self, address: Address) -> bool:
        """Whether the address belongs to the network itself."""
        return self._own.longest(address) is not None

    def homes_of(self, aor: str) -> Tuple[str, ...]:
        """The home servers whose word counts for an address of record."""
        return self.home_servers.get(aor.rpartition("@")[2], ())

    @cached_property
    def _managed(self) -> Prefixes[Network]:
        return Prefixes({network: network for networks in self.managed_networks.values() for network in networks})

    @cached_property
    def _own(self) -> Prefixes[Network]:
        return Prefixes({network: network for network in self.infrastructure})

    def domains_of(self, realm: str) -> Tuple[str, ...]:
        """The SIP domains, in lower case, that credentials of this realm may register in."""
        return self.realms.get(realm.lower(), (realm.lower(),))


_Reader = Callable[[object, str], object]


def _readers() -> Dict[str, _Reader]:
    kinds: Dict[str, _Reader] = {
        "managed_networks": _locations,
        "infrastructure": _networks,
        "correspondent_networks": _networks,
        "correspondents": _addresses,
        "realms": _names,
        "infer": _inference,
        "home_servers": _names,
    }
    for item in fields(Policy):
        if item.name not in kinds:
            kinds[item.name] = _flag if isinstance(item.default, bool) else _count
    return kinds


def _flag(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise _bad(key, value, "the value is true or false")
    return value


def _count(value: object, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise _bad(key, value, "the value is a whole number, not negative")
    return value


def _texts(value: object, key: str) -> Tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise _bad(key, value, "the value is a list of texts")
    return tuple(value)


def _networks(value: object, key: str) -> Tuple[Network, ...]:
    found = []
    for text in _texts(value, key):
        try:
            found.append(ip_network(text))
        except ValueError as error:
            raise _bad(key, text, "the value is an address, or a prefix without host bits") from error
    return tuple(found)


def _addresses(value: object, key: str) -> Tuple[Address, ...]:
    found = []
    for text in _texts(value, key):
        address = ip_literal(text)
        if address is None:
            raise _bad(key, text, "the value is an IP address")
        found.append(address)
    return tuple(found)


def _locations(value: object, key: str) -> Mapping[str, Tuple[Network, ...]]:
    if not isinstance(value, Mapping) or not value:
        raise _bad(key, value, "the value maps a location to its prefixes")
    found: Dict[str, Tuple[Network, ...]] = {}
    owner: Dict[Network, str] = {}
    for name, prefixes in value.items():
        found[str(name)] = _networks(prefixes, f"{key}.{name}")
        for network in found[str(name)]:
            if owner.setdefault(network, str(name)) != str(name):
                raise _bad(f"{key}.{name}", network, "a prefix belongs to one location")
    return found


def _inference(value: object, key: str) -> Inference:
    if not isinstance(value, Mapping):
        raise _bad(key, value, "the value maps each way to true or false")
    ways = [item.name for item in fields(Inference)]
    for way in value:
        if way not in ways:
            raise HandoverError(
                "unknown_policy_key", f"{key}.{way}", "the ways to find a pair without the tag: " + ", ".join(ways)
            )
    return Inference(**{way: _flag(found, f"{key}.{way}") for way, found in value.items()})


def _names(value: object, key: str) -> Mapping[str, Tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise _bad(key, value, "the value maps names to lists of domains or servers")
    return {
        str(name).lower(): tuple(text.lower() for text in _texts(texts, f"{key}.{name}"))
        for name, texts in value.items()
    }


def _bad(key: str, value: object, rule: str) -> HandoverError:
    return HandoverError("bad_policy", f"{key}: {value}", rule)
