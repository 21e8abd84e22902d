# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers from address pairs: the records that plan_handover and handover_plan take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import (
    handover_from_record,
    handover_to_record,
)


def handovers(
    pairs: Iterable[Mapping[str, Any]],
    scope: str = "session",
    directions: str = "both",
    sessions: Iterable[Mapping[str, Any]] = (),
    correspondents: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """Each admitted pair as a handover. A pair's own sessions and correspondents come before the given ones."""
    try:
        return [
            handover_to_record(handover_from_record(_record(pair, scope, directions, sessions, correspondents)))
            for pair in pairs
        ]
    except HandoverError as error:
        raise AnsibleFilterError(f"sipmobility.handover.handovers: {error}") from error


def _record(
    pair: Mapping[str, Any],
    scope: str,
    directions: str,
    sessions: Iterable[Mapping[str, Any]],
    correspondents: Iterable[str],
) -> dict[str, Any]:
    if pair.get("admitted") is not True:
        raise HandoverError(
            "not_admitted",
            f"{pair.get('old')} {pair.get('new')}",
            "only an admitted pair becomes a handover",
            "Read the log with a policy.",
        )
    if pair.get("reassigned") is True and scope != "session":
        raise HandoverError(
            "old_reassigned",
            f"{pair.get('old')} {pair.get('new')}",
            "an old address that somebody else has by now is handed over for its sessions only",
            "Use the scope session, with the sessions that were opened before the phone left.",
        )
    return {
        "aor": pair.get("aor", ""),
        "instance": pair.get("instance"),
        "old": pair.get("old"),
        "new": pair.get("new"),
        "expires": pair.get("expires"),
        "scope": scope,
        "directions": directions,
        "sessions": list(pair.get("sessions") or sessions),
        "correspondents": list(pair.get("correspondents") or correspondents),
    }


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"handovers": handovers}
