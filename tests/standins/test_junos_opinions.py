# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second opinion on what we send to an SRX: Juniper's own schema, as far as a package carries it.

It knows applications, filters, interfaces and static routes of Junos 24.4, and no ``security nat`` or ``security
flow``: those were read in Juniper's YANG, and validated by nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from xml.etree.ElementTree import Element, fromstring

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change, Freeze, Route, Selector
from ansible_collections.sipmobility.handover.plugins.plugin_utils.step_text import step_text

from ..unit.mobility.worlds import NOW
from ..unit.platforms.junos_world import ENCODER, FROZEN, INSIDE, OUTSIDE, PLATFORM, PREPARED, RENDERER, ROUTE, STAMP
from .junos.statements import plain
from .started import BIN, ROOT

_OLD, _PEER = ip_address("2001:db8:a::5"), ip_address("2001:db8:c::9")
SIXES = (
    Freeze(Selector(_PEER, _OLD, "udp", 7000, 5004), STAMP),
    Route(_OLD, ip_address("2001:db8:b::5"), INSIDE, STAMP),
    Route(ip_address("1.1.1.2"), ip_address("2.2.2.2"), None, STAMP),
)


def unknown(paths: list[str]) -> list[str]:
    done = subprocess.run(
        [str(BIN / "python"), "-m", "tests.standins.junos_schema"],
        input=json.dumps(paths),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def statements(configuration: Element, path: str = "") -> Iterator[str]:
    """Every path in a configuration, without macros: they may stand anywhere, and no schema lists them."""
    for item in configuration:
        if item.tag != "apply-macro":
            yield f"{path}{item.tag}"
            yield from statements(item, f"{path}{item.tag}/")


def sent(change: Change) -> list[str]:
    """The statements of a step."""
    text = step_text(PLATFORM, RENDERER, change, NOW, inside=INSIDE, outside=OUTSIDE).partition("]]>]]>")[0]
    edit = plain(fromstring(text)).find("config/configuration")
    assert edit is not None
    return sorted(set(statements(edit)))


def test_what_we_send_is_in_junipers_schema_as_far_as_it_goes() -> None:
    ports = replace(ENCODER.match, protocol="udp")
    paths = sent(Change(put=(ENCODER, FROZEN, ROUTE, *SIXES, replace(ENCODER, match=ports))))
    paths += sorted(set(statements(plain(fromstring(PREPARED)))))
    judged = [path for path in paths if not path.startswith("security")]
    assert unknown(judged) == []
    for room in ("applications/application/source-port", "firewall/family/inet6/filter/term/from/next-header"):
        assert room in judged


def test_a_statement_that_junos_has_not_is_found() -> None:
    wrong = [
        "firewall/family/inet6/filter/term/from/protocol",
        "routing-options/static/route/stamp",
        "applications/application/port",
    ]
    assert unknown(wrong) == wrong
