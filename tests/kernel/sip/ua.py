# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone that makes and takes calls, as far as servers are concerned (RFC 3261 sections 12 to 15, 22)."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Dialog", "Message", "Ua"]

_T1 = 0.5
#: Seconds for a final answer.
_PATIENCE = 8.0


@dataclass(frozen=True)
class Message:
    """One message that was received."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""

    @classmethod
    def read(cls, data: bytes) -> Message:
        head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return cls(first, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs), body)

    @property
    def status(self) -> int:
        return int(self.first.split(" ", 2)[1])

    @property
    def method(self) -> str:
        return self.first.split(" ", 1)[0]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    def one(self, name: str) -> str:
        return self.all(name)[0]


@dataclass
class Dialog:
    """A dialog as its caller or callee keeps it."""

    call_id: str
    local: str
    remote: str
    target: str
    route: list[str] = field(default_factory=list)
    cseq: int = 1


class Ua:
    """A phone at an address, port 5060; it answers what comes with 200.

    :ivar heard: requests that came.
    :ivar via: what its Via says besides.
    :ivar transport: what its Via names.
    :ivar media: the port where it wants sound; 0 for no session description.
    """

    def __init__(self, user: str, domain: str, password: str, at: str, server: tuple[str, int]) -> None:
        self.aor = f"sip:{user}@{domain}"
        self.at = at
        self.host = f"[{at}]" if ":" in at else at
        self.contact = f"<sip:{user}@{self.host}:5060>"
        self.heard: list[Message] = []
        self.via, self.transport = "", "UDP"
        self.media = 0
        self._user, self._domain, self._password, self._server = user, domain, password, server
        self._socket = socket.socket(socket.AF_INET6 if ":" in at else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((at, 5060))
        self._socket.settimeout(0.05)
        self._answers: dict[str, list[Message]] = {}
        self._last = b""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let the address go."""
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def register(self, *headers: str, expires: int = 600, contact: str | None = None) -> Message:
        """One REGISTER, with digest."""
        lines = [f"Contact: {self.contact if contact is None else contact}", f"Expires: {expires}", *headers]
        dialog = Dialog(secrets.token_hex(8), f"<{self.aor}>;tag=r{secrets.token_hex(4)}", f"<{self.aor}>", "")
        return self.ask("REGISTER", f"sip:{self._domain}", dialog, lines)

    def call(self, callee: str, *headers: str) -> tuple[Message, Dialog]:
        """An INVITE and its ACK; the answer, and the dialog."""
        dialog = Dialog(secrets.token_hex(8), f"<{self.aor}>;tag=c{secrets.token_hex(4)}", f"<{callee}>", callee)
        answer = self.ask("INVITE", callee, dialog, [f"Contact: {self.contact}", *headers])
        if answer.status == 200:
            dialog.remote = answer.one("To")
            dialog.target = answer.one("Contact").strip("<>")
            dialog.route = list(reversed([part for line in answer.all("Record-Route") for part in line.split(",")]))
            self._send("ACK", dialog.target, dialog, [])
        return answer, dialog

    def taken(self, invite: Message) -> Dialog:
        """The dialog that an INVITE which was taken has made, from the callee's side."""
        route = [part for line in invite.all("Record-Route") for part in line.split(",")]
        local = f"{invite.one('To')};tag=u{self._user}"
        return Dialog(invite.one("Call-ID"), local, invite.one("From"), invite.one("Contact").strip("<>"), route, 100)

    def within(self, dialog: Dialog, method: str, *headers: str) -> Message:
        """A request within a dialog, and the answer to it."""
        answer = self.ask(method, dialog.target, dialog, [f"Contact: {self.contact}", *headers])
        if method == "INVITE" and answer.status == 200:
            self._send("ACK", dialog.target, dialog, [])
        return answer

    def ask(self, method: str, uri: str, dialog: Dialog, headers: Sequence[str]) -> Message:
        """A request, once more with credentials where they are asked for; the final answer."""
        answer = self._transact(method, uri, dialog, headers)
        for status, name, reply in ((401, "WWW-Authenticate", ""), (407, "Proxy-Authenticate", "Proxy-")):
            if answer.status == status and self._password:
                if method == "INVITE":
                    self._send("ACK", uri, dialog, [], to=answer.one("To"))
                given = self._credentials(answer.one(name), method, uri)
                answer = self._transact(method, uri, dialog, [*headers, f"{reply}Authorization: {given}"])
        return answer

    def again(self) -> Message:
        """The very last request once more, as a transaction of its own; the final answer."""
        branch = b"branch=z9hG4bK" + secrets.token_hex(8).encode()
        data = re.sub(rb"branch=z9hG4bK[0-9a-f]+", branch, self._last, count=1)
        request = Message.read(data)
        answers = self._answers[f"{request.one('Call-ID')} {request.one('CSeq')}"]
        known, end = len(answers), time.monotonic() + _PATIENCE
        self._socket.sendto(data, self._server)
        while time.monotonic() < end:
            time.sleep(0.005)
            for answer in answers[known:]:
                if answer.status >= 200:
                    return answer
        raise TimeoutError("no answer to what was sent again")

    def _transact(self, method: str, uri: str, dialog: Dialog, headers: Sequence[str]) -> Message:
        dialog.cseq += 1
        self._last = data = self._text(method, uri, dialog, headers)
        end, due = time.monotonic() + _PATIENCE, 0.0
        answers = self._answers.setdefault(f"{dialog.call_id} {dialog.cseq} {method}", [])
        while time.monotonic() < end:
            if time.monotonic() >= due and not answers:
                self._socket.sendto(data, self._server)
                due = time.monotonic() + _T1
            time.sleep(0.005)
            for answer in answers:
                if answer.status >= 200:
                    return answer
        raise TimeoutError(f"no answer to {method} {uri}")

    def _send(self, method: str, uri: str, dialog: Dialog, headers: Sequence[str], to: str | None = None) -> None:
        data = self._text(method, uri, dialog, headers, to)
        self._socket.sendto(data, self._server)

    def _text(self, method: str, uri: str, dialog: Dialog, headers: Sequence[str], to: str | None = None) -> bytes:
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.host}:5060;branch=z9hG4bK{secrets.token_hex(8)}{self.via}",
            *(f"Route: {route}" for route in dialog.route),
            "Max-Forwards: 70",
            f"From: {dialog.local}",
            f"To: {dialog.remote if to is None else to}",
            f"Call-ID: {dialog.call_id}",
            f"CSeq: {dialog.cseq} {method}",
            *headers,
        ]
        return self._whole(lines, described=method == "INVITE")

    def _credentials(self, challenge: str, method: str, uri: str) -> str:
        given = dict(re.findall(r'(\w+)="([^"]*)"', challenge))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        one, two = md5(f"{self._user}:{given['realm']}:{self._password}"), md5(f"{method}:{uri}")
        cnonce = secrets.token_hex(4)
        response = md5(f"{one}:{given['nonce']}:00000001:{cnonce}:auth:{two}")
        return (
            f'Digest username="{self._user}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", '
            f'qop=auth, nc=00000001, cnonce="{cnonce}", response="{response}", algorithm=MD5'
        )

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                data, source = self._socket.recvfrom(65535)
            except OSError:  # nothing came, or an ICMP error for what was sent
                continue
            message = Message.read(data)
            if message.first.startswith("SIP/2.0 "):
                key = f"{message.one('Call-ID')} {message.one('CSeq')}"
                self._answers.setdefault(key, []).append(message)
                continue
            self.heard.append(message)
            if message.method != "ACK":
                self._socket.sendto(self._accepted(message), source)

    def _accepted(self, request: Message) -> bytes:
        to = request.one("To")
        lines = [
            "SIP/2.0 200 OK",
            *(f"{name}: {value}" for name, value in request.headers if name in ("via", "record-route")),
            f"From: {request.one('From')}",
            f"To: {to if ';tag=' in to else f'{to};tag=u{self._user}'}",
            f"Call-ID: {request.one('Call-ID')}",
            f"CSeq: {request.one('CSeq')}",
            f"Contact: {self.contact}",
        ]
        return self._whole(lines, described=request.method == "INVITE")

    def _whole(self, lines: Sequence[str], described: bool) -> bytes:
        """The message, with a session description where it has one (RFC 4566)."""
        body, net = "", "IN IP6" if ":" in self.at else "IN IP4"
        if described and self.media:
            body = (
                f"v=0\r\no=- 1 1 {net} {self.at}\r\ns=-\r\nc={net} {self.at}\r\nt=0 0\r\n"
                f"m=audio {self.media} RTP/AVP 0\r\n"
            )
            lines = [*lines, "Content-Type: application/sdp"]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()
