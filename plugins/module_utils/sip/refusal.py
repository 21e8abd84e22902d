# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could not be read or was not believed, and the codes of the reading side.

The codes of admission stand with their rules in ``mobility/admission.py``;
docs/refusals.md lists both and says what an operator does about each.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import HandoverError

__all__ = ["CODES", "Refusal", "refusal"]


@dataclass(frozen=True)
class Refusal:
    """One input that was refused.

    :ivar code: stable, documented; safe to match on.
    :ivar reason: the rule that was broken and what broke it, for people.
    :ivar where: file and line.
    """

    code: str
    reason: str
    where: str


def refusal(error: HandoverError, where: str) -> Refusal:
    """The refusal that an error amounts to."""
    return Refusal(error.code, f"{error.rule}: {error.subject}", where)


#: Code of every refusal of the reading side, and what it means.
CODES = {
    "bad_address": "A From, To or Contact is not a name-addr or addr-spec.",
    "bad_body": "A body, or its Content-Type, breaks MIME; or a part comes twice, or encoded.",
    "bad_capture": "A capture is not pcap, pcapng or HEP3, or breaks off where a length cannot be believed.",
    "bad_contact": "The Contact headers contradict each other or the Expires header; or an instance is no URN.",
    "bad_header": "A header line, or the value of a header that is read, breaks its grammar.",
    "bad_json": "An event line is not one complete JSON object with each key once.",
    "bad_line_ending": "A message or header value has a bare CR or LF, or mixes line ends.",
    "bad_number": "A number is no decimal number, or out of its range.",
    "bad_old_address": "The patent's header holds neither an address nor a SIP URI.",
    "bad_packet": "The headers of a recorded packet contradict themselves.",
    "bad_sdp": "A session description breaks its grammar.",
    "bad_sessions": "A list of sessions breaks its schema.",
    "bad_start_line": "The first line is neither a request line nor a status line.",
    "bad_uri": "A URI, a host or an address of record breaks its grammar.",
    "bad_value": "A key of an event line has a value of the wrong type or range.",
    "conflicting_packets": "Recorded packets say two things about the same bytes.",
    "control_character": "A NUL or another control character where none may stand.",
    "duplicate_header": "A header that may stand once stands twice.",
    "fragments_incomplete": "Fragments of an IP datagram are missing from the capture.",
    "lost_input": "What followed the cursor in a file that is gone was not read.",
    "message_too_large": "A message is larger than 65,535 bytes.",
    "method_mismatch": "The CSeq names another method than the start line.",
    "misframed_message": "Content-Length does not lead to the end of the message.",
    "missing_header": "Via, From, To, Call-ID or CSeq is missing.",
    "missing_key": "An event line lacks a key.",
    "not_accepted": "The SIP server did not accept this request.",
    "not_in_dialog": "A tagged INVITE or NOTIFY belongs to no dialog.",
    "not_sip": "Text that is no SIP message.",
    "stream_gap": "Bytes of a TCP stream are missing from the capture.",
    "too_many_headers": "A message has more than 256 header lines.",
    "truncated_capture": "A capture ends within a packet, or has only its beginning.",
    "truncated_line": "An event line is cut short.",
    "truncated_message": "A message ends before its empty line or before its Content-Length.",
    "unanswered": "No final answer of the server to this REGISTER was recorded.",
    "unknown_event": "A JSON line whose event or version this release does not know.",
    "unknown_format": "No source format is recognised in the input.",
    "unreadable_input": "A file cannot be opened or read.",
    "unreadable_line": "A line is not text, or longer than 256 KiB.",
    "unsupported_link_type": "A capture's link layer is none that is read.",
    "unsupported_version": "A message of another SIP version than 2.0.",
}
