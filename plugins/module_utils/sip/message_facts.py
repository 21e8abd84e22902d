# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message says. What few ask for is made when it is asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .contact import ContactValue
from .head_lines import head_lines, held_headers
from .header import CSeq, Via, parse_via
from .name_addr import NameAddr, parse_name_addr, parse_name_addrs
from .uri import Uri

__all__ = ["Message", "Written"]


class Written(NamedTuple):
    """A head that has been checked, the first value of each header that is read, and the values of later lines with
    their names; white space stands around them."""

    head: bytes
    values: Mapping[str, str]
    again: Sequence[Tuple[str, str]]

    def lines(self, name: str) -> List[str]:
        """The values of a header."""
        lines = [self.values[name], *[value for other, value in self.again if other == name]]
        return [line.strip(" \t") for line in lines]


class Message:
    """One request or response; what is read from it is checked, the other headers are kept as they are.

    :ivar method: method of a request; None for a response.
    :ivar uri: Request-URI; None for a response.
    :ivar status: status code of a response; None for a request.
    :ivar transport: of the newest Via, in lower case.
    :ivar aor: canonical address of record of To.
    :ivar contact_values: what of the Contact addresses concerns bindings; empty where there is none, or only the
        asterisk.
    :ivar contact_asterisk: whether the Contact is ``*`` (RFC 3261 section 10.2.2).
    :ivar old_address_lines: values of the patent's header; nothing in them has been checked.
    :ivar authorization: values of Authorization, likewise.
    :ivar expires: seconds of the Expires header, None without one.
    :ivar require: option tags of Require, in lower case.
    :ivar body: Content-Length bytes, or all that follow the head.
    """

    method: Optional[str]
    uri: Optional[Uri]
    status: Optional[int]
    transport: str
    aor: str
    call_id: str
    cseq: CSeq
    contact_values: Tuple[ContactValue, ...]
    contact_asterisk: bool
    old_address_lines: List[str]
    authorization: List[str]
    expires: Optional[int]
    require: Tuple[str, ...]
    content_length: Optional[int]
    body: bytes
    _written: Written

    def __init__(self, known: Dict[str, Any], written: Written) -> None:
        """:param known: the attributes above, and any of the properties below.
        :param written: what those of the properties are made of that are not known.
        """
        known["_written"] = written
        self.__dict__ = known

    @cached_property
    def headers(self) -> Mapping[str, List[str]]:
        """Names in lower case and long form, and the values of each, in order."""
        return held_headers(head_lines(self._written.head, bare_lf=False)[1])

    @cached_property
    def vias(self) -> Tuple[Via, ...]:
        """The hops, newest first."""
        return tuple([hop for value in self._written.lines("via") for hop in parse_via(value)])

    @cached_property
    def from_(self) -> NameAddr:
        """The From header."""
        return parse_name_addr(self._written.values["from"].strip(" \t"), "From")

    @cached_property
    def to(self) -> NameAddr:
        """The To header."""
        return parse_name_addr(self._written.values["to"].strip(" \t"), "To")

    @cached_property
    def contacts(self) -> Tuple[NameAddr, ...]:
        """The Contact addresses; empty where there is none, or only the asterisk."""
        if self.contact_asterisk or "contact" not in self._written.values:
            return ()
        return tuple([one for value in self._written.lines("contact") for one in parse_name_addrs(value, "Contact")])

    def values(self, name: str) -> List[str]:
        """The values of the header lines of this name (any case, long form)."""
        return list(self.headers.get(name.lower(), ()))

    def with_body(self, body: bytes) -> Message:
        """The same message with this body."""
        return Message({**self.__dict__, "body": body}, self._written)

    def __eq__(self, other: object) -> bool:
        """Whether they say the same."""
        if not isinstance(other, Message):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _FACTS)

    __hash__ = None  # type: ignore[assignment]


#: By what messages are compared: all that they say, which the other attributes follow from.
_FACTS = (
    "method",
    "uri",
    "status",
    "headers",
    "vias",
    "from_",
    "to",
    "call_id",
    "cseq",
    "contacts",
    "contact_asterisk",
    "expires",
    "require",
    "content_length",
    "body",
)
