# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dialogs: what two ends have agreed on, from the messages that a SIP server saw (RFC 3261 section 12, RFC 3264)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.agreed import flow_from_record, flow_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.dialog_message import DialogMessage
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.dialogs import MAX_DIALOGS, Dialogs
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sdp import parse_sdp
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

from .reading import FIXTURES

ALICE, BOB = "sip:alice@example.com", "sip:bob@example.com"


def sdp(host: str, *media: str) -> str:
    family = "IP6" if ":" in host else "IP4"
    lines = ["v=0", f"o=x 1 1 IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0", *media]
    return "".join(f"{line}\r\n" for line in lines)


OFFER = sdp("1.1.1.20", "m=audio 4000 RTP/AVP 0")
ANSWER = sdp("3.3.3.30", "m=audio 5000 RTP/AVP 0")


def message(
    what: str, cseq: str, body: str = "", sender: str = "a", tags: str = "ab", call: str = "call", extra: str = ""
) -> str:
    """A message with From of ``sender``; ``tags`` are those of From and To, "a" alone before the dialog."""
    names = {"a": ALICE, "b": BOB, "c": BOB}
    other = next(iter(tags.replace(sender, "", 1)), "")
    start = f"{what} sip:x@example.com SIP/2.0" if what.isalpha() else f"SIP/2.0 {what} Word"
    content = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n" if body else "Content-Length: 0\r\n"
    return (
        f"{start}\r\nVia: SIP/2.0/UDP 1.1.1.20;branch=z9hG4bK{cseq.replace(' ', '')}\r\n"
        f"From: <{names[sender]}>;tag={sender}\r\n"
        f"To: <{names[other or ('b' if sender == 'a' else 'a')]}>{';tag=' + other if other else ''}\r\n"
        f"Call-ID: {call}\r\nCSeq: {cseq}\r\n{extra}{content}\r\n{body}"
    )


def heard(*texts: str) -> list[DialogMessage]:
    """The messages, read as a file of raw SIP."""
    found = list(open_source("sip", ["".join(texts).encode()], "f")[1])
    assert all(isinstance(item, DialogMessage) for item in found), found
    return [item for item in found if isinstance(item, DialogMessage)]


def flows(messages: Iterable[DialogMessage]) -> list[tuple[str, str, int, str, int]]:
    """Use and the two ends of what stands, the offerer's first."""
    dialogs = Dialogs()
    for item in messages:
        dialogs.take(item)
    return [(f.use, str(f.address), f.port, str(f.peer_address), f.peer_port) for f in dialogs.flows()]


CALL = [
    message("INVITE", "1 INVITE", OFFER, tags="a"),
    message("180", "1 INVITE"),
    message("200", "1 INVITE", ANSWER),
    message("ACK", "1 ACK"),
]
AGREED = [("rtp", "1.1.1.20", 4000, "3.3.3.30", 5000), ("rtcp", "1.1.1.20", 4001, "3.3.3.30", 5001)]


def test_offer_and_answer() -> None:
    assert flows(heard(*CALL)) == AGREED
    dialogs = Dialogs()
    for item in heard(*CALL):
        dialogs.take(item)
    assert [(flow.party, flow.peer) for flow in dialogs.flows()] == [(ALICE, BOB)] * 2
    assert [flow_from_record(flow_to_record(flow)) for flow in dialogs.flows()] == dialogs.flows()


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_not_answered_does_not_count(count: int) -> None:
    assert flows(heard(*CALL[:count])) == []


def test_a_refused_call() -> None:
    assert flows(heard(CALL[0], message("183", "1 INVITE", ANSWER), message("486", "1 INVITE"))) == []


def test_the_offer_in_the_answer_and_the_answer_in_ack() -> None:
    found = flows(
        heard(
            message("INVITE", "1 INVITE", tags="a"),
            message("200", "1 INVITE", ANSWER),
            message("ACK", "1 ACK", OFFER),
        )
    )
    assert found == [(use, *there, *here) for use, *ends in AGREED for here, there in [(ends[:2], ends[2:])]]


def test_an_unreliable_answer_only_foretells() -> None:
    early = message("183", "1 INVITE", sdp("3.3.3.99", "m=audio 9000 RTP/AVP 0"))
    assert flows(heard(CALL[0], early, *CALL[2:])) == AGREED


def test_a_reliable_answer_counts_and_is_not_given_twice() -> None:
    """RFC 3262 section 5; what the 200 says again is no new offer."""
    reliable = message("183", "1 INVITE", ANSWER, extra="RSeq: 1\r\n")
    prack = [message("PRACK", "2 PRACK"), message("200", "2 PRACK")]
    assert flows(heard(CALL[0], reliable, *prack, CALL[2], CALL[3])) == AGREED
    assert flows(heard(CALL[0], reliable, *prack)) == [], "nobody has answered yet"


def test_a_reliable_offer_is_answered_by_prack() -> None:
    reliable = message("183", "1 INVITE", ANSWER, extra="RSeq: 1\r\n")
    prack = [message("PRACK", "2 PRACK", OFFER), message("200", "2 PRACK")]
    found = flows(heard(message("INVITE", "1 INVITE", tags="a"), reliable, *prack, message("200", "1 INVITE")))
    assert [(one[0], one[2], one[4]) for one in found] == [("rtp", 5000, 4000), ("rtcp", 5001, 4001)]


MOVED = sdp("1.1.1.20", "m=audio 4100 RTP/AVP 0")


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_change_that_is_answered(method: str) -> None:
    change = [message(method, f"2 {method}", MOVED), message("200", f"2 {method}", ANSWER)]
    assert [one[2] for one in flows(heard(*CALL, *change))] == [4100, 4101]
    assert flows(heard(*CALL, change[0])) == AGREED, "it stands as it was until then"
    refused = [change[0], message("488", f"2 {method}")]
    assert flows(heard(*CALL, *refused)) == AGREED
    again = [message(method, f"3 {method}", MOVED), message("200", f"3 {method}", ANSWER)]
    assert [one[2] for one in flows(heard(*CALL, *refused, *again))] == [4100, 4101]


def test_the_other_end_changes_it() -> None:
    offer = sdp("3.3.3.30", "m=audio 5100 RTP/AVP 0")
    change = [message("INVITE", "7 INVITE", offer, sender="b"), message("200", "7 INVITE", OFFER, sender="b")]
    assert [(one[2], one[4]) for one in flows(heard(*CALL, *change))] == [(5100, 4000), (5101, 4001)]


def test_a_refused_offer_waits_for_no_answer() -> None:
    offer = sdp("3.3.3.30", "m=audio 5100 RTP/AVP 0")
    refused = [message("INVITE", "2 INVITE", MOVED), message("488", "2 INVITE")]
    found = flows(heard(*CALL, *refused, message("INVITE", "7 INVITE", offer, sender="b")))
    assert found == AGREED, "the other end's offer is no answer to it"


def test_retransmissions_change_nothing() -> None:
    assert flows(heard(*(text for text in CALL for _ in range(3)))) == AGREED
    change = [message("INVITE", "2 INVITE", MOVED), message("200", "2 INVITE", ANSWER)]
    late = flows(heard(*CALL, *change, CALL[2], change[1], change[0]))
    assert [one[2] for one in late] == [4100, 4101]


def test_bye_ends_it_unless_it_is_refused() -> None:
    for sender in "ab":
        bye = message("BYE", "9 BYE", sender=sender)
        assert flows(heard(*CALL, bye)) == []
        assert flows(heard(*CALL, bye, message("200", "9 BYE", sender=sender))) == []
        assert flows(heard(*CALL, bye, message("401", "9 BYE", sender=sender))) == AGREED
    assert flows(heard(*CALL, message("BYE", "9 BYE", tags="ac"))) == AGREED, "of another dialog"


@pytest.mark.parametrize("status", ["408", "481"])
def test_an_end_that_a_request_shows(status: str) -> None:
    assert flows(heard(*CALL, message("UPDATE", "2 UPDATE"), message(status, "2 UPDATE"))) == []


def test_a_forked_invite_is_two_dialogs() -> None:
    second = message("200", "1 INVITE", sdp("3.3.3.31", "m=audio 6000 RTP/AVP 0"), tags="ac")
    found = flows(heard(*CALL[:3], second))
    assert {one[3] for one in found} == {"3.3.3.30", "3.3.3.31"}
    assert flows(heard(*CALL[:3], second, message("BYE", "2 BYE", tags="ac"))) == AGREED


@pytest.mark.parametrize(
    ("offer", "answer", "expected"),
    [
        # Hold as RFC 2543 wrote it: nobody to send to. As RFC 3264 does: the same places.
        (sdp("0.0.0.0", "m=audio 4000 RTP/AVP 0"), ANSWER, []),
        (sdp("1.1.1.20", "m=audio 4000 RTP/AVP 0", "a=sendonly"), ANSWER, [4000, 4001]),
        # A medium that is refused, beside one that is not.
        (
            sdp("1.1.1.20", "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"),
            sdp("3.3.3.30", "m=audio 5000 RTP/AVP 0", "m=video 0 RTP/AVP 31"),
            [4000, 4001],
        ),
        # RFC 3605 and RFC 5761.
        (sdp("1.1.1.20", "m=audio 4000 RTP/AVP 0", "a=rtcp:4444"), ANSWER, [4000, 4444]),
        (
            sdp("1.1.1.20", "m=audio 4000 RTP/AVP 0", "a=rtcp-mux"),
            sdp("3.3.3.30", "m=audio 5000 RTP/AVP 0", "a=rtcp-mux"),
            [4000],
        ),
        (sdp("1.1.1.20", "m=audio 4000 RTP/AVP 0", "a=rtcp-mux"), ANSWER, [4000, 4001]),
        # A medium's own c= line.
        (sdp("9.9.9.9", "m=audio 4000 RTP/AVP 0", "c=IN IP4 1.1.1.20"), ANSWER, [4000, 4001]),
        # An answer that does not fit its offer.
        (sdp("1.1.1.20", "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"), ANSWER, []),
        # T.38 over UDPTL has no RTCP; what goes over TCP has no ports that SDP could tell.
        (
            sdp("1.1.1.20", "m=image 4000 udptl t38", "m=message 9 TCP/MSRP *"),
            sdp("3.3.3.30", "m=image 5000 udptl t38", "m=message 9 TCP/MSRP *"),
            [4000],
        ),
    ],
)
def test_what_descriptions_agree_on(offer: str, answer: str, expected: list[int]) -> None:
    found = flows(heard(message("INVITE", "1 INVITE", offer, tags="a"), message("200", "1 INVITE", answer)))
    assert [one[2] for one in found] == expected
    assert {one[1] for one in found} <= {"1.1.1.20"}


def event(what: str, cseq: int, method: str, body: str = "", tags: str = "ab", **more: Any) -> str:
    """A line as Kamailio writes it."""
    line = {
        "v": 1,
        "event": "dialog",
        "time": 1_764_000_000.5,
        "transport": "tls",
        "call_id_hex": b"call".hex(),
        "cseq": cseq,
        "method": method,
        "status": int(what) if what.isdigit() else None,
        "from_hex": f"<{ALICE}>;tag=a".encode().hex(),
        "to_hex": (f"<{BOB}>" + (";tag=b" if "b" in tags else "")).encode().hex(),
        "content_type_hex": b"application/sdp".hex() if body else None,
        "body_hex": body.encode().hex() if body else None,
        "src_ip": "1.1.1.20",
        "src_port": 40001,
        "local_ip": "2.2.2.5",
        "local_port": 5061,
    }
    return json.dumps({**line, **more}) + "\n"


def test_kamailios_events_and_the_signalling_itself() -> None:
    lines = event("INVITE", 1, "INVITE", OFFER, tags="a") + event("200", 1, "INVITE", ANSWER, src_ip="3.3.3.30")
    found = list(open_source("auto", [lines.encode()], "f")[1])
    assert flows(item for item in found if isinstance(item, DialogMessage)) == [
        *AGREED,
        ("signalling", "1.1.1.20", 40001, "2.2.2.5", 5061),
    ]
    dialogs = Dialogs()
    for item in found:
        assert isinstance(item, DialogMessage)
        dialogs.take(item)
    assert {flow.since for flow in dialogs.flows()} == {1_764_000_000.5}


@pytest.mark.parametrize("change", [{"method": "REGISTER"}, {"cseq": -1}, {"status": 99}, {"from_hex": "zz"}])
def test_an_event_that_cannot_be_read_is_refused(change: dict[str, Any]) -> None:
    line = json.dumps({**json.loads(event("INVITE", 1, "INVITE")), **change}) + "\n"
    (found,) = open_source("kamailio", [line.encode()], "f")[1]
    assert not isinstance(found, DialogMessage)


def test_a_server_that_writes_into_the_description() -> None:
    """Two hops of one call, each with its own two descriptions (a relay of media on the server)."""
    here, there = ("1.1.1.20 5060", "2.2.2.5 5060"), ("2.2.2.5 5060", "3.3.3.30 5060")
    relay_out, relay_in = sdp("2.2.2.5", "m=audio 7000 RTP/AVP 0"), sdp("2.2.2.5", "m=audio 7002 RTP/AVP 0")
    first, second, third, fourth = heard(
        CALL[0], message("INVITE", "1 INVITE", relay_out, tags="a"), CALL[2], message("200", "1 INVITE", relay_in)
    )
    hops = [
        first._replace(hop=here),
        second._replace(hop=there),
        third._replace(hop=there),
        fourth._replace(hop=here),
    ]
    assert [one[1:] for one in flows(hops) if one[0] == "rtp"] == [
        ("2.2.2.5", 7000, "3.3.3.30", 5000),
        ("1.1.1.20", 4000, "2.2.2.5", 7002),
    ]


@pytest.mark.parametrize("cut", range(5))
def test_a_call_of_which_runs_see_a_part_each(cut: int) -> None:
    """What one run kept, the next goes on with."""
    change = [message("INVITE", "2 INVITE", MOVED), message("200", "2 INVITE", ANSWER)]
    whole = heard(*CALL, *change)
    first, second = Dialogs(), Dialogs()
    for item in whole[: 2 + cut]:
        first.take(item)
    for key, values in json.loads(json.dumps(list(first.kept()))):
        second.restore(key, values)
    assert second.flows() == first.flows()
    for item in whole[2 + cut :]:
        second.take(item)
    assert [one.port for one in second.flows()] == [4100, 4101]
    second.take(heard(message("BYE", "3 BYE"), message("200", "3 BYE"))[1])
    assert [values for _key, values in second.kept()] == [None]


def test_what_was_kept_once_is_not_kept_again() -> None:
    """A service keeps what was touched every few seconds, for months."""
    dialogs = Dialogs()
    for message_ in heard(*CALL, message("BYE", "2 BYE"), message("200", "2 BYE")):
        dialogs.take(message_)
    assert len(list(dialogs.kept())) == 1
    assert list(dialogs.kept()) == []


def test_what_was_kept_by_somebody_else_is_left_out() -> None:
    dialogs = Dialogs()
    broken = [[], 1, 2, [1], 3, 4, 5, 6]
    kept: list[tuple[str, list[Any]]] = [("x", []), ("[[], 1, 2, 3]", [1]), ('[[], "a", "b", "c"]', broken)]
    for key, values in kept:
        dialogs.restore(key, values)
    assert (dialogs.flows(), dialogs.unreadable) == ([], 3)


def test_it_keeps_a_bounded_number() -> None:
    dialogs = Dialogs()
    invite, _ringing, answer, _ack = heard(*CALL)
    for number in range(MAX_DIALOGS + 10):
        dialogs.take(invite._replace(call_id=str(number)))
        dialogs.take(answer._replace(call_id=str(number)))
    assert len(dialogs._dialogs) == len(dialogs._opening) == MAX_DIALOGS


TAGS = st.sampled_from([None, "a", "b", "c"])
ADDRESS = ip_address("1.1.1.20")
MESSAGES = st.builds(
    DialogMessage,
    st.sampled_from(["one", "two"]),
    st.integers(0, 3),
    st.sampled_from(["INVITE", "ACK", "PRACK", "UPDATE", "BYE"]),
    st.sampled_from([None, 180, 183, 200, 401, 408, 481, 486]),
    st.sampled_from([ALICE, BOB, ""]),
    st.sampled_from([ALICE, BOB, ""]),
    TAGS,
    TAGS,
    st.sampled_from([None, (), parse_sdp(OFFER.encode()), parse_sdp(ANSWER.encode()), parse_sdp(MOVED.encode())]),
    st.booleans(),
    st.booleans(),
    st.just("f:1"),
    st.sampled_from([None, ADDRESS]),
    st.sampled_from([None, 5060]),
    st.sampled_from([None, ADDRESS]),
    st.sampled_from([None, 5061]),
    st.sampled_from([None, "udp", "tls"]),
)


@given(st.lists(MESSAGES, max_size=30))
def test_any_order_of_any_messages(messages: list[DialogMessage]) -> None:
    """Nothing breaks, and what stands was described by a message, and answered by another."""
    found = flows(messages)
    ports = {item.port for m in messages for item in m.media or ()}
    for use, _address, port, _peer, peer_port in found:
        assert use == "signalling" or {port - (use == "rtcp"), peer_port - (use == "rtcp")} <= ports
    if not any(m.status is not None and m.status == 200 and m.method == "INVITE" for m in messages):
        assert found == []


@given(st.dictionaries(st.sampled_from("protocol use party address port peer".split()), st.text() | st.integers()))
def test_any_flow_record(record: dict[str, object]) -> None:
    with pytest.raises(HandoverError):
        flow_from_record(record)


@pytest.mark.parametrize("name", ["call.pcap", "call.jsonl"])
def test_a_recorded_call(name: str) -> None:
    """sipp calls sipp through Kamailio: RTCP at a place of its own, then other ports and no video, then the end."""
    dialogs, stood = Dialogs(), []
    for item in open_source("auto", [(FIXTURES / "dialogs" / name).read_bytes()], name)[1]:
        assert isinstance(item, DialogMessage), item
        dialogs.take(item)
        stood.append(sorted((flow.use, flow.port, flow.peer_port) for flow in dialogs.flows()))
        assert {(str(flow.address), str(flow.peer_address)) for flow in dialogs.flows()} <= {ENDS}
    first = [("rtcp", 4003, 5003), ("rtcp", 4010, 5001), ("rtp", 4000, 5000), ("rtp", 4002, 5002)]
    second = [("rtcp", 4110, 5001), ("rtp", 4100, 5000)]
    assert stood == [[], [], first, first, first, second, second, [], []]


ENDS = ("198.51.100.20", "198.51.100.30")
