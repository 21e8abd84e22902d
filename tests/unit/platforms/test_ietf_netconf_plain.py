# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 8512 without our augmentation: a mapping for two rewrites, and records beside it; tests/kernel has a server."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Entry,
    Freeze,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms import ietf_netconf_plain
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf_plain import IetfNetconfPlain
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.netconf_reply import BASE
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

from ..mobility.entries import addresses, holdable, stamp
from ..mobility.worlds import NEW, NOW, OLD, PEER
from .test_ietf_netconf import FIXTURES, shown

PLATFORM = IetfNetconfPlain()
RENDERER = Renderer()
STAMP = Stamp("8d7ac21f98194017", 3, NOW + 600)
LATER = replace(STAMP, expires=NOW + 630)
NAT = "{urn:ietf:params:xml:ns:yang:ietf-nat}"
ROUTING = "{urn:ietf:params:xml:ns:yang:ietf-routing}"

#: The patent's session at the visited router, and at the correspondent's.
HERE = (
    Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, NEW, "tcp", 7000, 40000), OLD, LATER),
    Rewrite(RewriteKind.OUTBOUND_SRC, Selector(OLD, PEER, "tcp", 40000, 7000), NEW, STAMP),
)
THERE = (
    Rewrite(RewriteKind.INBOUND_SRC, Selector(NEW, PEER, "tcp", 40000, 7000), OLD, LATER),
    Rewrite(RewriteKind.OUTBOUND_DST, Selector(PEER, OLD, "tcp", 7000, 40000), NEW, STAMP),
)
ROUTE = Route(OLD, NEW, "lan", LATER)
MARK = Mark(Selector(OLD, PEER), LATER)


@st.composite
def holdings(draw: st.DrawFn) -> RouterState:
    """What such a router may hold: both halves of each mapping, marks, routes."""
    found: dict[object, Entry] = {}
    for one in draw(st.lists(holdable(), max_size=8)):
        parts: tuple[Entry, ...] = (one,)
        if isinstance(one, Rewrite):
            back = one.image.turned
            kind = {
                RewriteKind.INBOUND_DST: RewriteKind.OUTBOUND_SRC,
                RewriteKind.OUTBOUND_SRC: RewriteKind.INBOUND_DST,
                RewriteKind.INBOUND_SRC: RewriteKind.OUTBOUND_DST,
                RewriteKind.OUTBOUND_DST: RewriteKind.INBOUND_SRC,
            }[one.kind]
            was = one.match.destination if one.kind.changes_destination else one.match.source
            if was is None or was == one.to:
                continue
            parts = (one, Rewrite(kind, back, was, draw(stamp())))
        if not any(part.key in found for part in parts):
            found.update((part.key, part) for part in parts)
    return RouterState(found.values())


def rendered(change: Change) -> ElementTree.Element:
    context = {**PLATFORM.settings, **PLATFORM.context(change, NOW), "target": "candidate", "rollback_on_error": True}
    return ElementTree.fromstring(RENDERER.render(PLATFORM.step_template, context))


def parsed(text: str) -> RouterState:
    return PLATFORM.parse(Output({"data": text}, {}))


def operations(change: Change, place: str) -> list[str]:
    """What happens to mappings, or to static protocols."""
    path = {"mapping": f".//{NAT}mapping-entry", "record": f".//{ROUTING}control-plane-protocol"}[place]
    return [item.get(f"{BASE}operation", "merge") for item in rendered(change).iterfind(path)]


@given(holdings())
def test_what_is_rendered_is_what_is_parsed(state: RouterState) -> None:
    assert parsed(shown(rendered(Change(put=tuple(state))))) == state


def test_both_halves_are_one_mapping_that_is_written_as_rfc_8512_names_addresses() -> None:
    """Section 2: internal leaves are a packet on the internal side, external ones the same packet on the other."""
    wanted = {
        HERE: (("internal-src", OLD), ("external-src", NEW), ("internal-dst", PEER), ("external-dst", PEER)),
        THERE: (("internal-src", PEER), ("external-src", PEER), ("internal-dst", OLD), ("external-dst", NEW)),
    }
    for entries, leaves in wanted.items():
        (mapping,) = rendered(Change(put=entries)).iterfind(f".//{NAT}mapping-entry")
        assert {leaf: mapping.findtext(f"{NAT}{leaf}-address") for leaf, _address in leaves} == {
            leaf: f"{address}/32" for leaf, address in leaves
        }
    assert mapping.findtext(f"{NAT}internal-dst-port/{NAT}start-port-number") == "40000"
    assert mapping.findtext(f"{NAT}external-src-port/{NAT}start-port-number") == "7000"


def test_a_step_asks_for_what_must_stand_before() -> None:
    put, gone = Change(put=HERE), Change(remove=HERE)
    assert (operations(put, "mapping"), operations(put, "record")) == (["create"], ["create"] * 2)
    assert (operations(gone, "mapping"), operations(gone, "record")) == (["delete"], ["delete"] * 2)


def test_a_refresh_writes_records_and_leaves_the_mapping_alone() -> None:
    """One half at a time, as plans have it: no packet notices."""
    for entry in HERE:
        later = replace(entry, stamp=replace(entry.stamp, expires=NOW + 900))
        refresh = Change(remove=(entry,), put=(later,))
        assert (operations(refresh, "mapping"), operations(refresh, "record")) == ([], ["replace"])


def test_a_mapping_is_replaced_by_another() -> None:
    other = NEW + 1
    moved = (replace(THERE[0], match=replace(THERE[0].match, source=other)), replace(THERE[1], to=other))
    assert sorted(operations(difference(RouterState(THERE), RouterState(moved)), "mapping")) == ["create", "delete"]


@pytest.mark.parametrize("change", [Change(put=HERE[:1]), Change(remove=HERE[1:])], ids=["put", "remove"])
def test_half_a_mapping_is_refused(change: Change) -> None:
    with pytest.raises(HandoverError, match=r"unsupported_entry.*both"):
        rendered(change)
    entries = change.put or change.remove
    assert {error.code for error in PLATFORM.objections(RouterState(entries)).values()} == {"unsupported_entry"}


def test_what_has_no_place_is_refused() -> None:
    for entry in (Freeze(Selector(OLD, PEER), STAMP), Route(OLD, None, None, STAMP)):
        with pytest.raises(HandoverError, match="unsupported_entry"):
            rendered(Change(put=(entry,)))


def test_what_is_put_has_not_expired_unless_it_is_about_to_go() -> None:
    """Nothing here expires by itself: reconcile announces the end of what is over, and takes it away."""
    late = STAMP.expires + 100
    with pytest.raises(HandoverError, match="expired"):
        PLATFORM.context(Change(put=(MARK,)), late)
    PLATFORM.context(Change(remove=(MARK,), put=(replace(MARK, stamp=replace(LATER, ended=True)),)), late)


def test_two_mappings_of_one_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = hashlib.sha256

    def same(text: bytes) -> object:
        return real(text) if b" as " not in text else SimpleNamespace(digest=lambda: b"abcd")

    monkeypatch.setattr(ietf_netconf_plain, "hashlib", SimpleNamespace(sha256=same))
    with pytest.raises(HandoverError, match="index_taken"):
        rendered(Change(put=(*HERE, *THERE)))


def pair(old: object, new: object, peer: object, port: int | None = None) -> tuple[Rewrite, Rewrite]:
    """A mapping at the visited router."""
    session = ("tcp", port, 7000) if port else ()
    out = Selector(old, peer, *session)  # type: ignore[arg-type]
    back = replace(out, source=new).turned  # type: ignore[arg-type]
    return (
        Rewrite(RewriteKind.INBOUND_DST, back, old, LATER),  # type: ignore[arg-type]
        Rewrite(RewriteKind.OUTBOUND_SRC, out, new, STAMP),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("others", "code"),
    [
        (pair(OLD, NEW, PEER, 40001), None),
        (pair(OLD, NEW, PEER + 1), None),
        (pair(OLD, NEW, PEER), "selector_in_use"),
        (pair(OLD, NEW, None), "selector_in_use"),
        (pair(OLD + 1, NEW, None), "selector_in_use"),
        (THERE, "address_on_both_sides"),
    ],
)
def test_what_cannot_stand_beside_a_session(others: tuple[Rewrite, ...], code: str | None) -> None:
    """No RFC says which of two mappings takes a packet that both match, or that one makes for the other."""
    both = {entry.key: entry for entry in (*HERE, *others)}
    found = PLATFORM.objections(RouterState(both.values()))
    assert (code in {error.code for error in found.values()}) if code else not found


def test_an_answer_of_a_real_server() -> None:
    """As netconfd 2.13 showed what a step of ours had put: recorded."""
    text = (FIXTURES / "netconfd-2.13-plain.xml").read_text(encoding="utf-8")
    assert parsed(text) == RouterState((*HERE, MARK, replace(ROUTE, via=ip_address("198.51.100.7"))))


SHOWN = shown(rendered(Change(put=(*HERE, MARK, ROUTE))))


def test_others_static_protocols_are_not_ours() -> None:
    theirs = (
        "<ns2:control-plane-protocol><ns2:type>static</ns2:type><ns2:name>{}</ns2:name></ns2:control-plane-protocol>"
    )
    at = SHOWN.index("<ns2:control-plane-protocol>")
    for name in ("static", "sipmobility2", "sip"):
        assert parsed(SHOWN[:at] + theirs.format(name) + SHOWN[at:]) == RouterState((*HERE, MARK, ROUTE))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name>sipmobility<", "name>cgn<"),
        ("40000<", "40001<"),
        ("to 2.2.2.2 sip", "to 2.2.2.3 sip"),
        ("mark 1.1.1.1", "mark 1.1.1.2"),
        ("mark 1.1.1.1", "mark  1.1.1.1"),
        ("inbound_dst", "outbound_dst"),
        ("tcp 7000", "icmp 7000"),
        ("sipmobility:1 id", "their note"),
        ("3.3.3.3/32", "3.3.3.0/24"),
    ],
)
def test_what_stands_under_our_name_and_is_not_ours(old: str, new: str) -> None:
    assert old in SHOWN
    with pytest.raises(HandoverError) as told:
        parsed(SHOWN.replace(old, new, 1))
    assert told.value.code in ("foreign_entry", "unreadable_answer")


def test_a_mapping_without_its_records_and_records_without_their_mapping_are_refused() -> None:
    edit = rendered(Change(put=HERE))
    table = edit.find(f".//{NAT}mapping-table")
    protocols = edit.find(f".//{ROUTING}control-plane-protocols")
    assert table is not None
    assert protocols is not None
    whole = shown(edit)
    assert len(parsed(whole)) == 2
    for parent in (table, protocols):
        kept = list(parent)
        for child in kept:
            parent.remove(child)
        with pytest.raises(HandoverError, match="foreign_entry"):
            parsed(shown(edit))
        parent.extend(kept)


def test_its_records_are_known_by_name_for_whoever_gives_the_router_back() -> None:
    assert len(set(PLATFORM.records(Output({"data": SHOWN}, {})))) == 3


@given(addresses(4), addresses(4), stamp())
def test_a_damaged_record_is_read_or_refused(one: object, other: object, mark: Stamp) -> None:
    text = SHOWN.replace("1.1.1.1 3.3.3.3", f"{one} {other}").replace("8d7ac21f98194017", mark.handover)
    with suppress(HandoverError):
        parsed(text)
