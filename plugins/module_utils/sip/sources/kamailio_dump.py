# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bindings that a Kamailio holds: ``ul.dump``, from its JSON-RPC server or as ``kamcmd`` prints it.

This is state, not events. Each contact becomes a Registration with ``snapshot`` set: the registrar holds this binding.
It never is a move, and serves to know who held which address. ``expires`` are the seconds that were left when the
dump was made; it does not say when that was, so read it at once. ``held_since`` is when the phone registered last.

It has no patent's header, no authenticated user, and the packet's source only where the server keeps it
(``fix_nated_register()``).

Prefer JSON (``kamctl rpc ul.dump``, or any client of ``jsonrpcs``). ``kamcmd`` does not escape what it prints, and
Kamailio keeps a folded User-Agent with its line breaks, so that a phone can write lines of its own into that text.
It is read strictly here: each line in its place, each key once, the number of AORs as the server counts them. That
stops an accident and a clumsy forger, not a careful one.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from ...errors import HandoverError
from ..grammar import ip_literal
from ..header import MAX_CSEQ, MAX_EXPIRES, parse_call_id
from ..refusal import Refusal, refusal
from ..reported import reported, reported_contact
from ..uri import parse_uri, reported_aor
from .json_objects import object_items
from .json_values import MAX_TIME, Object, number_of, optional_string, parse_object, string
from .lines import Position, lines
from .source import Item, Source

__all__ = ["SOURCE", "parse"]

_BEGIN = re.compile(rb"\{[ \t\r\n]*([^ \t\r\n])")
_LOOKED_AT = 4096
_SOCKET = re.compile(r"(?P<transport>[a-z]+):(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::[0-9]+)?")
#: Lines of the text by their depth, but for those of a contact. Kamailio 5.6 prints a tab for each level.
_FRAME = (
    re.compile(r"[{}]"),
    re.compile(r"Domains: \{|\}"),
    re.compile(r"Domain: \{|\}"),
    re.compile(r"(?:Domain|Size): .+|(?:AoRs|Stats): \{|\}"),
    re.compile(r"Info: \{|(?:Records|Max-Slots): [0-9]+|\}"),
    re.compile(r"AoR: .+|HashID: -?[0-9]+|Contacts: \{|\}"),
    re.compile(r"Contact: \{|\}"),
)
_CONTACT_DEPTH = len(_FRAME)
_FIELD = re.compile(r"([A-Za-z-]{1,32}): ?(.*)")
_MAX_FIELDS = 64


def parse(stream: Iterable[bytes], where: str, position: Optional[Position] = None) -> Iterator[Item]:
    """Read dumps, one after the other. ``position`` is moved to the end when the last is whole, and else stays."""
    position = position if position is not None else Position()
    end = Position(position.offset, position.line)
    is_json, rest = _looked_at(stream, end)
    item: Optional[Item] = None
    whole = True
    for item in object_items(rest, where, end, _aor_of_json, key="Info") if is_json else _text_items(rest, where, end):
        whole = not (isinstance(item, Refusal) and item.code == "truncated_line")
        yield item
    if whole:
        position.offset, position.line = end.offset, end.line


SOURCE = Source("kamailio_dump", parse, telling=re.compile(rb'\A[ \t]*Domains: \{|"Domains"[ \t]*:[ \t]*\['))


def _looked_at(stream: Iterable[bytes], position: Position) -> Tuple[bool, Iterable[bytes]]:
    """Whether it is JSON, and the stream from its first brace; ``position`` is moved there."""
    chunks = iter(stream)
    head = b""
    found: Optional[re.Match[bytes]] = None
    for chunk in chunks:
        head += chunk
        start = len(head) - len(head.lstrip())
        position.offset += start
        position.line += head.count(b"\n", 0, start)
        head = head[start:]
        found = _BEGIN.match(head)
        if head and (found is not None or len(head) > _LOOKED_AT or not head.startswith(b"{")):
            break
    return found is not None and found.group(1) == b'"', chain([head], chunks)


def _aor_of_json(data: bytes, where: str) -> List[Item]:
    found: List[Item] = []
    try:
        info = parse_object(data)
        aor = reported_aor(string(info, "AoR"), domain=False)
        # An AOR may have more contacts than a list of an event has items; the object's size bounds them.
        contacts = info.get("Contacts")
        if not isinstance(contacts, list):
            raise HandoverError("bad_value", f"Contacts: {contacts!r:.100}", "the contacts of an AOR are a list")
    except HandoverError as error:
        return [refusal(error, where)]
    for item in contacts:
        try:
            contact = item.get("Contact") if isinstance(item, dict) else None
            if not isinstance(contact, dict):
                raise HandoverError("bad_value", f"Contacts: {item!r:.100}", "a contact is an object")
            held = _held(aor, contact, where)
            found.extend([held] if held is not None else [])
        except HandoverError as error:
            found.append(refusal(error, where))
    return found


def _text_items(stream: Iterable[bytes], where: str, position: Position) -> Iterator[Item]:
    reader = _Text()
    for line in lines(stream, position):
        # The last brace needs no LF behind it; whoever stores an output may cut that off.
        if not line.complete and not line.too_long and line.data != b"}":
            reader.finished = False
            break
        item = reader.take(line.data, f"{where}:{line.number}", line.too_long)
        position.offset, position.line = line.end, line.number + line.complete
        if item is not None:
            yield item
    if not reader.finished:
        yield Refusal("truncated_line", "the end of the dump is missing", f"{where}:{position.line}")


class _Text:
    """What has been read of the text.

    :ivar finished: whether the last brace has come, or nothing has begun.
    """

    def __init__(self) -> None:
        self.finished = True
        self._aors = 0
        self._aor: Optional[str] = None
        self._contact: Optional[Dict[str, object]] = None
        #: What follows of an AOR that was refused may be text that its phone wrote, and is not believed.
        self._refused = True
        self._bad = False

    def take(self, data: bytes, where: str, too_long: bool) -> Optional[Item]:
        """Take a line, and say what a contact that ends with it was, or what is wrong. Of several bad lines, one is
        told."""
        bad, self._bad = self._bad, False
        try:
            if too_long:
                raise HandoverError("unreadable_line", data[:80], "a line is longer than 256 KiB")
            try:
                text = data.decode("utf-8").rstrip("\r")
            except UnicodeDecodeError as error:
                raise HandoverError("unreadable_line", data[:80], "a dump holds UTF-8 text") from error
            depth = len(text) - len(text.lstrip("\t"))
            return self._line(depth, text[depth:], where)
        except HandoverError as error:
            self._aor, self._contact, self._refused, self._bad = None, None, True, True
            return None if bad else refusal(error, where)

    def _line(self, depth: int, text: str, where: str) -> Optional[Item]:
        if self._contact is not None:
            if depth == _CONTACT_DEPTH:
                self._contact_field(text)
                return None
            if depth == _CONTACT_DEPTH - 1 and text == "}":
                return self._contact_end(where)
            raise HandoverError("bad_value", text, "each line of a dump stands in its place")
        if self._refused and (depth >= _CONTACT_DEPTH or not text) and not self.finished:
            return None
        if not text and self.finished:
            return None
        if depth >= _CONTACT_DEPTH or not _FRAME[depth].fullmatch(text):
            raise HandoverError("bad_value", text, "each line of a dump stands in its place")
        if depth == 0:
            self.finished = text == "}"
        elif depth == 3 and text == "AoRs: {":
            self._aors = 0
        elif depth == 4:
            return self._of_domain(text, where)
        elif depth == 5 and text.startswith("AoR: ") and not self._refused:
            if self._aor is not None:
                raise HandoverError("bad_value", text, "an AOR stands once in its place")
            self._aor = reported_aor(text[5:], domain=False)
        elif depth == 6 and text == "Contact: {" and not self._refused:
            if self._aor is None:
                raise HandoverError("missing_key", "AoR", "contacts stand behind their AOR")
            self._contact = {}
        return None

    def _of_domain(self, text: str, where: str) -> Optional[Item]:
        if text == "Info: {":
            self._aor, self._refused = None, False
            self._aors += 1
        elif text.startswith("Records: ") and text[9:] != str(self._aors):
            rule = "a dump has as many AORs as the server counts; a phone may have written some of these"
            return refusal(HandoverError("bad_value", f"{self._aors} AORs, {text}", rule), where)
        return None

    def _contact_field(self, text: str) -> None:
        found = _FIELD.fullmatch(text)
        if found is None or self._contact is None or len(self._contact) >= _MAX_FIELDS:
            raise HandoverError("bad_value", text, "a line of a contact is a name and a value")
        if found.group(1) in self._contact:
            raise HandoverError("bad_value", text, "a name stands once in a contact")
        self._contact[found.group(1)] = found.group(2)

    def _contact_end(self, where: str) -> Optional[Item]:
        contact, self._contact = self._contact, None
        return None if self._aor is None or contact is None else _held(self._aor, contact, where)


def _held(aor: str, contact: Object, where: str) -> Optional[Item]:
    """The fact that a contact is held; None for one that is over. Numbers come as text from ``kamcmd``."""
    expires = contact.get("Expires")
    # A binding that ended stands there until the timer comes.
    if expires in ("expired", "deleted"):
        return None
    seconds = MAX_EXPIRES if expires == "permanent" else number_of(contact, "Expires", MAX_EXPIRES)
    if seconds is None:
        raise HandoverError("missing_key", "Expires", "a contact has an expiry")
    call_id = optional_string(contact, "Call-ID")
    reg_id = number_of(contact, "Reg-Id", MAX_CSEQ)
    received = optional_string(contact, "Received")
    source = None if received is None else parse_uri(received)
    socket = _SOCKET.fullmatch(optional_string(contact, "Socket") or "")
    modified = number_of(contact, "Last-Modified", MAX_TIME)
    address = string(contact, "Address")
    return reported(
        aor,
        (reported_contact(address, seconds, optional_string(contact, "Instance"), reg_id or None),),
        where,
        call_id=None if call_id is None else parse_call_id(call_id),
        cseq=number_of(contact, "CSeq", MAX_CSEQ),
        source=(None, None) if source is None else (source.address, source.port),
        transport=None if socket is None else socket.group("transport"),
        server_address=None if socket is None else ip_literal(socket.group("host")),
        snapshot=True,
        held_since=None if not modified else float(modified),
    )
