"""A hostile SIP client: replays, altered requests under a valid digest, smuggled bytes, foreign packet sources.

Run on the host inside a node's network namespace with one argument, a JSON object; prints the statuses of the
answers as a JSON list, None for no answer. Keys:

``server``, ``local``, ``user``, ``aor_user``, ``domain``, ``password``
    as of ``lab.phone``; the password is the attacker's own.
``honest``
    the request that the digest is made for: ``contacts``, ``headers`` (lines, any character), ``body``.
``requests``
    what is sent under that digest, one after the other, each like ``honest``; ``honest`` itself is not sent unless it
    is listed. ``replay`` sends the very same CSeq again; else it rises.
``spoof``
    instead of all that: send ``honest`` once, without waiting, from this address, which is not the node's.
"""

from __future__ import annotations

import json
import secrets
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from lab.phone import Phone, Request, credentials

_SERVER_PORT = 5060
#: Seconds without an answer.
_PATIENCE = 3.0
_UDP_HEADER = 8


def request(spec: dict[str, Any], part: dict[str, Any], port: int) -> Request:
    """A REGISTER of the specification."""
    contacts = part.get("contacts") or [f"<sip:{spec['user']}@{spec['local']}:{port}>"]
    return Request(
        user=spec["user"],
        aor_user=spec.get("aor_user") or spec["user"],
        domain=spec["domain"],
        local=spec["local"],
        contacts=tuple(contacts),
        expires=600,
        call_id=spec["call_id"],
        cseq=1,
        headers=tuple(part.get("headers", ())),
        body=part.get("body", "").encode(),
    )


def attack(spec: dict[str, Any]) -> list[int | None]:
    """Get a challenge, answer it once, and send everything under that answer."""
    phone = Phone(spec["local"], spec["server"], _SERVER_PORT, 0, _PATIENCE)
    try:
        honest = request(spec, spec["honest"], phone.port)
        challenge = phone.transact(honest).all("WWW-Authenticate")[0]
        signed = credentials(challenge, replace(honest, cseq=2), spec["password"], "auth")
        statuses: list[int | None] = []
        for number, part in enumerate(spec["requests"]):
            cseq = 2 if part.get("replay") else 2 + number
            sent = replace(request(spec, part, phone.port), cseq=cseq, authorization=signed)
            try:
                statuses.append(phone.transact(sent).status)
            except TimeoutError:
                statuses.append(None)
        return statuses
    finally:
        phone.close()


def spoof(spec: dict[str, Any]) -> None:
    """One datagram with a source address that is not ours (IPv4; the kernel fills in length and checksum)."""
    source, server = (ip_address(spec[key]) for key in ("spoof", "server"))
    data = request(spec, spec["honest"], _SERVER_PORT).text(secrets.token_hex(8), "spoofed", _SERVER_PORT)
    udp = struct.pack("!HHHH", _SERVER_PORT, _SERVER_PORT, _UDP_HEADER + len(data), 0) + data
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0, source.packed, server.packed)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(header + udp, (str(server), 0))


def main(argv: Sequence[str]) -> int:
    spec: dict[str, Any] = json.loads(argv[0])
    spec.setdefault("call_id", secrets.token_hex(8))
    if "spoof" in spec:
        spoof(spec)
        print("[]")
    else:
        print(json.dumps(attack(spec)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
