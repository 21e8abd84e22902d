# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What registrations_info does, wherever Ansible has it done: by the module on a host, or in its own process."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional

from .asking.access import PORT, HomeAccess
from .asking.asker import Asker
from .asking.client import Client
from .errors import HandoverError
from .log_files import LogReader
from .mobility.intake import read_registrations
from .mobility.registration_policy import Policy
from .mobility.report import report_to_record
from .sip.sources import AUTO, FORMATS, open_source
from .sip.sources.cursor import cursor_from_record, cursor_to_record
from .store.run import stored_run

__all__ = ["ARGUMENTS", "HOME", "POLICY", "RULES", "registrations"]

POLICY: Dict[str, Any] = {
    "managed_networks": {"type": "dict", "required": True},
    "infrastructure": {"type": "list", "elements": "str", "default": []},
    "correspondents": {"type": "list", "elements": "str", "default": []},
    "realms": {"type": "dict", "default": {}},
    "require_authentication": {"type": "bool", "default": True},
    "require_secure_transport": {"type": "bool", "default": True},
    "require_protected_sessions": {"type": "bool", "default": True},
    "require_packet_source": {"type": "bool", "default": True},
    "max_age_seconds": {"type": "int", "default": 300},
    "max_clock_skew_seconds": {"type": "int", "default": 5},
    "default_lifetime_seconds": {"type": "int", "default": 3600},
    "max_lifetime_seconds": {"type": "int", "default": 86400},
    "max_registrations_per_aor": {"type": "int", "default": 10},
    "rate_window_seconds": {"type": "int", "default": 60},
    "require_ownership": {"type": "bool", "default": True},
    "max_handovers_per_address": {"type": "int", "default": 10},
    "max_handovers": {"type": "int", "default": 10000},
    "grace_seconds": {"type": "int", "default": 120},
    "infer": {
        "type": "dict",
        "options": {
            way: {"type": "bool", "default": False}
            for way in ("instance", "call_id", "removed_contact", "single_contact")
        },
    },
    "home_servers": {"type": "dict", "default": {}},
    "home_timeout_seconds": {"type": "int", "default": 5},
    "max_waiting": {"type": "int", "default": 64},
    "correspondent_networks": {"type": "list", "elements": "str", "default": []},
    "max_sessions_per_handover": {"type": "int", "default": 200},
    "widen_unknown_sessions": {"type": "bool", "default": False},
}
HOME: Dict[str, Any] = {
    "certificate": {"type": "path", "required": True},
    "private_key": {"type": "path", "required": True},
    "ca": {"type": "path", "required": True},
    "port": {"type": "int", "default": PORT},
    "addresses": {"type": "dict", "default": {}},
}
ARGUMENTS: Dict[str, Any] = {
    "path": {"type": "path"},
    "content": {"type": "str"},
    "format": {"type": "str", "choices": [AUTO, *sorted(FORMATS)], "default": AUTO},
    "policy": {"type": "dict", "options": POLICY},
    "cursor": {"type": "dict"},
    "list_registrations": {"type": "bool", "default": True},
    "store": {"type": "path"},
    "commit": {"type": "str"},
    "home": {"type": "dict", "options": HOME},
    "live": {"type": "list", "elements": "dict", "default": []},
}
RULES: Dict[str, Any] = {
    "required_one_of": [("path", "content", "commit")],
    "required_by": {"commit": "store"},
    "mutually_exclusive": [("path", "content")],
}


def registrations(
    options: Mapping[str, Any], now: float, keep: bool, problem: Callable[[str, HandoverError], None]
) -> Dict[str, Any]:
    """Read what there is to read, hold it against the policy, and return the result.

    :param options: as :data:`ARGUMENTS` has them.
    :param now: Unix seconds.
    :param keep: whether the store is written: not in check mode.
    :param problem: told of a home server that does not answer as it should.
    :raises HandoverError: naming the option, or ``unreadable_input``.
    """
    reader = None
    policy = _policy(options["policy"])
    cursor = cursor_from_record(options["cursor"]) if options["cursor"] else None
    home = Asker(Client(HomeAccess.from_dict(options["home"])), problem) if options["home"] else None
    try:
        with stored_run(options["store"], options["commit"], now, keep=keep) as run:
            if options["path"] is None:
                content = (options["content"] or "").encode("utf-8", "surrogateescape")
                _name, items = open_source(options["format"], [content], "content")
            else:
                reader = LogReader(options["path"], options["format"], cursor)
                items = iter(reader)
            report = read_registrations(
                items, policy, now, options["list_registrations"], options["live"], run.memory, home
            )
            draft = run.save(now)
    except OSError as error:
        subject = f"{options['path']} cannot be read: {error.strerror}"
        raise HandoverError("unreadable_input", subject, "a log that is named can be read") from error
    told = None if reader is None else reader.cursor
    result = {"changed": False, "cursor": {} if told is None else cursor_to_record(told), **report_to_record(report)}
    if draft is not None:
        result["draft"] = draft
    return result


def _policy(options: Optional[Mapping[str, Any]]) -> Optional[Policy]:
    if options is None:
        return None
    return Policy.from_dict({key: value for key, value in options.items() if value is not None})
