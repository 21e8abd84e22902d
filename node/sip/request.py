# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request of a phone, as bytes (RFC 3261 sections 7.1 and 8.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Request", "host_text"]


@dataclass(frozen=True)
class Request:
    """What one request says; the Via comes from whoever sends it.

    Nothing here is checked: values from outside are, where they come in.

    :ivar uri: the Request-URI.
    :ivar from_: value of From, with its tag.
    :ivar to: value of To.
    :ivar contacts: values of Contact, a line each.
    :ivar expires: seconds; None for no such header.
    :ivar headers: further header lines, sent as they are.
    :ivar credentials: a header line with credentials, or the empty string.
    """

    method: str
    uri: str
    from_: str
    to: str
    call_id: str
    cseq: int
    contacts: tuple[str, ...] = ()
    expires: int | None = None
    headers: tuple[str, ...] = ()
    credentials: str = ""
    agent: str = ""
    body: bytes = b""

    def text(self, branch: str, local: str, port: int, transport: str = "UDP") -> bytes:
        """The message.

        :param branch: that of its transaction, with the cookie ``z9hG4bK`` (section 8.1.1.7).
        :param local: the address that it is sent from, ``port`` its port.
        """
        lines = [
            f"{self.method} {self.uri} SIP/2.0",
            f"Via: SIP/2.0/{transport} {host_text(local)}:{port};branch={branch}",
            "Max-Forwards: 70",
            f"From: {self.from_}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {self.method}",
            *(f"Contact: {contact}" for contact in self.contacts),
            *([f"Expires: {self.expires}"] if self.expires is not None else []),
            *self.headers,
            *([self.credentials] if self.credentials else []),
            *([f"User-Agent: {self.agent}"] if self.agent else []),
            f"Content-Length: {len(self.body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


def host_text(address: object) -> str:
    """An address as the host of a URI: IPv6 in brackets."""
    text = str(address)
    return f"[{text}]" if ":" in text else text
