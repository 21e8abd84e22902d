"""What a call has agreed on, read in the messages that the user agent has sent and received."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.name_addr import parse_name_addr

__all__ = ["Agreed", "agreed", "as_dialogs"]

#: How sipp divides its messages: time, direction, message.
_DIVISION = re.compile(
    rb"^-{20,} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+)\r?\n\w+ message (sent|received) [^\n]*\n\n", re.MULTILINE
)
_END = ("c=IN IP4 ", "m=audio ")


@dataclass(frozen=True)
class Agreed:
    """A dialog, from its caller's side (RFC 3261 section 12).

    :ivar target: the callee's Contact.
    :ivar seconds: from the first INVITE to the answer that took the call.
    :ivar ours: address and port where the caller wants its sound, and so ``theirs``.
    """

    call_id: str
    local: str
    remote: str
    target: str
    route: tuple[str, ...]
    cseq: int
    ours: tuple[str, int]
    theirs: tuple[str, int]
    seconds: float


@dataclass(frozen=True)
class _Message:
    at: datetime
    sent: bool
    first: str
    headers: tuple[tuple[str, str], ...]
    body: str

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    def one(self, name: str) -> str:
        return self.all(name)[0]


def agreed(messages: Path) -> Agreed | None:
    """The call that sipp has made; None as long as it is not taken, and its ACK not sent."""
    found = list(_messages(messages.read_bytes())) if messages.exists() else []
    invites = [one for one in found if one.sent and one.first.startswith("INVITE ")]
    taken = [one for one in found if not one.sent and one.first.startswith("SIP/2.0 200 ") and _is_of(one, "INVITE")]
    if not taken or not any(
        one.sent and one.first.startswith("ACK ") and _is_of(one, "ACK", taken[0]) for one in found
    ):
        return None
    invite, answer = invites[-1], taken[0]
    listed = [part.strip() for line in answer.all("Record-Route") for part in line.split(",")]
    return Agreed(
        call_id=invite.one("Call-ID"),
        local=invite.one("From"),
        remote=answer.one("To"),
        target=answer.one("Contact").strip("<>"),
        route=tuple(reversed(listed)),
        cseq=int(invite.one("CSeq").split()[0]),
        ours=_sound(invite.body),
        theirs=_sound(answer.body),
        seconds=(answer.at - invites[0].at).total_seconds(),
    )


def as_dialogs(call: Agreed) -> Mapping[str, Any]:
    """The file of calls, as docs/mobile-node.md has it."""
    local, remote = parse_name_addr(call.local, "From"), parse_name_addr(call.remote, "To")
    dialog = {
        "call_id": call.call_id,
        "local_tag": dict(local.params)["tag"],
        "remote_tag": dict(remote.params)["tag"],
        "local_uri": local.uri.text,
        "remote_uri": remote.uri.text,
        "remote_target": call.target,
        "cseq": call.cseq,
        "route": list(call.route),
        "media": [
            {
                "local": call.ours[0],
                "protocol": "udp",
                "port": call.ours[1],
                "correspondent": call.theirs[0],
                "correspondent_port": call.theirs[1],
            }
        ],
    }
    return {"version": 1, "dialogs": [dialog]}


def _messages(data: bytes) -> Iterator[_Message]:
    parts = _DIVISION.split(data)[1:]
    for at, way, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        head, _, body = text.decode(errors="replace").partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = tuple((name.strip().lower(), value.strip()) for name, _colon, value in pairs)
        yield _Message(datetime.fromisoformat(at.decode()), way == b"sent", first, headers, body)


def _is_of(message: _Message, method: str, answer: _Message | None = None) -> bool:
    """Whether a message is of a method, and of the transaction that an answer is to."""
    number, said = message.one("CSeq").split()
    return said == method and (answer is None or number == answer.one("CSeq").split()[0])


def _sound(body: str) -> tuple[str, int]:
    """Where a description wants sound (RFC 4566); our scenarios name one address and one stream."""
    address, media = (
        next(line[len(start) :] for line in body.splitlines() if line.startswith(start)) for start in _END
    )
    return str(ip_address(address.strip())), int(media.split()[0])
