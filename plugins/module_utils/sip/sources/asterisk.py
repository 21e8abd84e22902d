# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk's registrar (PJSIP): lines of its log, and ``ContactStatus`` events of the manager interface (AMI).

Lines, at verbosity 3, behind the prefix of Asterisk's log (``[date] VERBOSE[thread] res_pjsip_registrar.c: ``), with
syslog's before it, or behind the dashes of its console::

    Added contact '<uri>' to AOR '<aor>' with expiration of <n> seconds
    Removed contact '<uri>' from AOR '<aor>' due to request | expiration | shutdown | ...

An event is a block of ``Name: value`` lines up to an empty line. Its status is ``Removed``, or else that of a binding
that is held: nobody registered at that moment. Other lines and events are skipped; so are refreshes, which Asterisk
tells only at debug level 3 and which change no binding. Keep SIP traces (``pjsip set logger on``) out of this log: they
are not escaped, and a phone could write such lines into them.

Neither has Call-ID, CSeq, instance, the packet's source, who was authenticated, or the patent's header. An AOR is the
name of a section of the configuration, with or without a domain. A line has a time here only where the log's
``dateformat`` writes date, time and offset (``%FT%T%z``); an event only with ``timestampevents``.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Dict, Iterable, Iterator, Optional

from ...errors import HandoverError
from ..grammar import number
from ..header import MAX_EXPIRES
from ..refusal import Refusal, refusal
from ..registration import DEFAULT_EXPIRES, Expired
from ..reported import contact_host, reported, reported_contact
from ..uri import parse_uri, reported_aor
from .json_values import time
from .line_items import not_text
from .lines import Line, Position, lines
from .source import Item, Source

__all__ = ["SOURCE", "parse"]

#: Asterisk's prefix (date, level, thread, call, file), also behind syslog's, or a console's; then the message. A URI
#: holds no space, so no phone can write past its place; no other text stands between.
_LINE = re.compile(
    r"(?:(?:\[(?P<date>[^\]]{1,40})\] |.{0,80}asterisk\[[0-9]+\]: )"
    r"[A-Z]+\[[0-9]+\](?:\[C-[0-9a-f]+\])?:? res_pjsip_registrar\.c:(?:[0-9]+ in [a-z_]+:)?[ \t]*(?:-- )?|[ \t]*-- )"
    r"(?:Added contact '(?P<added>[^\s]+)' to AOR '(?P<to>[^\s]+)' with expiration of (?P<expires>[0-9]+) seconds"
    r"|Removed contact '(?P<removed>[^\s]+)' from AOR '(?P<of>[^\s]+)' due to (?P<why>[a-z ]{1,40}))"
)
_HINT = re.compile(rb"(?:Added|Removed) contact '")
_FIELD = re.compile(r"([A-Za-z0-9_-]{1,64}):[ \t]*(.*)")
#: Most fields of an event that are kept; ContactStatus has six, and some more with the manager's debug setting.
_MAX_FIELDS = 32


def parse(stream: Iterable[bytes], where: str, position: Optional[Position] = None) -> Iterator[Item]:
    """Read a log, a capture of AMI, or both.

    ``position`` is moved behind each line, and behind an event when its empty line is there. A last line without LF
    is not passed: it may still be being written.
    """
    position = position if position is not None else Position()
    block: Optional[_Block] = None
    unreadable = False
    for line in lines(stream, position):
        place = f"{where}:{line.number}"
        if not line.complete and not line.too_long:
            break
        item: Optional[Item] = _unreadable(line, place)
        text = "" if item is not None else line.data.decode("utf-8").rstrip(" \t\r")
        if text == "" and block is not None:
            item = block.item() if item is None else item
            block = None
        elif text.startswith("Event:"):
            block = _Block(place)
            block.add(text)
        elif block is not None and _FIELD.fullmatch(text):
            block.add(text)
        elif item is None:
            block = None
            item = _line_item(text, place) if _HINT.search(line.data) else None
        if block is None or not block.wanted:
            position.offset, position.line = line.end, line.number + line.complete
        bad = isinstance(item, Refusal) and item.code == "unreadable_line"
        if item is not None and not (bad and unreadable):
            yield item
        unreadable = bad


SOURCE = Source(
    "asterisk",
    parse,
    telling=re.compile(rb"(?:Added|Removed) contact '[^\s]+' (?:to|from) AOR '|\AEvent: ContactStatus[ \t]*\r?\n"),
)


class _Block:
    """One event of AMI while it comes in. What is wrong with it is told when it ends."""

    def __init__(self, where: str) -> None:
        self.wanted = True
        self._where = where
        self._fields: Dict[str, str] = {}
        self._twice: Optional[str] = None

    def add(self, text: str) -> None:
        """Take one line. An event of another name is not kept."""
        found = _FIELD.fullmatch(text)
        if found is None or len(self._fields) > _MAX_FIELDS:
            return
        name = found.group(1).lower()
        if name in self._fields:
            self._twice = name
        self._fields[name] = found.group(2)
        self.wanted = self._fields["event"] == "ContactStatus"

    def item(self) -> Optional[Item]:
        """What the whole event says."""
        if not self.wanted:
            return None
        try:
            if self._twice is not None:
                raise HandoverError("bad_value", self._twice, "a field stands once in an event")
            return _event_item(self._fields, self._where)
        except HandoverError as error:
            return refusal(error, self._where)


def _event_item(fields: Dict[str, str], where: str) -> Item:
    for key in ("uri", "aor", "contactstatus"):
        if not fields.get(key):
            raise HandoverError("missing_key", key, "a ContactStatus event has URI, ContactStatus and AOR")
    aor, uri = reported_aor(fields["aor"], domain=False), fields["uri"]
    moment = _seconds(fields.get("timestamp"))
    if fields["contactstatus"] == "Removed":
        return Expired(aor, uri, contact_host(uri)[0], None, None, moment, where)
    contact = reported_contact(uri, DEFAULT_EXPIRES)
    return reported(aor, (contact,), where, expires_stated=False, received_at=moment, snapshot=True)


def _line_item(text: str, where: str) -> Optional[Item]:
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    try:
        moment = _date(found.group("date"))
        if found.group("added") is not None:
            uri, aor = found.group("added"), reported_aor(found.group("to"), domain=False)
            seconds = number(found.group("expires"), MAX_EXPIRES, "an expiration")
        elif found.group("why") == "request":
            uri, aor, seconds = found.group("removed"), reported_aor(found.group("of"), domain=False), 0
        else:
            uri, aor = found.group("removed"), reported_aor(found.group("of"), domain=False)
            return Expired(aor, uri, contact_host(uri)[0], None, None, moment, where)
        contact = reported_contact(uri, seconds)
        return reported(aor, (contact,), where, transport=_transport(uri), received_at=moment)
    except HandoverError as error:
        return refusal(error, where)


def _unreadable(line: Line, where: str) -> Optional[Refusal]:
    if line.too_long:
        return Refusal("unreadable_line", "a line is longer than 256 KiB", where)
    return not_text(line.data, where)


def _transport(uri_text: str) -> Optional[str]:
    """What the contact names; None where it names none, for UDP is only the default (RFC 3261 section 19.1.2)."""
    uri = parse_uri(uri_text)
    named = dict(uri.params).get("transport")
    return "tls" if uri.scheme == "sips" else None if named is None else named.lower()


def _date(text: Optional[str]) -> Optional[float]:
    """A log date that has an offset; any other names no moment that two machines agree on."""
    for form in ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"):
        try:
            return datetime.strptime(text or "", form).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def _seconds(text: Optional[str]) -> Optional[float]:
    if text is None:
        return None
    try:
        return time({"time": float(text[:32])})
    except ValueError as error:
        if isinstance(error, HandoverError):
            raise
        raise HandoverError("bad_value", f"Timestamp: {text}", "time is Unix seconds") from error
