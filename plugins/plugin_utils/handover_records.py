# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers from address pairs: what a playbook's filter and the service make of registrations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.records import handover_from_record, handover_to_record

__all__ = ["handover_records"]

_Record = Mapping[str, Any]
_Key = tuple[str, Any, str]


def handover_records(
    pairs: Iterable[_Record],
    scope: str = "session",
    directions: str = "both",
    sessions: Iterable[_Record] | Mapping[str, Iterable[_Record]] = (),
    correspondents: Iterable[str] = (),
    changes: Iterable[_Record] = (),
    auto: bool = False,
    via: str = "correspondent_router",
) -> list[dict[str, Any]]:
    """A handover of each owner's old address. A pair's own sessions and correspondents come before the given ones.

    :param pairs: address pairs as :func:`pair_to_record` gives them, all of them admitted.
    :param sessions: those of pairs that bring none, by old address.
    :param correspondents: those of pairs that bring none.
    :param changes: what became of them; whose last one is an end yields a handover that has ended.
    :param via: whether the home router sends on for correspondents whose router is not managed.
    :param auto: sessions may still be missing, see :mod:`.session_records`.
    :raises HandoverError: ``not_admitted``, ``ambiguous_sessions``, ``old_reassigned``, or as the records' own.
    """
    moved: dict[_Key, list[_Record]] = {}
    for pair in pairs:
        _believed(pair)
        if pair.get("current") is not False:
            moved.setdefault(_key(pair), []).append(pair)
    given = _by_address(sessions, {key[2] for key, found in moved.items() if not _each_once(found, "sessions")})
    records = [_record(found, scope, directions, given, correspondents, via) for found in moved.values()]
    made = [_checked(record, auto) for record in records]
    if auto:
        made = [{**one, **_reassigned(found[-1])} for one, found in zip(made, moved.values(), strict=True)]
    return made + [_checked(_ended(change)) for key, change in _over(changes).items() if key not in moved]


def _key(record: _Record) -> _Key:
    """Whose, and which old address: there is one handover for each."""
    return str(record.get("aor") or ""), record.get("instance"), str(record.get("old"))


def _by_address(
    sessions: Iterable[_Record] | Mapping[str, Iterable[_Record]], wanting: set[str]
) -> Mapping[str, list[_Record]]:
    """The given sessions by old address. A plain list is one phone's; of several addresses it does not say which."""
    if isinstance(sessions, Mapping):
        return {address: list(found) for address, found in sessions.items()}
    found = list(sessions)
    if found and len(wanting) > 1:
        raise HandoverError(
            "ambiguous_sessions",
            ", ".join(sorted(wanting)),
            "a list of sessions is that of one old address",
            "Give the sessions by old address, as active_sessions_info returns them in by_address.",
        )
    return dict.fromkeys(wanting, found)


def _checked(record: _Record, auto: bool = False) -> dict[str, Any]:
    """The whole record of a handover; with ``auto`` it may still be without sessions."""
    if not auto or record["sessions"] or record["scope"] != "session":
        return handover_to_record(handover_from_record(record))
    return {**handover_to_record(handover_from_record({**record, "ended": True})), "ended": False}


def _reassigned(pair: _Record) -> dict[str, Any]:
    """What whoever looks for its sessions must know where somebody else has the old address by now."""
    return {"reassigned": True, "held_to": pair.get("held_to")} if pair.get("reassigned") is True else {}


def _believed(pair: _Record) -> None:
    if pair.get("admitted") is not True:
        raise HandoverError(
            "not_admitted",
            f"{pair.get('old')} {pair.get('new')}",
            "only an admitted pair becomes a handover",
            "Read the log with a policy.",
        )


def _over(changes: Iterable[_Record]) -> dict[_Key, _Record]:
    """The last change of each handover, where that ends it. One whose old address is not told names no handover."""
    last = {_key(change): change for change in changes if change.get("admitted") is True and change.get("old")}
    return {key: change for key, change in last.items() if change.get("kind") in ("returned", "ended")}


def _ended(change: _Record) -> dict[str, Any]:
    old = change["old"]
    identity = {key: change.get(key) for key in ("aor", "instance", "expires")}
    return {**identity, "aor": change.get("aor") or "", "old": old, "new": change.get("new") or old, "ended": True}


def _record(
    pairs: list[_Record],
    scope: str,
    directions: str,
    sessions: Mapping[str, list[_Record]],
    correspondents: Iterable[str],
    via: str,
) -> dict[str, Any]:
    """One handover of the pairs of one old address: those of several correspondents stand beside each other."""
    last = pairs[-1]
    if last.get("reassigned") is True and scope != "session":
        raise HandoverError(
            "old_reassigned",
            f"{last.get('old')} {last.get('new')}",
            "an old address that somebody else has by now is handed over for its sessions only",
            "Use the scope session, with the sessions that were opened before the phone left.",
        )
    return {
        "aor": last.get("aor", ""),
        "instance": last.get("instance"),
        "old": last.get("old"),
        "new": last.get("new"),
        "expires": last.get("expires"),
        "scope": scope,
        "directions": directions,
        "via": via,
        "sessions": _each_once(pairs, "sessions") or sessions.get(str(last.get("old")), []),
        "correspondents": _each_once(pairs, "correspondents") or list(correspondents),
    }


def _each_once(pairs: Iterable[_Record], key: str) -> list[Any]:
    found: list[Any] = []
    for pair in pairs:
        found += [item for item in pair.get(key) or () if item not in found]
    return found
