# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dialogs followed message by message: what their two ends have agreed on, as long as they stand.

Only what was offered and answered counts (RFC 3264), in a dialog that a 2xx confirmed (RFC 3261 section 12). A
re-INVITE or UPDATE that is answered takes the place of what stood; one that is refused changes nothing. A BYE ends it.
Several answers to one INVITE are several dialogs (section 13.2.2.4). What is not understood is passed over: a call of
which a message is missing has no flows, or those it had.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Dict, Iterator, List, Optional, Tuple, TypeVar

from ..errors import HandoverError
from .agreed import AgreedFlow
from .dialog_message import DialogMessage
from .grammar import Address
from .sdp import Media, agreed_endpoints

__all__ = ["MAX_DIALOGS", "Dialogs"]

_K = TypeVar("_K")
_V = TypeVar("_V")

#: Dialogs, and requests without an answer, that are kept; the longest untouched are forgotten first.
MAX_DIALOGS = 8192
#: Transactions of a dialog whose copies are known.
_MAX_ANSWERED = 64
#: Answers to a request within a dialog after which it is gone (RFC 3261 section 12.2.1.2).
_GONE = (408, 481)
#: Transports on which a request and its answer are one session.
_CONNECTED = frozenset(("tcp", "tls", "ws", "wss"))

_Media = Tuple[Media, ...]
_Transaction = Tuple[str, int, str]  # the sender's tag, CSeq number, and INVITE or the method
_Key = Tuple[Tuple[str, ...], str, str, str]


@dataclass
class _Dialog:
    """One dialog.

    :ivar parties: address of record by tag.
    :ivar offer: who made the offer that waits for its answer, in which transaction, and what it is.
    :ivar agreed: tag and description of one end and of the other.
    :ivar answered: the transactions whose offer has its answer.
    """

    parties: Dict[str, str]
    confirmed: bool = False
    closing: bool = False
    offer: Optional[Tuple[str, _Transaction, _Media]] = None
    agreed: Optional[Tuple[str, _Media, str, _Media]] = None
    since: Optional[float] = None
    answered: Dict[_Transaction, None] = field(default_factory=dict)
    signalling: Optional[Tuple[str, Address, int, Address, int]] = None


class Dialogs:
    """Takes messages in the order in which the server saw them.

    :ivar unreadable: how many messages had a description that could not be read, or did not fit the other one.
    """

    def __init__(self) -> None:
        self.unreadable = 0
        self._dialogs: OrderedDict[_Key, _Dialog] = OrderedDict()
        self._touched: Dict[_Key, None] = {}
        #: INVITEs that open a dialog.
        self._opening: OrderedDict[Tuple[Tuple[str, ...], str, str, int], DialogMessage] = OrderedDict()

    def take(self, message: DialogMessage) -> None:
        """Follow one message."""
        self.unreadable += message.unreadable
        if message.from_tag is None:
            return
        if message.status is None:
            self._request(message)
        elif message.to_tag is not None:
            self._response(message, message.status)

    def __len__(self) -> int:
        """How many dialogs stand."""
        return len(self._dialogs)

    def flows(self) -> List[AgreedFlow]:
        """What the dialogs that stand have agreed on, each flow once."""
        return list(dict.fromkeys(flow for dialog in self._dialogs.values() for flow in _flows(dialog)))

    def kept(self) -> Iterator[Tuple[str, Optional[List[Any]]]]:
        """What :meth:`restore` takes of each dialog that was touched since the last time; None for one that is over."""
        touched, self._touched = self._touched, {}
        for key in touched:
            dialog = self._dialogs.get(key)
            yield json.dumps(key), None if dialog is None else _to_values(dialog)

    def restore(self, key: str, values: List[Any]) -> None:
        """Put back a dialog that an earlier run kept; one that cannot be read is left out."""
        try:
            hop, call_id, one, other = json.loads(key)
            self._dialogs[tuple(hop), call_id, one, other] = _from_values(values)
        except (AttributeError, LookupError, TypeError, ValueError):
            self.unreadable += 1

    def _request(self, message: DialogMessage) -> None:
        if message.to_tag is None:
            if message.method == "INVITE":
                _put(self._opening, (message.hop, message.call_id, str(message.from_tag), message.cseq), message)
            return
        dialog = self._find(message)
        if dialog is None:
            return
        sender = str(message.from_tag)
        _note_signalling(dialog, message)
        if message.method == "BYE":
            dialog.closing = True
        elif message.media is not None:
            self._described(dialog, sender, _transaction(message), message)

    def _response(self, message: DialogMessage, status: int) -> None:
        dialog = self._find(message)
        if dialog is None and message.method == "INVITE" and status < 300:
            dialog = self._opened(message)
        if dialog is None:
            return
        transaction = _transaction(message)
        if status >= 300:
            self._failed(dialog, message, status, transaction)
        elif message.method == "BYE":
            if status >= 200:
                self._drop(message)
        else:
            if message.method == "INVITE" and status >= 200:
                dialog.confirmed = True
            # An unreliable provisional answer only foretells what the final one says (RFC 3261 section 13.2.1).
            if message.media is not None and (status >= 200 or message.reliable):
                self._described(dialog, str(message.to_tag), transaction, message)

    def _described(self, dialog: _Dialog, author: str, transaction: _Transaction, message: DialogMessage) -> None:
        """An offer, or the answer to the one that waits."""
        if message.media is None:
            return
        offer = dialog.offer
        if offer is not None and offer[0] != author:
            dialog.offer = None
            dialog.answered.update({offer[1]: None, transaction: None})
            while len(dialog.answered) > _MAX_ANSWERED:
                del dialog.answered[next(iter(dialog.answered))]
            try:
                agreed_endpoints(offer[2], message.media)
            except HandoverError:
                self.unreadable += 1
                return
            # A retransmission says the same and changes nothing.
            dialog.agreed, dialog.since = (offer[0], offer[2], author, message.media), message.time
        elif transaction not in dialog.answered:
            dialog.offer = (author, transaction, message.media)

    def _failed(self, dialog: _Dialog, message: DialogMessage, status: int, transaction: _Transaction) -> None:
        if status in _GONE:
            self._drop(message)
        elif message.method == "BYE":
            dialog.closing = False  # refused, and most often asked for credentials: it is sent again
        elif dialog.offer is not None and dialog.offer[1] == transaction:
            dialog.offer = None
        elif not dialog.confirmed:
            self._drop(message)

    def _opened(self, message: DialogMessage) -> Optional[_Dialog]:
        """The dialog that a response to an opening INVITE makes."""
        invite = self._opening.get((message.hop, message.call_id, str(message.from_tag), message.cseq))
        if invite is None:
            return None
        own, other = str(message.from_tag), str(message.to_tag)
        dialog = _Dialog({own: invite.caller, other: invite.callee})
        if invite.media is not None:
            dialog.offer = (own, _transaction(invite), invite.media)
        _note_signalling(dialog, invite)
        _put(self._dialogs, _key(message), dialog)
        self._touched[_key(message)] = None
        return dialog

    def _find(self, message: DialogMessage) -> Optional[_Dialog]:
        key = _key(message)
        dialog = self._dialogs.get(key)
        if dialog is not None:
            self._dialogs.move_to_end(key)
            self._touched[key] = None
        return dialog

    def _drop(self, message: DialogMessage) -> None:
        self._dialogs.pop(_key(message), None)


def _to_values(dialog: _Dialog) -> List[Any]:
    offer, agreed, signalling = dialog.offer, dialog.agreed, dialog.signalling
    return [
        [[tag, party] for tag, party in dialog.parties.items()],
        dialog.confirmed,
        dialog.closing,
        None if offer is None else [offer[0], list(offer[1]), _media_to_values(offer[2])],
        None if agreed is None else [agreed[0], _media_to_values(agreed[1]), agreed[2], _media_to_values(agreed[3])],
        dialog.since,
        [list(transaction) for transaction in dialog.answered],
        None if signalling is None else [value if isinstance(value, int) else str(value) for value in signalling],
    ]


def _from_values(values: List[Any]) -> _Dialog:
    parties, confirmed, closing, offer, agreed, since, answered, signalling = values
    found = _Dialog(dict(parties), confirmed, closing, since=since)
    if offer is not None:
        found.offer = (offer[0], _transaction_from(offer[1]), _media_from_values(offer[2]))
    if agreed is not None:
        found.agreed = (agreed[0], _media_from_values(agreed[1]), agreed[2], _media_from_values(agreed[3]))
    if signalling is not None:
        tag, source, source_port, server, server_port = signalling
        found.signalling = (tag, ip_address(source), source_port, ip_address(server), server_port)
    found.answered = {_transaction_from(transaction): None for transaction in answered}
    return found


def _transaction_from(values: List[Any]) -> _Transaction:
    tag, number, method = values
    return tag, number, method


def _media_to_values(media: _Media) -> List[List[Any]]:
    return [
        [value if value is None or isinstance(value, (str, int)) else str(value) for value in vars(one).values()]
        for one in media
    ]


def _media_from_values(values: List[List[Any]]) -> _Media:
    found = []
    for kind, port, pairs, transport, address, rtcp_port, rtcp_address, rtcp_mux in values:
        one, other = (None if text is None else ip_address(text) for text in (address, rtcp_address))
        found.append(Media(kind, port, pairs, transport, one, rtcp_port, other, rtcp_mux))
    return tuple(found)


def _put(held: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    held[key] = value
    held.move_to_end(key)
    if len(held) > MAX_DIALOGS:
        held.popitem(last=False)


def _key(message: DialogMessage) -> _Key:
    # Either end's requests belong to it, with From and To the other way round.
    one, other = sorted((str(message.from_tag), str(message.to_tag)))
    return message.hop, message.call_id, one, other


def _transaction(message: DialogMessage) -> _Transaction:
    # ACK belongs to its INVITE, whose number it has (RFC 3261 section 13.2.2.4).
    method = "INVITE" if message.method == "ACK" else message.method
    return str(message.from_tag), message.cseq, method


def _note_signalling(dialog: _Dialog, message: DialogMessage) -> None:
    source, source_port = message.source, message.source_port
    destination, destination_port = message.destination, message.destination_port
    if message.transport not in _CONNECTED or source is None or destination is None:
        return
    if source_port is None or destination_port is None:
        return
    dialog.signalling = (str(message.from_tag), source, source_port, destination, destination_port)


def _flows(dialog: _Dialog) -> Iterator[AgreedFlow]:
    if not dialog.confirmed or dialog.closing:
        return
    if dialog.agreed is not None:
        one, ours, other, theirs = dialog.agreed
        for here, there in agreed_endpoints(ours, theirs):
            yield AgreedFlow(
                here.protocol,
                here.use,
                dialog.parties.get(one, ""),
                here.address,
                here.port,
                dialog.parties.get(other, ""),
                there.address,
                there.port,
                dialog.since,
            )
    if dialog.signalling is not None:
        tag, source, source_port, server, server_port = dialog.signalling
        party = dialog.parties.get(tag, "")
        yield AgreedFlow("tcp", "signalling", party, source, source_port, "", server, server_port, dialog.since)
