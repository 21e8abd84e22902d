"""The mobile node's SIP client: one REGISTER, or NOTIFY, with digest authentication over UDP.

Run on the host inside the node's network namespace. Prints one JSON object and ends with 0 when the answer was 200.
Message, digest and timers are those of the mobile node's client (``node/sip``); this phone lets a test say anything
with them, and takes any answer.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import secrets
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.sipmobility.handover.node.sip import digest, request
from ansible_collections.sipmobility.handover.node.sip.request import host_text
from ansible_collections.sipmobility.handover.node.sip.transaction import COOKIE, Transaction
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.header import OPTION_TAG as TAG
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sessions_body import MEDIA_TYPE as SESSIONS_TYPE
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sessions_body import (
    ListedSession,
    SessionList,
    sessions_to_body,
)

__all__ = ["SESSIONS_TYPE", "TAG", "Answer", "Phone", "Request", "credentials", "parse_answer", "sessions_body"]


@dataclass(frozen=True)
class Request:
    """What one request says; ``headers`` are further header lines, sent as they are.

    :ivar to: the To header of a NOTIFY, with its tag; the empty string makes a REGISTER.
    :ivar signed: the body that a digest with ``auth-int`` is made of; None for ``body``.
    """

    user: str
    aor_user: str
    domain: str
    local: str
    contacts: tuple[str, ...]
    expires: int | None
    call_id: str
    cseq: int
    headers: tuple[str, ...] = ()
    authorization: str = ""
    to: str = ""
    body: bytes = b""
    signed: bytes | None = None

    @property
    def method(self) -> str:
        return "NOTIFY" if self.to else "REGISTER"

    def text(self, branch: str, from_tag: str, port: int) -> bytes:
        """The message, sent from this port."""
        message = request.Request(
            method=self.method,
            uri=f"sip:{self.domain}",
            from_=f"<sip:{self.aor_user}@{self.domain}>;tag={from_tag}",
            to=self.to or f"<sip:{self.aor_user}@{self.domain}>",
            call_id=self.call_id,
            cseq=self.cseq,
            contacts=self.contacts,
            expires=self.expires,
            headers=self.headers,
            credentials=f"Authorization: {self.authorization}" if self.authorization else "",
            agent="lab-phone",
            body=self.body,
        )
        return message.text(COOKIE + branch, self.local, port)


@dataclass(frozen=True)
class Answer:
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]


class Phone:
    """Sends requests from one bound socket; the port stays over a retry with credentials."""

    def __init__(self, local: str, server: str, server_port: int, port: int, patience: float) -> None:
        family = socket.AF_INET6 if ":" in local else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((local, port))
        self._socket.connect((server, server_port))
        self._patience = patience
        self._from_tag = secrets.token_hex(4)
        self.port: int = self._socket.getsockname()[1]

    def register(self, request: Request, password: str, qop: str | None = None) -> Answer:
        """Send; answer one challenge.

        :param qop: ``auth`` or ``auth-int``; None for the better one that is offered.
        :raises TimeoutError: no final answer within Timer F (32 s) or the given patience.
        """
        answer = self.transact(request)
        if answer.status == 401:
            challenge = answer.all("WWW-Authenticate")[0]
            authorization = credentials(challenge, request, password, qop)
            answer = self.transact(replace(request, cseq=request.cseq + 1, authorization=authorization))
        return answer

    def close(self) -> None:
        self._socket.close()

    def transact(self, request: Request) -> Answer:
        """A non-INVITE client transaction over UDP. What is wrong with an answer does not matter here."""
        branch = secrets.token_hex(8)
        data = request.text(branch, self._from_tag, self.port)
        transaction = Transaction(time.monotonic(), patience=self._patience)
        while not transaction.over(time.monotonic()):
            try:
                self._socket.send(data)
                while not transaction.timer(time.monotonic()):
                    self._socket.settimeout(max(0.001, transaction.due - time.monotonic()))
                    try:
                        answer = parse_answer(self._socket.recv(65535))
                    except TimeoutError:
                        if transaction.over(time.monotonic()):
                            break
                        continue
                    if answer.status >= 200 and answer.all("CSeq")[:1] == [f"{request.cseq} {request.method}"]:
                        return answer
            except OSError:
                # The link has just come up, or an ICMP error: the retransmission decides.
                time.sleep(0.05)
        raise TimeoutError("no final answer from the SIP server")


def parse_answer(data: bytes) -> Answer:
    """The first response in what a server sent."""
    first, *lines = data.split(b"\r\n\r\n", 1)[0].decode(errors="replace").split("\r\n")
    _, status, reason = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    return Answer(int(status), reason, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs))


def credentials(challenge: str, request: Request, password: str, qop: str | None) -> str:
    """Credentials for a challenge, with the quality of protection that is wanted where one is offered."""
    body = request.body if request.signed is None else request.signed
    asked = digest.parse_challenge(challenge)
    if qop is None:
        qop = "auth-int" if "auth-int" in asked.qop and request.body else "auth"
    uri, token = f"sip:{request.domain}", secrets.token_hex(8)
    return digest.credentials(asked, request.method, uri, request.user, password, body, token, qop)


def sessions_body(old: str, sessions: Sequence[str]) -> bytes:
    """The list of these sessions, each as ``PROTOCOL:PORT:ADDRESS:PORT``, IPv6 in brackets."""
    items = []
    for text in sessions:
        protocol, port, rest = text.split(":", 2)
        address, _, far = rest.rpartition(":")
        items.append(ListedSession(protocol, int(port), ipaddress.ip_address(address.strip("[]")), int(far)))
    return sessions_to_body(SessionList(ipaddress.ip_address(old), tuple(items)))


def main(argv: Sequence[str] | None = None) -> int:
    args = _arguments(argv)
    phone = Phone(args.local, args.server, args.server_port, args.port, args.timeout)
    tags = [f"{TAG}: <sip:{args.user}@{host_text(str(ipaddress.ip_address(old)))}>" for old in args.old]
    required = [*([TAG] if args.old else []), *args.require]
    body, kind = args.body.encode(), args.content_type
    if args.session:
        body, kind = sessions_body(args.old[0], args.session), SESSIONS_TYPE
    described = [f"Content-Type: {kind}", "Content-Disposition: render;handling=optional"] if body else []
    subscribed = ["Event: dialog", "Subscription-State: active"] if args.notify else []
    request = Request(
        user=args.user,
        aor_user=args.aor_user or args.user,
        domain=args.domain,
        local=args.local,
        contacts=tuple(args.contact or [f"<sip:{args.user}@{host_text(args.local)}:{phone.port}>"]),
        expires=args.expires,
        call_id=args.call_id or f"{secrets.token_hex(8)}@{host_text(args.local)}",
        cseq=args.cseq,
        headers=(
            *([f"Require: {', '.join(required)}"] if required else []),
            *tags,
            *args.header,
            *described,
            *subscribed,
        ),
        to=args.notify,
        body=body,
        signed=None if args.signed_body is None else args.signed_body.encode(),
    )
    report: dict[str, object] = {"call_id": request.call_id, "cseq": request.cseq, "port": phone.port}
    start = time.monotonic()
    try:
        for turn in range(args.repeat):
            answer = phone.register(replace(request, cseq=args.cseq + 2 * turn), args.password, args.qop)
    except TimeoutError as error:
        report |= {"status": None, "reason": str(error)}
    else:
        report |= {"status": answer.status, "reason": answer.reason}
        report |= {"contacts": answer.all("Contact"), "unsupported": answer.all("Unsupported")}
    report["ms"] = round((time.monotonic() - start) * 1000, 1)
    time.sleep(args.linger)
    print(json.dumps(report), flush=True)
    return 0 if report["status"] == 200 else 1


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.phone", description="send one REGISTER, or NOTIFY")
    parser.add_argument("--server", required=True, help="address of the SIP server")
    parser.add_argument("--server-port", type=int, default=5060)
    parser.add_argument("--local", required=True, help="address to send from: the new one, after a move")
    parser.add_argument("--port", type=int, default=0, help="port to send from")
    parser.add_argument("--user", default="alice")
    parser.add_argument("--aor-user", help="the user of From and To; default: --user, who has the password")
    parser.add_argument("--password", required=True)
    parser.add_argument("--domain", default="visited.example")
    parser.add_argument("--old", action="append", default=[], metavar="ADDRESS", help="tag the REGISTER with it")
    parser.add_argument("--contact", action="append", help="a Contact value; repeatable; default: the local address")
    parser.add_argument("--expires", type=int, default=600)
    parser.add_argument("--call-id")
    parser.add_argument("--cseq", type=int, default=1, help="of the first request; with credentials it is one more")
    parser.add_argument("--repeat", type=int, default=1, help="refresh so often; the last answer is reported")
    parser.add_argument("--require", action="append", default=[], metavar="TAG", help="a further option tag")
    parser.add_argument("--header", action="append", default=[], metavar="LINE", help="a further header line")
    session = "a session to list in the body: PROTOCOL:PORT:ADDRESS:PORT; repeatable; needs --old"
    parser.add_argument("--session", action="append", default=[], metavar="SESSION", help=session)
    parser.add_argument("--body", default="", help="a body of any text, instead")
    parser.add_argument("--content-type", default=SESSIONS_TYPE, help="its type; default: %(default)s")
    parser.add_argument("--qop", choices=["auth", "auth-int"], help="default: auth-int for a body where it is offered")
    parser.add_argument(
        "--signed-body", metavar="TEXT", help="make the digest of this body, not of the one that is sent"
    )
    parser.add_argument("--notify", default="", metavar="TO", help="send a NOTIFY with this To header, tag and all")
    parser.add_argument("--timeout", type=float, default=32, help="seconds per transaction; RFC 3261's limit is 32")
    parser.add_argument(
        "--linger",
        type=float,
        default=0,
        metavar="SECONDS",
        help="stay so long after the last answer: the end of a process takes the processor from what is timed",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
