# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever bytes a phone puts where into its messages: they are judged or refused, and the history takes what follows.

What is no UTF-8 comes as a lone surrogate, which no file and no hash takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Intake
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.pairs import AddressPair
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Inference
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source
from ansible_collections.sipmobility.handover.plugins.module_utils.store.sqlite import Store

from ..mobility.test_admission import POLICY
from ..sip.messages import NOW, binding, event, request_event

_CONTACT = '<sip:alice@{}>;+sip.instance="<urn:x>"'
_BEFORE = event(
    time=NOW - 60,
    src_ip="1.1.1.20",
    contact=[_CONTACT.format("1.1.1.20")],
    tag=[],
    require=[],
    call_id="a@b",
    before=[],
)
_EXPIRED = {
    "v": 1,
    "event": "expired",
    "time": NOW + 1,
    "aor": "sip:alice@example.com",
    "contact": "sip:alice@1.1.1.20",
    "call_id": "a@b",
    "instance": "<urn:x>",
}
_EVENTS = {
    "register": event(
        contact=[_CONTACT.format("2.2.2.20")],
        before=[binding("1.1.1.20", instance="<urn:x>", received="sip:1.1.1.20")],
    ),
    "expired": _EXPIRED,
    "request": request_event(contact=[_CONTACT.format("2.2.2.20")]),
}


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, (*path, key))


def _with(told: dict[str, Any], path: tuple[Any, ...], text: str) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(told))
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = text
    return changed


def _changed(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """With a byte that is no UTF-8, and one character that is none of ASCII, at every place of every text."""
    for path, text in _texts(told):
        is_hex = any(str(key).endswith("_hex") for key in path)
        for at in range(0, len(text) + 1, 2 if is_hex else 1):
            for added in ("ff", "c3a9") if is_hex else ("\udcff", "é"):
                yield _with(told, path, text[:at] + added + text[at:])


@pytest.mark.parametrize("kind", _EVENTS)
def test_any_byte_anywhere(kind: str, tmp_path: Path) -> None:
    policy = replace(POLICY, infer=Inference(instance=True))
    believed = 0
    with Store(str(tmp_path / "history")) as store:
        for told in _changed(_EVENTS[kind]):
            draft = store.draft()
            intake = Intake(policy, memory=draft)
            lines = [json.dumps(one).encode() + b"\n" for one in (_BEFORE, told)]
            items = list(open_source("kamailio", [b"".join(lines)], "log")[1])
            for outcome in (outcome for item in items for outcome in intake.take(item, NOW + 1)):
                believed += isinstance(outcome, AddressPair) and len(outcome.id) == 16
            draft.discard()
    assert believed > 0 or kind != "register"
