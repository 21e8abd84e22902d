# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command lines of docs/agent.md, docs/mobile-node.md and docs/sources.md, with the files that the pages show."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.agent.service.config import Endpoint
from ansible_collections.sipmobility.handover.agent.service.inputs.signed import Signatures
from ansible_collections.sipmobility.handover.agent.service.inputs.webhook import Webhook
from ansible_collections.sipmobility.handover.agent.service.looks import serve_looks

from ..unit.sip.messages import binding, line
from .jobs import COMMAND, blocks, commands, placed

POLICY = """\
managed_networks:
  home: [198.51.100.0/24]
  visited: [203.0.113.0/24]
"""
INVENTORY = """\
first_hop_routers:
  hosts:
    ra: {ansible_host: 198.51.100.1, handover_networks: [198.51.100.0/24]}
    rb: {ansible_host: 203.0.113.1, handover_networks: [203.0.113.0/24]}
  vars: {ansible_user: netops, handover_inside_interface: lan, handover_outside_interface: wan}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory whose bin/ holds our commands."""
    for name, module in (("sip-handover", "agent"), ("sip-handover-node", "node")):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(COMMAND.replace("handover.agent.cli", f"handover.{module}.cli"), encoding="utf-8")
        path.chmod(0o755)
    return tmp_path


def sh(place: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{place / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=place,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def only(script: str, word: str) -> str:
    (found,) = [one for one in script.splitlines() if word in one]
    return found


def test_the_service_reads_the_pages_configuration(place: Path) -> None:
    """`serve --check` of the page; what runs it is shown by tests/kernel/agent, `status` too."""
    for path, text in (
        ("etc/sip-handover/serve.yml", placed(blocks("agent.md", "yaml")[0], place)),
        ("etc/sip-handover/policy.yml", POLICY),
        ("etc/sip-handover/inventory", INVENTORY),
    ):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, encoding="utf-8")
    check = placed(only(commands("agent.md", 0), "--check"), place)
    done = sh(place, check)
    assert done.returncode == 0, done.stdout + done.stderr
    config = place / "etc/sip-handover/serve.yml"
    config.write_text(config.read_text().replace("events:", "evnets:"), encoding="utf-8")
    wrong = sh(place, check)
    assert wrong.returncode != 0
    assert f"{config}:4" in wrong.stderr, "told with its line"


def test_the_pages_shell_signs_a_post_that_is_believed(place: Path) -> None:
    """With the real openssl and curl, against the real door of the service."""
    taken: list[bytes] = []

    async def take(events: list[bytes]) -> None:
        taken.extend(events)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        at = Endpoint("127.0.0.1", probe.getsockname()[1])
    secret = "the secret of both sides, as long as it must be"
    script = commands("agent.md", 1).replace("127.0.0.1:9477", str(at)).replace("curl ", "curl --silent --fail ")

    def post(event: str, known: str) -> int:
        return sh(place, script, event=event, secret=known, no_proxy="127.0.0.1").returncode

    webhook = Webhook(Signatures((secret.encode(),), 60))

    async def story() -> None:
        webhook.open(take)
        assert await asyncio.to_thread(post, '{"event": 1}', secret) == 0
        other = "another secret, which the service does not know"
        assert await asyncio.to_thread(post, '{"event": 2}', other) == 22, "curl: HTTP said no"

    server = serve_looks(at, {}, {"/events": webhook.post}, 1000)
    try:
        asyncio.run(story())
    finally:
        server.shutdown()
        server.server_close()
    assert taken == [b'{"event": 1}']


def test_the_node_reads_the_pages_configuration(place: Path) -> None:
    (place / "node.yml").write_text(blocks("mobile-node.md", "yaml")[0], encoding="utf-8")
    check = only(commands("mobile-node.md", 0), "check")
    done = sh(place, check)
    assert done.returncode == 0, done.stderr
    (place / "node.yml").write_text(blocks("mobile-node.md", "yaml")[0].replace("domain:", "domian:"), encoding="utf-8")
    assert sh(place, check).returncode == 1


def test_a_log_is_read_on_as_the_page_says(place: Path) -> None:
    moved = line(
        aor="sip:alice@visited.example",
        auth_user="alice",
        auth_realm="visited.example",
        src_ip="203.0.113.50",
        contact=["<sip:alice@203.0.113.50>"],
        tag=["<sip:alice@198.51.100.50>"],
        before=[binding("198.51.100.50", contact="sip:alice@198.51.100.50")],
        time=time.time(),
    )
    log = place / "var/log/kamailio/register.jsonl"
    log.parent.mkdir(parents=True)
    log.write_bytes(moved)
    (place / "policy.yml").write_text(POLICY, encoding="utf-8")
    script = placed(commands("sources.md", 0), place)
    done = sh(place, script)
    assert done.returncode == 0, done.stderr
    told = [json.loads(one) for one in done.stdout.splitlines()]
    shown = [json.loads(one.replace(", ...", "")) for one in blocks("sources.md", "console")[0].splitlines()[1:]]
    assert [one["outcome"] for one in told] == [one["outcome"] for one in shown], done.stdout
    for ours, theirs in zip(told[:2], shown[:2], strict=True):
        assert theirs.items() <= ours.items()
    again = sh(place, script)
    assert [json.loads(one)["outcome"] for one in again.stdout.splitlines()] == ["cursor"], "read on, not again"
