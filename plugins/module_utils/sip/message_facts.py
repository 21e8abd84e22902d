# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message says. What few ask for is made when it is asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .contact import is_asterisk
from .head_lines import head_lines, held_headers
from .header import OPTION_TAG, CSeq, Via, claimed_user, parse_expires, parse_via, read_option_tags
from .name_addr import NameAddr, parse_name_addr, parse_name_addrs
from .register_headers import Stated, headers_of_register
from .uri import Uri, address_of_record

__all__ = ["Message", "Written"]

_TAG = OPTION_TAG.lower()

#: A plain head, up to and with the last header's line end; the first value of each name as it is spelled; how names in
#: lower case and long form are spelled; names and values of later lines. All empty where everything is known.
Written = Tuple[bytes, Mapping[Optional[str], str], Mapping[str, Optional[str]], Sequence[Tuple[str, str]]]


class Message:
    """One request or response; what is read from it is checked, the other headers are kept as they are.

    :ivar method: method of a request; None for a response.
    :ivar uri: Request-URI; None for a response.
    :ivar status: status code of a response; None for a request.
    :ivar body: Content-Length bytes, or all that follow the head.
    """

    method: Optional[str]
    uri: Optional[Uri]
    status: Optional[int]
    call_id: str
    cseq: CSeq
    content_length: Optional[int]
    body: bytes
    _written: Written

    def __init__(self, known: Dict[str, Any]) -> None:
        """:param known: the attributes above, and any of the properties below; the others are made of ``_written``."""
        self.__dict__ = known

    @cached_property
    def headers(self) -> Mapping[str, List[str]]:
        """Names in lower case and long form, and the values of each, in order."""
        return held_headers(head_lines(self._written[0], bare_lf=False)[1])

    @cached_property
    def vias(self) -> Tuple[Via, ...]:
        """The hops, newest first."""
        return tuple([hop for value in self._lines("via") for hop in parse_via(value)])

    @cached_property
    def transport(self) -> str:
        """That of the newest Via, in lower case."""
        return self.vias[0].transport

    @cached_property
    def from_(self) -> NameAddr:
        """The From header."""
        return parse_name_addr(self._lines("from")[0], "From")

    @cached_property
    def to(self) -> NameAddr:
        """The To header."""
        return parse_name_addr(self._lines("to")[0], "To")

    @cached_property
    def aor(self) -> str:
        """The canonical address of record of To."""
        return address_of_record(self.to.uri)

    @cached_property
    def contact_asterisk(self) -> bool:
        """Whether the Contact is ``*`` (RFC 3261 section 10.2.2)."""
        return is_asterisk(self._lines("contact"))

    @cached_property
    def contacts(self) -> Tuple[NameAddr, ...]:
        """The Contact addresses; empty where there is none, or only the asterisk."""
        if self.contact_asterisk:
            return ()
        return tuple([one for value in self._lines("contact") for one in parse_name_addrs(value, "Contact")])

    @cached_property
    def expires(self) -> Optional[int]:
        """Seconds of the Expires header, None without one."""
        return next(map(parse_expires, self._lines("expires")), None)

    @cached_property
    def require(self) -> Tuple[str, ...]:
        """Option tags of Require, in lower case."""
        return read_option_tags(self._lines("require"))

    @cached_property
    def authorization(self) -> List[str]:
        """The values of Authorization; nothing in them has been checked."""
        return self._lines("authorization")

    @cached_property
    def claimed_user(self) -> Optional[str]:
        """The user name in Authorization, which nobody has checked.

        :raises HandoverError: ``bad_header``.
        """
        return claimed_user(self.authorization)

    @cached_property
    def registers(self) -> Stated:
        """What a REGISTER states of itself.

        :raises HandoverError: ``bad_contact``, ``bad_header``, ``bad_number``, ``bad_old_address``.
        """
        said = headers_of_register(self._lines("contact"), self._lines(_TAG), self._lines("require"), self.expires)
        said["aor"], said["transport"], said["claimed_user"] = self.aor, self.transport, self.claimed_user
        said["call_id"], said["cseq"] = self.call_id, self.cseq.number
        return said

    def values(self, name: str) -> List[str]:
        """The values of the header lines of this name (any case, long form)."""
        return list(self.headers.get(name.lower(), ()))

    def with_body(self, body: bytes) -> Message:
        """The same message with this body."""
        return Message({**self.__dict__, "body": body})

    def _lines(self, name: str) -> List[str]:
        """The values of the header lines of this name (lower case, long form), of a header that is read."""
        head, values, spelled, again = self._written
        if not head:
            return self.headers.get(name, [])
        if name not in spelled:
            return []
        return [values[spelled[name]].strip(" \t"), *[value for other, value in again if other == name]]

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
