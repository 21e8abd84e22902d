"""The mobile node's SIP client: one REGISTER, or NOTIFY, with digest authentication over UDP.

Run on the host inside the node's network namespace. Prints one JSON object and ends with 0 when the answer was 200.
Message and digest follow RFC 3261 (sections 10.2, 17.1.2, 22.4) and RFC 2617, the tag follows US patent 7,082,118, the
list of sessions docs/sessions-body.md.
"""

from __future__ import annotations

import argparse
import hashlib
import ipaddress
import json
import re
import secrets
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

TAG = "com.cisco.TerminalMobilityUsingNat"
SESSIONS_TYPE = "application/vnd.sipmobility.sessions+json"
# RFC 3261 section 17.1.2.2: T1, T2, and Timer F = 64*T1.
_T1, _T2 = 0.5, 4.0


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
        lines = [
            f"{self.method} sip:{self.domain} SIP/2.0",
            f"Via: SIP/2.0/UDP {_host(self.local)}:{port};branch=z9hG4bK{branch}",
            "Max-Forwards: 70",
            f"From: <sip:{self.aor_user}@{self.domain}>;tag={from_tag}",
            f"To: {self.to or f'<sip:{self.aor_user}@{self.domain}>'}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {self.method}",
            *(f"Contact: {contact}" for contact in self.contacts),
            *([f"Expires: {self.expires}"] if self.expires is not None else []),
            *self.headers,
            *([f"Authorization: {self.authorization}"] if self.authorization else []),
            "User-Agent: lab-phone",
            f"Content-Length: {len(self.body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


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

    def transact(self, request: Request) -> Answer:
        """A non-INVITE client transaction over UDP."""
        data = request.text(secrets.token_hex(8), self._from_tag, self.port)
        end = time.monotonic() + min(64 * _T1, self._patience)
        interval = _T1
        while time.monotonic() < end:
            try:
                self._socket.send(data)
                self._socket.settimeout(max(0.001, min(interval, end - time.monotonic())))
                while True:
                    answer = _parse(self._socket.recv(65535))
                    if answer.status >= 200 and answer.all("CSeq")[:1] == [f"{request.cseq} {request.method}"]:
                        return answer
            except TimeoutError:
                pass
            except OSError:
                # The link has just come up, or an ICMP error: the retransmission decides.
                time.sleep(min(0.05, interval))
                continue
            interval = min(interval * 2, _T2)
        raise TimeoutError("no final answer from the SIP server")


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _parse(data: bytes) -> Answer:
    first, *lines = data.split(b"\r\n\r\n", 1)[0].decode(errors="replace").split("\r\n")
    _, status, reason = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    return Answer(int(status), reason, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs))


def credentials(challenge: str, request: Request, password: str, qop: str | None) -> str:
    """Credentials of RFC 2617 with MD5, and with the quality of protection where one is offered."""
    quoted = re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge.partition(" ")[2])
    given = {name.lower(): text or token for name, text, token in quoted}
    uri = f"sip:{request.domain}"

    def md5(text: str | bytes) -> str:
        return hashlib.md5(text if isinstance(text, bytes) else text.encode(), usedforsecurity=False).hexdigest()

    one = md5(f"{request.user}:{given['realm']}:{password}")
    fields = {"username": request.user, "realm": given["realm"], "nonce": given["nonce"], "uri": uri}
    result = ", ".join(f'{name}="{value}"' for name, value in fields.items())
    if "qop" not in given:
        response = md5(f"{one}:{given['nonce']}:{md5(f'{request.method}:{uri}')}")
        return f'Digest {result}, response="{response}", algorithm=MD5'
    offered = re.split(r"[ ,]+", given["qop"])
    qop = qop or ("auth-int" if "auth-int" in offered and request.body else "auth")
    covered = f":{md5(request.body if request.signed is None else request.signed)}" if qop == "auth-int" else ""
    two = md5(f"{request.method}:{uri}{covered}")
    cnonce = secrets.token_hex(8)
    response = md5(f"{one}:{given['nonce']}:00000001:{cnonce}:{qop}:{two}")
    return f'Digest {result}, qop={qop}, nc=00000001, cnonce="{cnonce}", response="{response}", algorithm=MD5'


def sessions_body(old: str, sessions: Sequence[str]) -> bytes:
    """The list of these sessions, each as ``PROTOCOL:PORT:ADDRESS:PORT``, IPv6 in brackets."""
    items = []
    for text in sessions:
        protocol, port, rest = text.split(":", 2)
        address, _, far = rest.rpartition(":")
        items.append(
            {
                "protocol": protocol,
                "port": int(port),
                "correspondent": address.strip("[]"),
                "correspondent_port": int(far),
            }
        )
    return json.dumps({"version": 1, "old": old, "sessions": items}).encode()


def main(argv: Sequence[str] | None = None) -> int:
    args = _arguments(argv)
    phone = Phone(args.local, args.server, args.server_port, args.port, args.timeout)
    tags = [f"{TAG}: <sip:{args.user}@{_host(str(ipaddress.ip_address(old)))}>" for old in args.old]
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
        contacts=tuple(args.contact or [f"<sip:{args.user}@{_host(args.local)}:{phone.port}>"]),
        expires=args.expires,
        call_id=args.call_id or f"{secrets.token_hex(8)}@{_host(args.local)}",
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
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
