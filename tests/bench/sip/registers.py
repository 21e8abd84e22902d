# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""REGISTER requests with the patent's tag, varied as phones vary them, the same bytes each time.

Every one is valid by RFC 3261 and says what :class:`Register` says beside it, so that a reader's speed on them is the
speed of reading them right. Varied are: long and compact names, case, white space, folding, order of headers, display
names bare and quoted, several Contacts on one line and on several, IPv4 and IPv6, URI and header parameters, digest
credentials, headers that nobody here reads.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["TAG", "Register", "registers"]

TAG = "com.cisco.TerminalMobilityUsingNat"

_COMPACT = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m", "Content-Length": "l", "Supported": "k"}
_CASES: tuple[Callable[[str], str], ...] = (str, str, str, str, str, str, str.lower, str.upper)
_DISPLAYS = ("", "", "", "LittleGuy ", "LittleGuy ", '"Alice Example" ', '"Alice Example" ', '"Jos\u00e9" ')
_HARD_DISPLAY = '"Smith, \\"Al\\" <x>; a=b" '
_AGENTS = (
    "baresip v1.0.0 (x86_64/linux)",
    "Linphone/5.1.65 (belle-sip/5.2.0)",
    "Cisco-CP7960G/8.0",
    "PolycomVVX-VVX_500",
)


@dataclass(frozen=True)
class Register:
    """One message and what it says.

    :ivar data: the message.
    :ivar call_id: its Call-ID.
    :ivar cseq: its CSeq number.
    :ivar old: the old address, as ``str`` of the address object.
    :ivar contacts: hosts of its Contacts, in order, likewise.
    :ivar aor: its address of record.
    :ivar expires: seconds of its longest-lived Contact.
    :ivar user: whom its credentials name, None without any.
    """

    data: bytes
    call_id: str
    cseq: int
    old: str
    contacts: tuple[str, ...]
    aor: str
    expires: int
    user: str | None


def registers(count: int = 5000, seed: int = 7082118) -> list[Register]:
    """That many messages; the same for the same seed."""
    chance = random.Random(seed)
    return [_register(chance, number) for number in range(count)]


@dataclass(frozen=True)
class _Style:
    """How one phone writes its messages."""

    compact: bool
    case: Callable[[str], str]
    colon: str
    folds: bool


def _register(chance: random.Random, number: int) -> Register:
    v6 = chance.random() < 0.2
    user, domain = f"user{number}", chance.choice(("example.com", "voip.example.net", "EXAMPLE.com"))
    old, new = _address(chance, v6), _address(chance, v6)
    call_id, cseq = f"{chance.getrandbits(64):016x}@{_bracketed(new)}", chance.randrange(1, 2**31)
    contacts = [new] + [_address(chance, v6) for _n in range(chance.choice((0, 0, 0, 1, 2)))]
    via = f"SIP/2.0/{chance.choice(('UDP', 'TCP', 'TLS'))} {_bracketed(new)}:5060;branch=z9hG4bK{number:x};rport"
    headers = [
        ("Via", via),
        ("From", f"{_display(chance)}<sip:{user}@{domain}>;tag={chance.getrandbits(32):x}"),
        ("To", f"{_display(chance)}<sip:{user}@{domain}>"),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} REGISTER"),
        ("Max-Forwards", "70"),
        ("Require", chance.choice((TAG, TAG, TAG.lower(), f"path, {TAG}"))),
        (TAG, f"{_display(chance)}<sip:{user}@{_bracketed(old)}>"),
        ("Expires", str(chance.choice((60, 600, 3600)))),
        ("User-Agent", chance.choice(_AGENTS)),
        ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY"),
        ("Supported", "path, outbound, gruu"),
    ]
    if chance.random() < 0.6:
        headers.append(("Authorization", _digest(chance, user, domain, number)))
    if chance.random() < 0.3:
        chance.shuffle(headers)
    said = [_contact(chance, user, host, number) for host in contacts]
    lines = [", ".join(said)] if chance.random() < 0.5 else said
    # Contacts keep their order; where they stand among the others is free.
    at = chance.randrange(len(headers))
    headers[at:at] = [("Contact", line) for line in lines]
    headers.append(("Content-Length", "0"))
    style = _Style(
        compact=chance.random() < 0.2,
        case=chance.choice(_CASES),
        colon=chance.choice((": ", ": ", ": ", ": ", ": ", ": ", ":", ":\t", " : ")),
        folds=chance.random() < 0.1,
    )
    text = f"REGISTER sip:{domain} SIP/2.0\r\n" + "".join(_line(style, *header) for header in headers) + "\r\n"
    stated = dict(headers)
    expires = max(600 if one.endswith(";expires=600") else int(stated["Expires"]) for one in said)
    aor, claimed = f"sip:{user}@{domain.lower()}", user if "Authorization" in stated else None
    return Register(text.encode(), call_id, cseq, old, tuple(contacts), aor, expires, claimed)


def _address(chance: random.Random, v6: bool) -> str:
    if v6:
        return f"2001:db8:{chance.randrange(1, 65536):x}::{chance.randrange(1, 65536):x}"
    return f"{chance.choice(('198.51.100', '203.0.113', '198.18.7'))}.{chance.randrange(1, 255)}"


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _display(chance: random.Random) -> str:
    return _HARD_DISPLAY if chance.random() < 0.01 else chance.choice(_DISPLAYS)


def _contact(chance: random.Random, user: str, host: str, number: int) -> str:
    port, parameter = chance.choice(("", ":5060", ":6060")), chance.choice(("", ";transport=tcp", ";ob"))
    uri = f"sip:{user}@{_bracketed(host)}{port}{parameter}"
    params = ""
    if chance.random() < 0.4:
        params += f';+sip.instance="<urn:uuid:00000000-0000-1000-8000-{number:012x}>";reg-id=1'
    params += chance.choice(("", "", ";expires=600", ";q=0.7", " ; q = 1.0"))
    return f"{_display(chance)}<{uri}>{params}"


def _digest(chance: random.Random, user: str, domain: str, number: int) -> str:
    return (
        f'Digest username="{user}", realm="{domain}", nonce="{chance.getrandbits(128):032x}", uri="sip:{domain}", '
        f'response="{chance.getrandbits(128):032x}", algorithm=MD5, cnonce="{chance.getrandbits(32):08x}", '
        f"qop=auth, nc={number % 40 + 1:08x}"
    )


def _line(style: _Style, name: str, value: str) -> str:
    written = style.case(_COMPACT.get(name, name) if style.compact else name)
    if style.folds and name == "Authorization":
        value = value.replace(", ", ",\r\n  ")
    elif style.folds and name in ("Contact", "To", TAG):
        value = f"\r\n {value}"
    return f"{written}{style.colon}{value}\r\n"
