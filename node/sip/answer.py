# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer of a server, read by the strict grammar of the core; who sent it is not trusted any further."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.sip.grammar import Address, ip_literal
from ...plugins.module_utils.sip.header import parse_expires
from ...plugins.module_utils.sip.message import parse_message
from ...plugins.module_utils.sip.message_facts import Message

__all__ = ["Answer", "parse_answer"]

_SECONDS = re.compile(r"([0-9]{1,10})(?:[ \t;(].*)?")


@dataclass(frozen=True)
class Answer:
    """A response.

    :ivar reason: its reason phrase, which means nothing (RFC 3261 section 7.2).
    """

    status: int
    reason: str
    message: Message

    def all(self, name: str) -> list[str]:
        """The values of the header lines of a name."""
        return self.message.values(name)

    @property
    def received(self) -> Address | None:
        """The address that the server saw the request come from, where it says so (RFC 3261 section 18.2.1)."""
        text = dict(self.message.vias[0].params).get("received")
        return None if text is None else ip_literal(text)

    @property
    def unsupported(self) -> tuple[str, ...]:
        """The option tags of Unsupported (section 20.40), in lower case."""
        return tuple(tag.strip(" \t").lower() for value in self.all("unsupported") for tag in value.split(","))

    def seconds(self, name: str) -> int | None:
        """The number that Retry-After or Min-Expires begins with; None where there is none to be read."""
        for value in self.all(name)[:1]:
            found = _SECONDS.fullmatch(value)
            if found is not None:
                return int(found.group(1))
        return None

    def granted(self, uri: str, asked: int) -> int:
        """Seconds for which a Contact is bound (section 10.3, step 8)."""
        for contact in self.message.contacts:
            if contact.uri.text == uri:
                told = contact.param("expires")
                if told is not None:
                    return parse_expires(told)
        return asked if self.message.expires is None else self.message.expires


def parse_answer(data: bytes) -> Answer:
    """Read a response.

    :raises HandoverError: one of the codes for messages; ``not_an_answer`` for a request.
    """
    message = parse_message(data)
    if message.status is None:
        raise HandoverError("not_an_answer", data[:80], "a server answers with a status line")
    first = data.lstrip(b"\r\n").split(b"\r\n", 1)[0].decode("utf-8", "replace")
    return Answer(message.status, first.split(" ", 2)[2], message)
