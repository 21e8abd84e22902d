# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an SRX holds for us, read from its configuration.

Whatever stands under our names in another form than this version writes is somebody else's, and refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Dict, FrozenSet, Iterator, List, Optional, Tuple
from xml.etree.ElementTree import Element

from ...mobility.model import Address, Change, Entry, Freeze, Mark, Rewrite, RewriteKind, Route, Selector, Stamp
from .. import stamp as stamps
from ..base import foreign
from ..netconf_reply import reply_of
from . import own_names as names

__all__ = ["Interfaces", "Standing", "as_written", "configuration_of", "standing_in"]

_FORM = "what stands under our names is written as this version writes it"
_TAG = re.compile(r"^\{[^}]*\}")
_PROTOCOLS = {text: name for name, text in names.PROTOCOLS.items()}
_FAMILIES = {"inet": 4, "inet6": 6}
_APPLICATION = re.compile(rf"{names.PREFIX}([a-z]+)-([0-9]{{1,5}})-([0-9]{{1,5}})", re.ASCII)


@dataclass(frozen=True)
class Interfaces:
    """The logical interfaces between which an SRX rewrites, as in ``ge-0/0/1.0``; empty where they are not known."""

    inside: str = ""
    outside: str = ""


@dataclass(frozen=True)
class Standing:
    """An SRX, as far as it concerns us.

    :ivar entries: what its rules, routes, terms and marks say.
    :ivar pools: our pools, each with the kind of NAT that it is for.
    :ivar applications: our applications.
    :ivar rule_sets: our sets of rules.
    :ivar freezable: the IP versions in which both interfaces have our filter first.
    """

    entries: Tuple[Entry, ...] = ()
    pools: FrozenSet[Tuple[str, str]] = frozenset()
    applications: FrozenSet[str] = frozenset()
    rule_sets: FrozenSet[RewriteKind] = frozenset()
    freezable: FrozenSet[int] = frozenset()


def as_written(change: Change) -> Standing:
    """A router that is not at hand, as a change supposes it: prepared, and with what the change takes away."""
    rewrites = [entry for entry in change.remove if isinstance(entry, Rewrite)]
    used = {names.application_name(one.match) for one in rewrites if one.kind.changes_destination}
    return Standing(
        change.remove,
        frozenset((names.side_of(one.kind), names.pool_name(one.to)) for one in rewrites),
        frozenset(used - {""}),
        frozenset(one.kind for one in rewrites),
        frozenset(_FAMILIES.values()),
    )


def configuration_of(text: str) -> Element:
    """The ``configuration`` in a reply, without namespaces: they differ with the release.

    :raises HandoverError: as :func:`reply_of`.
    :raises ValueError: where there is none.
    """
    reply = reply_of(text)
    for element in reply.iter():
        element.tag = _TAG.sub("", element.tag)
    data = reply.find("data")
    if data is None:
        raise ValueError("a reply without data")
    found = data.find("configuration")
    return Element("configuration") if found is None else found


def standing_in(configuration: Element, between: Interfaces) -> Standing:
    """The router in its configuration.

    :raises HandoverError: ``foreign_entry``.
    """
    applications = _applications(configuration)
    entries: List[Entry] = []
    pools = {}
    sets = set()
    for kind, name in names.RULE_SETS.items():
        side = names.side_of(kind)
        pools.update({(side, pool): to for pool, to in _pools(configuration, side)})
        for item in configuration.iterfind(f"security/nat/{side}/rule-set"):
            if item.findtext("name") == name:
                _placed(item, kind, between)
                sets.add(kind)
                for rule in item.iterfind("rule"):
                    entries.append(_rewrite(rule, kind, pools, applications))
    entries += _marks(configuration)
    for family, version in _FAMILIES.items():
        entries += _frozen(configuration, family)
        where = "static" if version == 4 else "rib/static"
        entries += _routes(configuration, f"routing-options/{where}/route")
    return Standing(
        tuple(entries), frozenset(pools), frozenset(applications), frozenset(sets), _freezable(configuration, between)
    )


def _applications(configuration: Element) -> Dict[str, Tuple[str, str, str]]:
    """Of each application of ours the protocol and the ports, as Junos writes them."""
    found = {}
    for item in configuration.iterfind("applications/application"):
        name = item.findtext("name", "")
        if not name.startswith(names.PREFIX):
            continue
        form = _APPLICATION.fullmatch(name)
        told = tuple(item.findtext(leaf, "") for leaf in ("protocol", "source-port", "destination-port"))
        if form is None or told != (names.PROTOCOLS.get(form[1]), form[2], form[3]) or len(item) != 4 or _off(item):
            raise foreign(f"application {name}", _FORM)
        found[name] = (told[0], told[1], told[2])
    return found


def _pools(configuration: Element, side: str) -> Iterator[Tuple[str, Address]]:
    leaf = "address/ipaddr" if side == "destination" else "address/name"
    for item in configuration.iterfind(f"security/nat/{side}/pool"):
        name = item.findtext("name", "")
        if not name.startswith(names.PREFIX):
            continue
        to = _host(item.findtext(leaf))
        whole = side == "destination" or (item.find("port/no-translation") is not None)
        if name != names.pool_name(to) or not whole or _off(item):
            raise foreign(f"pool {name}", _FORM)
        yield name, to


def _placed(item: Element, kind: RewriteKind, between: Interfaces) -> None:
    """Refuse a set of rules that lies between other interfaces."""
    inbound = kind.is_decoder
    ends = (between.outside, between.inside) if inbound else (between.inside, between.outside)
    lies = [[leaf.text for leaf in item.iterfind(f"{end}/*")] for end in ("from", "to")]
    wanted = [[ends[0]], [] if kind.changes_destination else [ends[1]]]
    if (between.inside and lies != wanted) or _off(item):
        raise foreign(f"rule-set {item.findtext('name')} from {lies[0]} to {lies[1]}", _FORM)


def _rewrite(
    rule: Element,
    kind: RewriteKind,
    pools: Dict[Tuple[str, str], Address],
    applications: Dict[str, Tuple[str, str, str]],
) -> Rewrite:
    side, name = names.side_of(kind), rule.findtext("name", "")
    stamp = _stamp(rule, f"rule {name}")
    match = rule.find("dest-nat-rule-match" if side == "destination" else "src-nat-rule-match")
    pool = rule.findtext(f"then/{side}-nat/pool/pool-name", "")
    if match is None or (side, pool) not in pools:
        raise foreign(f"rule {name}", _FORM)
    told = {child.tag for child in match}
    source = match.findtext("source-address")
    if side == "destination":
        known = {"source-address", "destination-address", "application"}
        destination, application = match.findtext("destination-address/dst-addr"), match.findtext("application")
        session = applications[application] if application is not None else (None, None, None)
        selector = _match(source, destination, *session)
    else:
        known = {"source-address", "destination-address", "source-port", "destination-port", "protocol"}
        ports = (match.findtext(f"{end}-port/name") for end in ("source", "destination"))
        selector = _match(source, match.findtext("destination-address"), match.findtext("protocol"), *ports)
    entry = Rewrite(kind, selector, pools[side, pool], stamp)
    if name != names.rule_name(entry) or len(match) != len(told) or not told <= known or _off(rule):
        raise foreign(f"rule {name}", _FORM)
    return entry


def _marks(configuration: Element) -> Iterator[Mark]:
    for macro in configuration.iterfind("security/nat/source/apply-macro"):
        if macro.findtext("name") == names.MARKS:
            for item in macro.iterfind("data"):
                name = item.findtext("name", "")
                mark = Mark(_selector(name), stamps.decode(item.findtext("value", "")))
                if names.mark_name(mark) != name or _off(macro):
                    raise foreign(f"mark {name}", _FORM)
                yield mark


def _selector(text: str) -> Selector:
    protocol, *ends = text.split("_")
    if protocol == "ip":
        source, destination = (None if end == "any" else end for end in ends)
        return _match(source, destination)
    (source, port), (destination, other) = (end.rsplit(":", 1) for end in ends)
    return _match(source.strip("[]"), destination.strip("[]"), names.PROTOCOLS[protocol], port, other)


def _frozen(configuration: Element, family: str) -> Iterator[Freeze]:
    for item in configuration.iterfind(f"firewall/family/{family}/filter"):
        if item.findtext("name") != names.FREEZE_FILTER:
            continue
        for term in item.iterfind("term"):
            name = term.findtext("name", "")
            if name == names.READY:
                continue
            source, destination = (term.findtext(f"from/{end}-address/name") for end in ("source", "destination"))
            ports = (term.findtext(f"from/{end}-port") for end in ("source", "destination"))
            selector = _match(source, destination, term.findtext(f"from/{names.FILTER_PROTOCOL[family]}"), *ports)
            if name != names.term_name(selector) or term.find("then/discard") is None or _off(term):
                raise foreign(f"term {name}", _FORM)
            yield Freeze(selector, _stamp(term, f"term {name}"))


def _routes(configuration: Element, path: str) -> Iterator[Route]:
    """Static routes that carry our stamp; the others are not ours, whatever they lead to."""
    for item in configuration.iterfind(path):
        if not any(macro.findtext("name") == names.MACRO for macro in item.iterfind("apply-macro")):
            continue
        destination = _host(item.findtext("name"))
        by_interface, plain = item.find("qualified-next-hop"), item.findtext("next-hop")
        hop = plain if by_interface is None else by_interface.findtext("name")
        interface = None if by_interface is None else by_interface.findtext("interface")
        if hop is None or len(item) != 3 or _off(item):
            raise foreign(f"route {destination}", _FORM)
        yield Route(destination, ip_address(hop), interface, _stamp(item, f"route {destination}"))


def _freezable(configuration: Element, between: Interfaces) -> FrozenSet[int]:
    found = []
    for family, version in _FAMILIES.items():
        firsts = []
        for logical in (between.inside, between.outside):
            device, _dot, unit = logical.rpartition(".")
            firsts += [
                lists[0].text
                for item in configuration.iterfind("interfaces/interface")
                for one in item.iterfind("unit")
                if (item.findtext("name"), one.findtext("name")) == (device, unit)
                for lists in [one.findall(f"family/{family}/filter/input-list")]
                if lists
            ]
        if firsts == [names.FREEZE_FILTER] * 2:
            found.append(version)
    return frozenset(found)


def _stamp(item: Element, where: str) -> Stamp:
    for macro in item.iterfind("apply-macro"):
        data = {one.findtext("name"): one.findtext("value") for one in macro.iterfind("data")}
        text: Optional[str] = data.get(names.STAMP)
        if macro.findtext("name") == names.MACRO and text is not None:
            return stamps.decode(text)
    raise foreign(where, "every entry under our name carries our stamp")


def _off(item: Element) -> bool:
    """Whether something in it was deactivated: it stands in the configuration, and does nothing."""
    return any(one.get("inactive") is not None for one in item.iter())


def _match(
    source: Optional[str],
    destination: Optional[str],
    protocol: Optional[str] = None,
    source_port: Optional[str] = None,
    destination_port: Optional[str] = None,
) -> Selector:
    """The packets that these words of a configuration select."""
    return Selector(
        None if source is None else _host(source),
        None if destination is None else _host(destination),
        None if protocol is None else _PROTOCOLS[protocol],
        None if source_port is None else int(source_port),
        None if destination_port is None else int(destination_port),
    )


def _host(text: Optional[str]) -> Address:
    network = ip_network(text or "")
    if network.num_addresses != 1:
        raise foreign(text, "every entry under our name is of single addresses")
    return network.network_address
