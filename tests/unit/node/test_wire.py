# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes out, header by header, beside the REGISTER of the patent's section 7."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from ansible_collections.sipmobility.handover.node.model import State
from ansible_collections.sipmobility.handover.node.requests import notify, register
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import parse_message

from ..sip.messages import REGISTER, TAG
from .world import CALL, HOME, PROFILE, RTP, VISITED

ALICE = replace(PROFILE, domain="example.com", contact_port=5060)
#: What a body brings with it, and the name of the software.
OURS = {"Content-Type", "Content-Disposition", "User-Agent"}


def lines(data: bytes) -> list[tuple[str, str]]:
    head = data.decode().partition("\r\n\r\n")[0].split("\r\n")
    return [(name, value) for name, _colon, value in (line.partition(": ") for line in head[1:])]


def test_the_patents_register() -> None:
    old, new = ip_address("1.1.1.20"), ip_address("2.2.2.20")
    request = register(ALICE, State("843817637684230@x", "", 1826), "456248", new, 3600, old, (RTP,))
    found = lines(request.text("z9hG4bK776asdhds", "2.2.2.20", 5061, "TLS"))
    assert [name for name, _value in found if name not in OURS] == [name for name, _value in REGISTER]
    said = dict(found)
    for name, value in REGISTER:
        if name not in ("Call-ID", "Content-Length", "Contact"):
            assert said[name] == value.replace("LittleGuy ", "")
    assert said["Contact"] == "<sip:alice@2.2.2.20:5060>"
    assert said["Content-Length"] == str(len(request.body))


def test_without_an_old_address_nothing_of_the_patent_is_in_it() -> None:
    request = register(ALICE, State("id", "urn:uuid:1", 1), "t", HOME, 600, None)
    assert TAG not in request.text("b", str(HOME), 5060).decode()
    assert request.body == b""


def test_the_notify_goes_within_the_call() -> None:
    """RFC 3261 section 12.2.1.1, RFC 6665 section 8.2, and docs/sessions-body.md."""
    call = replace(CALL, route=("<sip:p1.example;lr>", "<sip:p2.example;lr>"))
    data = notify(ALICE, "urn:uuid:1", call, 31, VISITED, HOME, (RTP,)).text("z9hG4bK1", str(VISITED), 5060)
    found = lines(data)
    assert data.startswith(f"NOTIFY {CALL.remote_target} SIP/2.0\r\n".encode())
    assert [value for name, value in found if name == "Route"] == list(call.route)
    said = dict(found)
    assert said["From"] == "<sip:alice@home.example>;tag=here"
    assert said["To"] == "<sip:bob@other.example>;tag=there"
    assert (said["Call-ID"], said["CSeq"]) == (CALL.call_id, "31 NOTIFY")
    assert (said["Require"], said[TAG]) == (TAG, f"<sip:alice@{HOME}>")
    assert said["Contact"] == f'<sip:alice@{VISITED}:5060>;+sip.instance="<urn:uuid:1>"'
    assert {"Event", "Subscription-State"} <= said.keys()
    assert parse_message(data).method == "NOTIFY"


def test_ipv6_stands_in_brackets() -> None:
    here, old = ip_address("2001:db8:b::20"), ip_address("2001:db8:a::20")
    found = dict(lines(register(ALICE, State("id", "", 1), "t", here, 600, old).text("b", str(here), 5060)))
    assert found["Contact"] == "<sip:alice@[2001:db8:b::20]:5060>"
    assert found[TAG] == "<sip:alice@[2001:db8:a::20]>"
    assert found["Via"].startswith("SIP/2.0/UDP [2001:db8:b::20]:5060;")
