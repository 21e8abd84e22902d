# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide what registrations mean, with the same admission and the same history as registrations_info."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.home import HomeQuestion
from ...plugins.module_utils.mobility.intake import Intake, Item
from ...plugins.module_utils.mobility.pairs import AddressPair, Change
from ...plugins.module_utils.mobility.registration_policy import Policy
from ...plugins.module_utils.mobility.report import change_to_record, pair_to_record, question_to_record
from ...plugins.module_utils.mobility.selector import address_text
from ...plugins.module_utils.sip.agreed import AgreedFlow
from ...plugins.module_utils.sip.dialog_message import DialogMessage
from ...plugins.module_utils.sip.dialogs import Dialogs
from ...plugins.module_utils.sip.refusal import Refusal
from ...plugins.module_utils.sip.registration import Expired, Registration
from ...plugins.plugin_utils.handover_records import handover_records
from ..history import History
from ..judged import judged
from .config import Sessions
from .inputs.opened import Teller

__all__ = ["Judge"]

#: Events that are known again when they come by two inputs.
_KNOWN = 20_000
#: The shelf of dialogs in the history, and how long one is remembered of which nothing more is heard.
_DIALOGS, _DIALOG_LASTS = "dialogs", 12 * 3600

_Key = tuple[str, str | None, str]


class Judge:
    """Takes what inputs yield and says which handovers follow. One thread.

    :param path: file of the history.
    :param live: handovers that stand on the routers already, as plain data.
    :param ask: puts a question to the phone's home server at a time, and has the answer come as an item; None has
        questions told alone.
    :ivar may_wait: whether registrations may wait for a home server's word, so that :meth:`late` is to be called.
    :ivar dirty: whether something was learnt since the last commit.
    """

    def __init__(
        self,
        policy: Policy,
        path: str,
        live: Iterable[Mapping[str, Any]],
        teller: Teller,
        *,
        scope: str,
        directions: str,
        sessions: str,
        ask: Callable[[HomeQuestion, float], None] | None = None,
    ) -> None:
        self._teller = teller
        self._ask = ask
        self.may_wait = bool(policy.home_servers)
        self._scope, self._directions, self._auto = scope, directions, sessions == Sessions.AUTO
        self._memory = History(path)
        self._intake = Intake(policy, live, self._memory)
        self._dialogs = Dialogs()
        for key, values in self._memory.items(_DIALOGS):
            self._dialogs.restore(key, values)
        self._pairs: dict[_Key, dict[str | None, AddressPair]] = {}
        for pair in self._intake.live:
            self._pairs.setdefault(_key(pair), {})[pair.correspondent] = pair
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._heard_dialogs = False
        self.dirty = False

    def take(self, items: Iterable[Item]) -> list[dict[str, Any]]:
        """The handovers that follow, newest word of each; refusals are told."""
        with self._memory.reading():
            return self._taken(items)

    def _taken(self, items: Iterable[Item]) -> list[dict[str, Any]]:
        now = time.time()
        touched: dict[_Key, None] = {}
        over: dict[_Key, Change] = {}
        for item in items:
            self.dirty = True
            if isinstance(item, DialogMessage):
                self._heard_dialogs = True
                self._dialogs.take(item)
                continue
            if self._is_known(item):
                continue
            for outcome in judged(self._intake, item, now):
                if isinstance(outcome, AddressPair):
                    self._pairs.setdefault(_key(outcome), {})[outcome.correspondent] = outcome
                    touched[_key(outcome)] = None
                    over.pop(_key(outcome), None)
                elif isinstance(outcome, Refusal):
                    self._teller.refused(outcome.where, outcome.code, outcome.reason)
                elif isinstance(outcome, HomeQuestion):
                    self._teller.told("home question", question=question_to_record(outcome))
                    if self._ask is not None:
                        self._ask(outcome, now)
                elif outcome.kind in ("returned", "ended") and outcome.old is not None:
                    self._pairs.pop(_key(outcome), None)
                    over[_key(outcome)] = outcome
        records = []
        for key in touched:
            records += self._made([pair_to_record(pair) for pair in self._pairs.get(key, {}).values()], [])
        for change in over.values():
            records += self._made([], [change_to_record(change)])
        return records

    def late(self) -> None:
        """Refuse what has waited in vain for its home server's word."""
        for refusal in self._intake.late(time.time()):
            self.dirty = True
            self._teller.refused(refusal.where, refusal.code, refusal.reason)

    @property
    def dialogs(self) -> int:
        """How many dialogs stand; any thread may ask."""
        return len(self._dialogs)

    def flows(self) -> Sequence[AgreedFlow]:
        """What the dialogs that stand have agreed on."""
        return self._dialogs.flows()

    def commit(self) -> None:
        """Make what was learnt part of the history.

        :raises HandoverError: as :class:`Store`; what was learnt since the last time is forgotten then.
        """
        now = time.time()
        if self._heard_dialogs:
            for key, kept in self._dialogs.kept():
                self._memory.put(_DIALOGS, key, kept, now + _DIALOG_LASTS)
        self._heard_dialogs = self.dirty = False
        self._memory.commit(now)

    def close(self) -> None:
        """Close the history."""
        self._memory.close()

    def _made(self, pairs: list[dict[str, Any]], changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            believed = [pair for pair in pairs if pair["admitted"]]
            return handover_records(believed, self._scope, self._directions, changes=changes, auto=self._auto)
        except HandoverError as error:
            where = (pairs or changes)[-1].get("source", "")
            self._teller.refused(str(where), error.code, str(error))
            return []

    def _is_known(self, item: Item) -> bool:
        """Whether the same event came before, by another input: the clock of the SIP server tells two apart."""
        if isinstance(item, Registration) and not item.snapshot:
            contacts = [(one.uri, one.expires, one.instance, one.reg_id) for one in item.contacts]
            said: object = (item.method, item.aor, item.call_id, item.cseq, item.received_at, contacts)
        elif isinstance(item, Expired):
            said = ("expired", item.aor, item.contact, item.call_id, item.received_at)
        else:
            return False
        if item.received_at is None:
            return False
        # Its words would be kept for as long as it may come again.
        name = blake2b(repr(said).encode(), digest_size=16).digest()
        if name in self._known:
            return True
        self._known[name] = None
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return False


def _key(one: AddressPair | Change) -> _Key:
    return one.aor, one.instance, "" if one.old is None else address_text(one.old)
