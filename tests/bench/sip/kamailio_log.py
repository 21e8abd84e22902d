# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kamailio log of any size, the same bytes each time: one registration in a hundred lines.

The other lines are what syslog keeps of a proxy in use: requests routed, replies, retransmissions, notices of
Kamailio's own modules, other programs. Some name REGISTER, some hold braces and quotes, a few are UTF-8 beyond ASCII.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

__all__ = ["EVERY", "write_log"]

#: One line in so many is a registration.
EVERY = 100

_TAG = "com.cisco.TerminalMobilityUsingNat"
_PHONES = 20_000
_START = 1_795_492_800.0
#: How many different runs of other lines there are; each line of a run is used many times.
_RUNS = 257

_OTHER = (
    "INFO: <script>: {method} from {ip}:{port} to sip:{user}@visited.example, call {call}, branch z9hG4bK{hex}",
    'INFO: <script>: reply {status} to {method}, cseq "{cseq} {method}", call {call}, via {ip}:{port}',
    "NOTICE: <script>: [{method}] retransmission of {call} from {ip}:{port}, absorbed",
    "DEBUG: tm [t_lookup.c:1643]: t_newtran(): msg (0x7f{hex}) id={cseq}/1234 global id={cseq}/1234 T start=0xffff",
    "DEBUG: core [parser/msg_parser.c:610]: parse_msg(): SIP Request: method: <{method}> uri: <sip:{user}@{ip}:{port}>",
    "DEBUG: registrar [lookup.c:247]: lookup_helper(): contact for [{user}] found by address, q={{0.5}} flags={{0x0}}",
    "WARNING: tcp [tcp_read.c:1542]: connection {cseq} from {ip}:{port} closed while {method} was in progress",
    "INFO: acc [acc.c:279]: acc_log_request(): ACC: call ended: timestamp=17954{cseq};method={method};from_tag={hex};"
    "to_tag=a{hex};call_id={call};code={status};reason=OK;src_user={user};src_ip={ip}",
    "INFO: <script>: appel de «{user}» refusé, méthode {method}, code {status}",
)


def write_log(path: Path, size: int) -> int:
    """Write ``size`` bytes or a little more; return the number of registrations."""
    registrations = _registrations(random.Random(3))
    runs = [_other_lines(random.Random(number)) for number in range(_RUNS)]
    written = count = 0
    with path.open("wb") as file:
        while written < size:
            written += file.write(runs[count % _RUNS]) + file.write(next(registrations))
            count += 1
    return count


def _registrations(chance: random.Random) -> Iterator[bytes]:
    """Event lines: refreshes, moves with the patent's tag (one in ten), removals (one in fifty)."""
    homes = [f"198.51.100.{number % 250 + 1}" for number in range(_PHONES)]
    number = 0
    while True:
        phone = chance.randrange(_PHONES)
        moved, removed = number % 10 == 0, number % 50 == 7
        old, new = homes[phone], f"203.0.113.{chance.randrange(1, 251)}" if moved else homes[phone]
        homes[phone] = new
        yield _prefix(number * EVERY) + _event(phone, number, old, new, removed) + b"\n"
        number += 1


def _event(phone: int, number: int, old: str, new: str, removed: bool) -> bytes:
    user, when = f"user{phone}", _START + number * 0.37
    instance = f"<urn:uuid:f81d4fae-7dec-11d0-a765-{phone:012x}>"
    contact = f'<sip:{user}@{new}:5060;ob>;+sip.instance="{instance}";reg-id=1{";expires=0" if removed else ""}'
    before = {
        "contact": f"sip:{user}@{old}:5060;ob",
        "received": None,
        "expires": int(when) + 400,
        "call_id": f"{phone:08x}@phone",
        "cseq": number + 1,
        "instance": instance,
    }
    # Keys as the configuration of role sip_server writes them, in its order.
    event = {
        "before": [before],
        "event": "register",
        "aor": f"sip:{user}@visited.example",
        "expires": 600,
        "rc": 3 if removed else 2,
        "v": 1,
        "time": round(when, 6),
        "src_ip": new,
        "src_port": 5060,
        "transport": "udp",
        "local_ip": "203.0.113.254",
        "auth_user": user,
        "auth_realm": "visited.example",
        "qop": "auth",
        "call_id_hex": f"{phone:08x}@phone".encode().hex(),
        "cseq": number + 2,
        "contact_hex": [contact.encode().hex()],
        "tag_hex": [f"<sip:{user}@{old}>".encode().hex()] if old != new else [],
        "require_hex": [_TAG.encode().hex()] if old != new else [],
        "content_type_hex": None,
        "body_hex": None,
        "user_agent_hex": b"bench-phone/1.0".hex(),
    }
    return json.dumps(event, separators=(",", ":")).encode()


def _other_lines(chance: random.Random) -> bytes:
    lines = []
    for number in range(EVERY - 1):
        # Beyond ASCII is one line in a thousand.
        text = _OTHER[-1] if chance.random() < 0.001 else _OTHER[chance.randrange(len(_OTHER) - 1)]
        said = text.format(
            method=chance.choice(("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "BYE", "ACK")),
            ip=f"198.51.100.{chance.randrange(1, 251)}",
            port=chance.randrange(1024, 65536),
            user=f"user{chance.randrange(_PHONES)}",
            call=f"{chance.getrandbits(48):012x}@phone",
            cseq=chance.randrange(1, 100000),
            status=chance.choice((100, 180, 200, 401, 404, 486)),
            hex=f"{chance.getrandbits(40):010x}",
        )
        lines.append(_prefix(number) + said.encode() + b"\n")
    return b"".join(lines)


def _prefix(number: int) -> bytes:
    minute, second = divmod(number // 50 % 3600, 60)
    return f"Nov 24 04:{minute:02}:{second:02} pcscf kamailio[{700 + number % 4}]: ".encode()
