# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done when a router is reached, so that the first step does not wait for it."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from ansible_collections.sipmobility.handover.agent.service.held_shell import HeldShell
from ansible_collections.sipmobility.handover.agent.service.shell_way import ShellWay
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change, Route, Stamp
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

NOW = 1_800_000_000
PUT = Change((), (Route(ip_address("198.51.100.7"), ip_address("198.51.100.9"), "lan", Stamp("1a", 1, NOW + 60)),))


class Nobody(HeldShell):
    """A shell that must not be needed."""

    async def _opened(self) -> Any:
        raise AssertionError("no router is asked")

    async def _ended(self, process: Any) -> None:
        raise AssertionError("no router was asked")


def way(renderer: Renderer) -> ShellWay:
    async def made() -> ShellWay:
        return ShellWay(Nftables(), renderer, Nobody("rb", 1))

    return asyncio.run(made())


def test_the_first_steps_templates_are_compiled_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = way(Renderer())
    ours.warm()
    monkeypatch.setattr(Environment, "compile", lambda *_all, **_more: pytest.fail("compiled for the first step"))
    assert "route replace 198.51.100.7/32 via 198.51.100.9 dev lan" in ours.router.text(PUT, NOW)


def test_a_template_that_does_not_render_is_told_with_the_step(tmp_path: Path) -> None:
    (tmp_path / "nftables").mkdir()
    (tmp_path / "nftables" / "step.sh.j2").write_text("{{ nobody_knows }}\n", encoding="utf-8")
    ours = way(Renderer(str(tmp_path)))
    ours.warm()
    with pytest.raises(HandoverError, match="nobody_knows"):
        ours.router.text(PUT, NOW)
