# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a router differs from what it should hold by its own record. Nothing is changed by looking.

A probe comes first: it costs the same however much the router holds. Only where it cannot be sure that nothing was
changed since the router was last found whole, everything is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.model import Entry, Route, same
from ..module_utils.mobility.router_state import RouterState
from ..module_utils.platforms.base import Output
from ..module_utils.platforms.nftables import TABLES, Nftables
from ..module_utils.platforms.nftables_kept import kept_state, without_foreign
from .prerequisites import sysctls
from .prerequisites.nftables import NftablesBackend
from .prerequisites.settings import SETTINGS
from .rendering import Renderer
from .shell_device import Shell

__all__ = ["Difference", "Look", "look", "remember"]

#: Seconds before and after its expiry in which an entry may or may not stand.
_EXPIRING = 3


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it should be.

    :ivar kind: ``missing`` (should stand and does not), ``changed``, ``unrecorded`` (carries our stamp, but no step of
        ours put it), ``foreign`` (under our name without our stamp), ``static`` (table, rule, sysctl or file of the
        role), ``unreadable``.
    :ivar should: what should stand; empty where nothing should.
    :ivar stands: what stands; empty where nothing does.
    """

    kind: str
    should: str = ""
    stands: str = ""

    def __str__(self) -> str:
        if self.should and self.stands:
            return f"{self.kind}: {self.stands}, should be {self.should}"
        return f"{self.kind}: {self.should or self.stands}"


@dataclass(frozen=True)
class Look:
    """What was found.

    :ivar read: whether everything was read; otherwise the probe sufficed.
    :ivar reason: why.
    :ivar fingerprint: what the router looked like; empty where it cannot tell.
    """

    read: bool
    reason: str
    fingerprint: str
    differences: tuple[Difference, ...] = ()


def look(shell: Shell, renderer: Renderer, about: str, *, probe: bool = True) -> Look:
    """Look at a router of the platform nftables.

    :param about: a word for what it is compared with besides its own record (the inventory); a router that was found
        whole is so for the same word only.
    :param probe: whether the probe may suffice.
    :raises HandoverError: where the router cannot be asked.
    """
    reason = "a full read was asked for"
    if probe:
        said = shell.run(renderer.render("nftables/probe.sh.j2", _settings())).sections
        now, whole = said["now"].strip(), said["whole"].strip()
        if now and whole == f"{now} {about}":
            return Look(False, "nothing was changed since it was last found whole", now)
        reason = (
            "the router cannot tell its generation (neither perl nor python3)"
            if not now
            else "it was not looked at since it booted, or for another inventory"
            if whole.split()[:3] != now.split()[:3] or whole.rpartition(" ")[2] != about
            else "something was changed since it was last found whole"
        )
    output = shell.run(renderer.render("nftables/drift.sh.j2", _settings()))
    found = [*_static(output), *_entries(output)]
    return Look(True, reason, output.sections["now"].strip(), tuple(found))


def remember(shell: Shell, renderer: Renderer, fingerprint: str, about: str) -> None:
    """Note on the router that it was whole when it looked like this.

    :raises HandoverError: where the router cannot be asked.
    """
    shell.run(renderer.render("nftables/whole.sh.j2", {**_settings(), "whole": f"{fingerprint} {about}"}))


def _settings() -> dict[str, object]:
    return {**SETTINGS, **Nftables.settings, **NftablesBackend.settings}


def _entries(output: Output) -> Iterable[Difference]:
    said, foreign = without_foreign(output)
    yield from (Difference("foreign", stands=words) for words in foreign)
    try:
        held = Nftables().parse(said)
    except HandoverError as error:
        yield Difference("unreadable", stands=str(error))
        held = None
    now = int(output.sections["clock"])
    try:
        kept = RouterState(kept_state(output.sections["kept"])).live(now + _EXPIRING)
    except HandoverError as error:
        yield Difference("unreadable", stands=f"the router's own record: {error}")
        return
    if held is None:
        yield from (Difference("missing", should=str(entry)) for entry in kept)
        return
    for entry in kept:
        stands = held.get(entry.key)
        if stands is None or (isinstance(stands, Route) and _gone(stands) and not _gone(entry)):
            yield Difference("missing", should=str(entry))
        elif not same(stands, entry):
            yield Difference("changed", str(entry), str(stands))
    for entry in held:
        if kept.get(entry.key) is None and entry.stamp.expires > now + _EXPIRING:
            yield Difference("unrecorded", stands=str(entry))
        elif not entry.stamp.handover and kept.get(entry.key) is None:
            yield Difference("foreign", stands=str(entry))


def _gone(entry: Entry) -> bool:
    """Whether a route is but a record."""
    return isinstance(entry, Route) and entry.via is None and entry.interface is None


def _static(output: Output) -> Iterable[Difference]:
    said = output.sections
    lacking = said["lacking"].split()
    yield from (Difference("static", should=f"file {path}") for path in lacking)
    for family in TABLES:
        table, layout = f"table {family}", f"layout {family}"
        if layout not in output.status and (table in output.status or said[table] != said[layout]):
            stands = "absent" if table in output.status else "another"
            yield Difference("static", f"table {family} {Nftables.settings['table']} as the role wrote it", stands)
    for section, version in (("rules", 4), ("rules6", 6)):
        if section in said and section not in output.status and not _ruled(said[section]):
            yield Difference("static", should=f"IPv{version} rule: mark {SETTINGS['mark']} looks up our routes")
    values = sysctls.parse(said["values"])
    for name, value in sysctls.parse(said["wanted"]).items():
        if values.get(name) != value:
            yield Difference("static", f"sysctl {name} = {value}", values.get(name) or "nothing")


def _ruled(text: str) -> bool:
    wanted = {"fwmark": SETTINGS["mark"], "fwmask": SETTINGS["mark_mask"], "table": str(SETTINGS["routing_table"])}
    return any(wanted.items() <= rule.items() for rule in json.loads(text or "[]"))
