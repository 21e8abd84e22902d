# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address pairs out of what a playbook has: a result of registrations_info, its pairs, or the text of a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError


def address_pairs(
    found: Mapping[str, Any] | Iterable[Mapping[str, Any]] | str,
    policy: Mapping[str, Any] | None = None,
    format: str = "auto",
    now: float | None = None,
    live: Iterable[Mapping[str, Any]] = (),
    only_current: bool = True,
) -> list[dict[str, Any]]:
    """The pairs; of a result or list those that hold and were admitted, of a text all that a policy admits."""
    try:
        if isinstance(found, str):
            pairs = _of_text(found, policy, format, now, live)
            wanted = policy is not None
        else:
            pairs = [dict(pair) for pair in (found.get("address_pairs", []) if isinstance(found, Mapping) else found)]
            wanted = True
        return [
            pair
            for pair in pairs
            if (not wanted or pair.get("admitted") is True) and (not only_current or pair.get("current") is not False)
        ]
    except HandoverError as error:
        raise AnsibleFilterError(f"sipmobility.handover.address_pairs: {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise AnsibleFilterError(
            "sipmobility.handover.address_pairs: the input is a result of registrations_info, a list of pairs, or the "
            f"text of a log ({error})"
        ) from error


def _of_text(
    text: str, policy: Mapping[str, Any] | None, format: str, now: float | None, live: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    # Here, because Ansible loads every filter of a collection, anew for each task that asks for one of them.
    from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import read_registrations
    from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
    from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.report import pair_to_record
    from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

    items = open_source(format, [text.encode("utf-8", "surrogateescape")], "text")[1]
    rules = None if policy is None else Policy.from_dict(policy)
    report = read_registrations(items, rules, time.time() if now is None else now, False, live)
    return [pair_to_record(pair) for pair in report.address_pairs]


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"address_pairs": address_pairs}
