# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registrations, pairs, changes and refusals as plain data (JSON). Addresses and times become text here alone."""

from __future__ import annotations

from dataclasses import is_dataclass
from datetime import datetime, timezone
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Dict

from ..reader import time_to_text
from ..sip.agreed import flow_to_record
from ..sip.refusal import Refusal
from ..sip.registration import Binding, Contact, Registration
from .home import HomeQuestion
from .intake import Report
from .pairs import AddressPair, Change
from .records import session_to_record
from .selector import address_text

__all__ = [
    "change_to_record",
    "pair_to_record",
    "question_to_record",
    "refusal_to_record",
    "registration_to_record",
    "report_to_record",
]

Record = Dict[str, Any]


def report_to_record(report: Report) -> Record:
    """A report as plain data. ``questions`` and ``dialogs`` are there only where there are any."""
    record: Record = {
        "registrations": [registration_to_record(item) for item in report.registrations],
        "address_pairs": [pair_to_record(pair) for pair in report.address_pairs],
        "changes": [change_to_record(change) for change in report.changes],
        "refused": [refusal_to_record(item) for item in report.refused],
    }
    if report.dialogs:
        record["dialogs"] = [flow_to_record(flow) for flow in report.dialogs]
    if report.questions:
        record["questions"] = [question_to_record(item) for item in report.questions]
    return record


def question_to_record(question: HomeQuestion) -> Record:
    """A question to a home server as plain data."""
    times = {key: _moment(getattr(question, key)) for key in ("since", "until", "deadline")}
    return {**_plain(question), **times}


def pair_to_record(pair: AddressPair) -> Record:
    """An address pair as plain data; its sessions as a handover has them."""
    ends = {key: getattr(pair, key) for key in ("held_from", "held_to")}
    times = {key: None if value is None else time_to_text(value) for key, value in ends.items()}
    sessions = [session_to_record(session) for session in pair.sessions]
    return {**_plain(pair), "sessions": sessions, "expires": time_to_text(pair.expires), **times}


def change_to_record(change: Change) -> Record:
    """A change as plain data."""
    return {**_plain(change), "expires": time_to_text(change.expires)}


def refusal_to_record(item: Refusal) -> Record:
    """A refusal as plain data."""
    return {"code": item.code, "reason": item.reason, "where": item.where}


def registration_to_record(registration: Registration) -> Record:
    """A registration as plain data. Its ``expires`` and its contacts' are seconds; its bindings' are times."""
    record = _plain(registration)
    record["tagged"] = registration.tagged
    for key in ("received_at", "held_since"):
        record[key] = None if record[key] is None else _moment(record[key])
    for binding in record["bindings_before"]:
        binding["expires"] = None if binding["expires"] is None else time_to_text(binding["expires"])
    return record


def _moment(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _plain(item: object) -> Record:
    return {key: _value(value) for key, value in vars(item).items()}


def _value(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (IPv4Address, IPv6Address)):
        return address_text(value)
    if isinstance(value, (Contact, Binding)):
        return {key: _value(one) for key, one in value._asdict().items()}
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    if is_dataclass(value):
        return _plain(value)
    return str(value)
