# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ul.dump``, recorded from Kamailio 5.6.3 by lab/kamailio/record_dump.py."""

from __future__ import annotations

import json
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import read_registrations
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.lines import Position

from .messages import NOW
from .reading import FIXTURES, codes, items, registrations, told

RECORDED = {path.name: path.read_bytes() for path in (FIXTURES / "kamailio_dump").iterdir() if path.suffix != ".md"}
TEXT, JSON = RECORDED["plain.txt"], RECORDED["plain.json"]
HELD = [
    "sip:alice@visited.example sip:alice@198.51.100.50:5060;ob 600",
    "sip:bob@visited.example sip:bob@203.0.113.50:5062 600",
    "sip:bob@visited.example sip:bob@phone.example:5064 600",
    "sip:carol@visited.example sip:carol@[2001:db8:1::50] 600",
]


def held(data: bytes, chunk: int = 1 << 16) -> list[str]:
    return [text.partition(" held ")[2] for text in told(items("kamailio_dump", data, chunk))]


@pytest.mark.parametrize("name", ["plain.txt", "plain.json"])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
def test_what_the_server_holds(name: str, chunk: int) -> None:
    data = RECORDED[name]
    assert sorted(held(data, chunk)) == HELD
    assert items("auto", data) == items("kamailio_dump", data)


@pytest.mark.parametrize("name", ["plain.txt", "plain.json"])
def test_what_a_dump_tells_and_what_not(name: str) -> None:
    of = {item.aor: item for item in registrations(items("kamailio_dump", RECORDED[name]))}
    alice, bob = of["sip:alice@visited.example"], of["sip:bob@visited.example"]
    assert (alice.call_id, alice.cseq, alice.transport) == ("one@phone", 7, "udp")
    assert alice.instance == "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    assert alice.contacts[0].reg_id == 1
    assert alice.server_address == ip_address("203.0.113.5")
    assert of["sip:carol@visited.example"].server_address == ip_address("2001:db8:1::5")
    # Only where the server keeps it (fix_nated_register()).
    assert (alice.source_address, bob.source_address) == (None, ip_address("203.0.113.50"))
    assert all(item.snapshot and item.received_at is None and item.held_since for item in of.values())
    assert not any(item.tagged or item.authenticated_user for item in of.values())


def test_users_without_domain() -> None:
    for name in ("users.txt", "users.json"):
        assert {item.aor for item in registrations(items("auto", RECORDED[name]))} == {"alice", "bob", "carol"}


def test_what_is_held_is_neither_a_pair_nor_a_change() -> None:
    report = read_registrations(items("auto", JSON), None, NOW)
    assert len(report.registrations) == 4
    assert (report.address_pairs, report.changes, report.refused) == ((), (), ())


def test_json_is_not_taken_in_by_a_folded_header() -> None:
    """RFC 3261 section 7.3.1: a phone may fold its User-Agent; Kamailio keeps the line breaks."""
    found = items("auto", RECORDED["folded.json"])
    assert codes(found) == []
    assert {item.aor for item in registrations(found)} == {
        *(text.partition(" ")[0] for text in HELD),
        "sip:mallory@visited.example",
    }


def test_text_that_a_phone_has_folded_loses_that_phone_alone() -> None:
    found = items("auto", RECORDED["folded.txt"])
    assert [code for code, _line in codes(found)] == ["bad_value"]
    assert sorted(text for text in held(RECORDED["folded.txt"]) if text) == HELD


def test_text_with_more_users_than_the_server_counts_is_told() -> None:
    """A careful forger writes whole blocks; the server's count gives him away, after the fact."""
    block = TEXT[TEXT.index(b"\t\t\t\tInfo: {\n") : TEXT.index(b"\t\t\t\tInfo: {\n", 200)]
    forged = TEXT.replace(block, block + block.replace(b"alice@", b"victim@"), 1)
    found = items("kamailio_dump", forged)
    assert [code for code, _line in codes(found)] == ["bad_value"]
    assert len(registrations(found)) == 5


@pytest.mark.parametrize("name", ["plain.txt", "plain.json"])
def test_a_dump_that_is_cut_is_told_and_read_again_whole(name: str) -> None:
    data = RECORDED[name].rstrip(b"\n")
    for cut in range(1, len(data), 17):
        position = Position()
        found = items("kamailio_dump", data[:cut], position=position)
        assert [code for code, _line in codes(found)] == ["truncated_line"], cut
        assert position == Position()


@pytest.mark.parametrize("name", ["plain.txt", "plain.json"])
def test_a_whole_dump_needs_no_line_end(name: str) -> None:
    assert sorted(held(RECORDED[name].rstrip(b"\n"))) == HELD


@pytest.mark.parametrize("name", ["plain.txt", "plain.json"])
def test_a_whole_dump_is_passed_and_the_next_one_read(name: str) -> None:
    data = RECORDED[name] if RECORDED[name].endswith(b"\n") else RECORDED[name] + b"\n"
    position = Position()
    assert len(items("kamailio_dump", data, position=position)) == 4
    assert position.offset == len(data)
    assert len(items("kamailio_dump", data + data)) == 8


def changed(**values: object) -> bytes:
    """The recorded JSON with other values in the first contact, names without hyphen or case."""
    dump = json.loads(JSON)
    contact = dump["result"]["Domains"][0]["Domain"]["AoRs"][0]["Info"]["Contacts"][0]["Contact"]
    for name, value in values.items():
        key = next(key for key in contact if key.replace("-", "").lower() == name)
        contact[key] = value
    return json.dumps(dump).encode()


@pytest.mark.parametrize("word", ["expired", "deleted"])
def test_a_binding_that_is_over_is_not_held(word: str) -> None:
    assert sorted(held(changed(expires=word))) == HELD[1:]


def test_a_binding_may_be_permanent() -> None:
    assert max(item.expires for item in registrations(items("auto", changed(expires="permanent")))) == 2**32 - 1


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"address": "sip:a@1.2.3.400"}, "bad_uri"),
        ({"address": None}, "bad_value"),
        ({"expires": "soon"}, "bad_value"),
        ({"expires": None}, "missing_key"),
        ({"cseq": -1}, "bad_value"),
        ({"callid": "a b"}, "bad_header"),
        ({"received": "here"}, "bad_uri"),
        ({"lastmodified": 1e300}, "bad_value"),
        ({"instance": ["x"]}, "bad_value"),
    ],
)
def test_a_bad_contact_is_refused_and_the_others_are_read(values: dict[str, object], code: str) -> None:
    found = items("kamailio_dump", changed(**values))
    assert [name for name, _line in codes(found)] == [code]
    assert len(registrations(found)) == 3


AGENT = b"\t\t\t\t\t\t\tUser-Agent: lab-phone\n"


@pytest.mark.parametrize(
    "lines",
    [
        b"\t\t\t\t\t\t\tAddress: sip:alice@203.0.113.66\n",
        b"\t\t\t\t\tAoR: victim@visited.example\n",
        b"\t\t\t\t\t\t}\n\t\t\t\t\tAoR: victim@visited.example\n\t\t\t\t\t\tContact: {\n"
        b"\t\t\t\t\t\t\tAddress: sip:victim@203.0.113.66\n\t\t\t\t\t\t\tExpires: 60\n",
        b"\n",
    ],
)
def test_text_within_one_users_block_cannot_speak_of_another(lines: bytes) -> None:
    """What a phone can write behind its User-Agent, with the right number of tabs."""
    found = items("kamailio_dump", TEXT.replace(AGENT, AGENT + lines, 1))
    assert {code for code, _line in codes(found)} & {"bad_value", "missing_key"}
    assert {item.aor for item in registrations(found)} <= {text.partition(" ")[0] for text in HELD}
    assert "203.0.113.66" not in str(registrations(found))
    assert len(registrations(found)) >= 3
