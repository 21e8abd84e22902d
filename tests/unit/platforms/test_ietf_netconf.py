# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NETCONF platform without a router: what is rendered is what is parsed; hostile answers.

Most answers are made from our own step, as a server that takes it would show it; tests/kernel has a real server.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Entry,
    Freeze,
    Neighbour,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms import ietf_netconf, netconf_reply
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf import IetfNetconf
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.netconf_reply import BASE
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

from ..mobility.entries import entries, holdable, states
from ..mobility.worlds import NEW, NOW, OLD, PEER

PLATFORM = IetfNetconf()
RENDERER = Renderer()
STAMP = Stamp("8d7ac21f98194017", 3, NOW + 100_000_000)
ENCODER = Rewrite(RewriteKind.OUTBOUND_DST, Selector(PEER, OLD, "tcp", 7000, 40000), NEW, STAMP)
DECODER = Rewrite(RewriteKind.INBOUND_SRC, Selector(NEW, PEER, "tcp", 40000, 7000), OLD, STAMP)
ROUTE = Route(OLD, ip_address("198.51.100.7"), "lan", STAMP)
NAMESPACE = BASE[1:-1]

FIXTURES = Path(__file__).parents[2] / "fixtures" / "netconf"
#: ENCODER and ROUTE, as netconfd 2.13 showed them: recorded.
SHOWN = (FIXTURES / "netconfd-2.13.xml").read_text(encoding="utf-8")


def rendered(change: Change) -> ElementTree.Element:
    """The edit-config of a change."""
    context = {**PLATFORM.settings, **PLATFORM.context(change, NOW), "target": "candidate", "rollback_on_error": True}
    return ElementTree.fromstring(RENDERER.render(PLATFORM.step_template, context))


def shown(edit: ElementTree.Element) -> str:
    """The answer of a server that took an edit."""
    reply = ElementTree.Element(f"{BASE}rpc-reply")
    data = ElementTree.SubElement(reply, f"{BASE}data")
    data.extend(edit.find(f"{BASE}config") or [])
    for element in data.iter():
        element.attrib.pop(f"{BASE}operation", None)
    return ElementTree.tostring(reply, encoding="unicode")


def parsed(text: str) -> RouterState:
    return PLATFORM.parse(Output({"data": text}, {}))


def refused(text: str) -> HandoverError:
    with pytest.raises(HandoverError) as error:
        parsed(text)
    return error.value


@given(states(holdable()))
def test_what_is_rendered_is_what_is_parsed(state: RouterState) -> None:
    assert parsed(shown(rendered(Change(put=tuple(state))))) == state


@given(entries())
def test_any_entry_is_rendered_as_it_is_or_refused(entry: Entry) -> None:
    aimless = isinstance(entry, Route) and (entry.via, entry.interface) == (None, None)
    if aimless or isinstance(entry, (Freeze, Neighbour)):
        with pytest.raises(HandoverError, match="unsupported_entry"):
            rendered(Change(put=(entry,)))
    else:
        assert parsed(shown(rendered(Change(put=(entry,))))) == RouterState([entry])


def test_an_answer_of_a_real_server() -> None:
    assert parsed(SHOWN) == RouterState([ENCODER, ROUTE])


def test_a_packet_that_goes_out_is_described_as_rfc_8512_does() -> None:
    """Internal leaves are the packet before, external ones the packet after; the other way in for decoders."""
    nat = "{urn:ietf:params:xml:ns:yang:ietf-nat}"
    out, back = (rendered(Change(put=(entry,))) for entry in (ENCODER, DECODER))
    for edit in (out, back):  # both ends of one session: its two mappings name the same addresses on the same sides
        assert edit.findtext(f".//{nat}internal-dst-address") == "1.1.1.1/32"
        assert edit.findtext(f".//{nat}external-dst-address") == "2.2.2.2/32"
    assert (
        out.findtext(f".//{nat}internal-src-address") == back.findtext(f".//{nat}external-src-address") == "3.3.3.3/32"
    )


@pytest.mark.parametrize(
    ("change", "operation"),
    [
        (Change(put=(ENCODER,)), "create"),
        (Change(remove=(ENCODER,)), "delete"),
        (Change(remove=(ENCODER,), put=(ENCODER,)), "replace"),
    ],
    ids=["create", "delete", "replace"],
)
def test_a_server_is_told_what_it_must_hold_before(change: Change, operation: str) -> None:
    found = [element.get(f"{BASE}operation") for element in rendered(change).iter()]
    assert [one for one in found if one] == [operation]


def test_two_mappings_of_one_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ietf_netconf, "hashlib", SimpleNamespace(sha256=lambda _: SimpleNamespace(digest=lambda: b"abcd"))
    )
    with pytest.raises(HandoverError, match="index_taken"):
        rendered(Change(put=(ENCODER, DECODER)))


def test_a_name_with_xml_in_it_is_only_a_name() -> None:
    route = Route(OLD, None, '<a>&"', STAMP)
    assert parsed(shown(rendered(Change(put=(route,))))) == RouterState([route])


@pytest.mark.parametrize("name", ["lan\x00", " ", "\n"])
def test_a_name_that_xml_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(HandoverError, match="unsupported_entry"):
        rendered(Change(put=(Route(OLD, None, name, STAMP),)))


def test_what_is_put_has_not_expired_unless_it_is_about_to_go() -> None:
    """What has expired is listed until it is taken away, and its end is announced first."""
    with pytest.raises(HandoverError, match="expired"):
        PLATFORM.context(Change(put=(ENCODER,)), ENCODER.stamp.expires)
    ending = replace(ENCODER, stamp=replace(STAMP, ended=True))
    assert PLATFORM.context(Change(remove=(ENCODER,), put=(ending,)), ENCODER.stamp.expires)["mappings"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<name>sipmobility</name>", "<name>cgn</name>"),
        (">outbound-dst<", ">outbound-src<"),
        ("<index>2892496874", "<index>5"),
        ("3.3.3.3/32", "3.3.3.0/24"),
        ("<type>static</type>", "<type>static</type><lifetime>9</lifetime>"),
        (
            "<start-port-number>7000</start-port-number>",
            "<start-port-number>7000</start-port-number><end-port-number>7001</end-port-number>",
        ),
        ("sipmobility:1 id=8d7ac21f98194017 e=3", "their note"),
        (
            "<next-hop-address>198.51.100.7</next-hop-address>",
            '<special-next-hop xmlns="urn:x">prohibit</special-next-hop>',
        ),
        ("<description>sipmobility:1", "<description>x"),
    ],
)
def test_what_stands_under_our_name_and_is_not_ours(old: str, new: str) -> None:
    assert old in SHOWN
    assert refused(SHOWN.replace(old, new, 1)).code in ("foreign_entry", "unreadable_answer")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        SHOWN[:-40],
        SHOWN.replace(NAMESPACE, "urn:example:other"),
        SHOWN.replace("<data>", "<other>").replace("</data>", "</other>"),
        SHOWN.replace("<index>2892496874", "<index>&#0;"),
        SHOWN.replace(">outbound-dst<", ">sideways<"),
        SHOWN.replace("3.3.3.3/32", "3.3.3.3.3/32"),
        SHOWN.replace(">40000<", ">port<"),
        SHOWN.replace("<transport-protocol>6", "<transport-protocol>1"),
        '<!DOCTYPE a [<!ENTITY b "c">]>' + SHOWN.partition("?>")[2],
        f'<rpc-reply xmlns="{NAMESPACE}"><ok/></rpc-reply>',
    ],
)
def test_an_answer_that_is_none(text: str) -> None:
    assert refused(text).code == "unreadable_answer"


def test_an_answer_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netconf_reply, "LONGEST", len(SHOWN) - 1)
    assert refused(SHOWN).code == "answer_too_long"


@given(st.data())
def test_a_damaged_answer_is_read_or_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SHOWN)))
    end = data.draw(st.integers(start, min(len(SHOWN), start + 60)))
    with suppress(HandoverError):
        parsed(SHOWN[:start] + data.draw(st.text(max_size=6)) + SHOWN[end:])


def error(tag: str, *more: str) -> str:
    body = f"<error-type>rpc</error-type><error-tag>{tag}</error-tag><error-severity>error</error-severity>"
    return f'<rpc-reply xmlns="{NAMESPACE}"><rpc-error>{body}{"".join(more)}</rpc-error></rpc-reply>'


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [
        (error("data-exists", "<error-path>/nat</error-path>"), "router_changed", "data-exists at /nat"),
        (
            error("data-missing", "<error-app-tag>instance-required</error-app-tag>"),
            "no_such_interface",
            "data-missing",
        ),
        (error("access-denied"), "no_privilege", "access-denied"),
        (
            error("operation-failed", "<error-message>no\n room</error-message>"),
            "step_refused",
            "operation-failed no room",
        ),
        (error("partial-operation", "<error-app-tag>x</error-app-tag>"), "step_refused", "partial-operation x"),
        (error(""), "step_refused", "rb: no word"),
        (f'<rpc-reply xmlns="{NAMESPACE}"/>', "step_refused", "rb: no word"),
    ],
)
def test_what_an_rpc_error_means(said: str, code: str, told: str) -> None:
    """RFC 6241 section 4.3: path, message and app-tag may be missing."""
    meant = PLATFORM.diagnose("rb", said)
    assert (meant.code, told in meant.subject) == (code, True)


def test_a_warning_is_no_error() -> None:
    warning = error("operation-failed").replace(">error<", ">warning<")
    assert netconf_reply.errors_of(netconf_reply.reply_of(warning)) == []
