# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain readings, of a head and of an event line, beside the careful ones: for property tests and the fuzzer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from unittest.mock import patch

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip import message as reading
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message_facts import Message
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.request import registration_of
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import kamailio, kamailio_plain

__all__ = ["check", "check_event", "outcome"]


def outcome(read: Callable[[], object]) -> tuple[object, str]:
    """What it returns, or the error that it raises."""
    try:
        return read(), ""
    except HandoverError as error:
        return None, str(error)


def check(head: bytes, bare_lf: bool = False) -> Message | None:
    """The plain reading, which is the careful one where there is one."""
    plain = reading._plain(head, bare_lf)
    if plain is not None:
        careful = reading._careful(head, bare_lf)
        assert plain == careful
        for name in ("transport", "aor", "authorization", "claimed_user", "registers"):
            said, held = [outcome(partial(getattr, one, name)) for one in (plain, careful)]
            assert said == held, name
        found, _error = outcome(lambda: registration_of(plain, "f:1"))
        assert found is None or list(vars(found)) == [field.name for field in fields(Registration)]
        assert outcome(lambda: registration_of(plain, "f:1")) == outcome(lambda: registration_of(careful, "f:1"))
    return plain


def check_event(line: bytes) -> Registration | None:
    """The plain reading of an event line, from its brace on, which is the careful one where there is one."""
    plain = kamailio_plain.plain_registration(line, "f:1")
    if plain is not None:
        with patch.object(kamailio, "plain_registration", lambda _data, _where: None):
            assert kamailio.event_in(line, "f:1") == plain
        assert list(vars(plain)) == [field.name for field in fields(Registration)]
    return plain
