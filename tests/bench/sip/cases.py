# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader of REGISTERs must take, and must not: the patent's REGISTER, changed in one point at a time."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from tests.bench.sip.readers import Facts, Reader
from tests.unit.sip.messages import REGISTER, TAG, message, register

__all__ = ["CASES", "Case", "verdict"]

_CALL_ID = "843817637684230@998sdasdh09"


@dataclass(frozen=True)
class Case:
    """One message.

    :ivar facts: what it says; None for a message that must be refused.
    """

    name: str
    data: bytes
    facts: Facts | None


def verdict(reader: Reader, case: Case) -> str:
    """``ok``: the right facts, or a refusal where one is due. ``miss``: a valid message refused. ``unsafe``: facts
    that the message does not state."""
    try:
        found = reader.read(case.data)
    except Exception:
        return "ok" if case.facts is None else "miss"
    if reader.limit and case.facts is not None:
        old, contacts = [tuple([ip_address(host) for host in hosts]) for hosts in (found.old, found.contacts)]
        found = case.facts._replace(old=old, contacts=contacts)
    return "ok" if found == case.facts else "unsafe"


def _said(old: tuple[str, ...] = ("1.1.1.20",), contacts: tuple[str, ...] = ("2.2.2.20",)) -> Facts:
    return Facts(
        _CALL_ID,
        1826,
        tuple(map(ip_address, old)),
        tuple(map(ip_address, contacts)),
        "sip:alice@example.com",
        3600,
        None,
    )


def _with(*more: tuple[str, str]) -> bytes:
    return message([*REGISTER, *more])


def _instead(old: bytes, new: bytes) -> bytes:
    assert old in register()
    return register().replace(old, new)


_BODY = f"{TAG}: <sip:mallory@9.9.9.9>\r\n\r\n".encode()

_RIGHT = _said()
_TWO_CONTACTS = _said(contacts=("2.2.2.20", "2.2.2.21"))

CASES = (
    Case("plain", register(), _RIGHT),
    Case("compact names", _instead(b"Contact:", b"m:").replace(b"Call-ID:", b"i:").replace(b"Via:", b"v:"), _RIGHT),
    Case("folded header", register(tag="LittleGuy\r\n  <sip:alice@1.1.1.20>"), _RIGHT),
    Case("space before the colon", _instead(b"Contact:", b"Contact :"), _RIGHT),
    Case(
        "lower-case names",
        _instead(b"Contact:", b"contact:").replace(TAG.encode() + b":", TAG.lower().encode() + b":"),
        _RIGHT,
    ),
    Case("an address in a quoted name", register(contact='"<sip:x@9.9.9.9>" <sip:alice@2.2.2.20>'), _RIGHT),
    Case("a comma in a quoted name", register(contact='"a, b" <sip:a@2.2.2.20>, <sip:b@2.2.2.21>'), _TWO_CONTACTS),
    Case("contacts on two lines", _with(("Contact", "<sip:b@2.2.2.21>")), _TWO_CONTACTS),
    Case(
        "IPv6",
        register(contact="<sip:a@[2001:db8::2]:5060>", tag="<sip:a@[2001:db8::1]>"),
        _said(("2001:db8::1",), ("2001:db8::2",)),
    ),
    Case("upper-case scheme", register(contact="<SIP:alice@2.2.2.20>"), _RIGHT),
    Case("Latin-1 in a quoted name", register(contact='"Andr\xe9" <sip:alice@2.2.2.20>'), _RIGHT),
    Case("addr-spec without brackets", register(contact="sip:alice@2.2.2.20;q=0.5"), _RIGHT),
    Case("a body that looks like headers", register(content_length=str(len(_BODY))) + _BODY, _RIGHT),
    Case("two old addresses", _with((TAG, "<sip:alice@1.1.1.21>")), _said(("1.1.1.20", "1.1.1.21"))),
    Case("bare CR before a header", register(via=None, tag=None, cseq=f"1826 REGISTER\r{TAG}: <sip:a@9.9.9.9>"), None),
    Case("bare LF before a header", register(tag="<sip:a@1.1.1.20>\nContact: <sip:a@9.9.9.9>"), None),
    Case("NUL in an address", register(contact="<sip:alice@2.2.2.20\x00.example>"), None),
    Case("two Call-IDs, one compact", _with(("i", "other@host")), None),
    Case("CSeq of another method", register(cseq="1826 INVITE"), None),
    Case("CSeq too large", register(cseq="4294967296 REGISTER"), None),
    Case("body shorter than Content-Length", register(content_length="500") + b"x", None),
    Case("unbalanced quote", register(contact='"Alice <sip:alice@2.2.2.20>'), None),
    Case("IPv6 without brackets", register(tag="<sip:alice@2001:db8::1>"), None),
    Case("leading zero in an address", register(tag="<sip:alice@1.1.1.020>"), None),
    Case("text behind the bracket", register(tag="<sip:alice@1.1.1.20> <sip:alice@9.9.9.9>"), None),
)
