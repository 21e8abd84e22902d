# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover status`` beside the service's own web part, which is told what to say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.agent.cli import DONE, FAILED, main
from ansible_collections.sipmobility.handover.agent.service.config_values import Endpoint
from ansible_collections.sipmobility.handover.agent.service.looks import serve_looks


def shown(capsys: pytest.CaptureFixture[str], **more: Any) -> list[str]:
    """What is printed of a service that holds nothing, but for this."""
    told = {
        "since": 0,
        "queue": 3,
        "retiring": 2,
        "partitions": None,
        "routers": {"rb": {"up": False, "reason": "gone", "entries": None}},
        "handovers": [],
        "refusals": [],
        **more,
    }
    looks = {"/status": lambda: ("application/json", json.dumps(told).encode())}
    server = serve_looks(Endpoint("127.0.0.1", 0), looks)
    try:
        assert main(["status", "--at", f"127.0.0.1:{server.server_address[1]}"]) == DONE
    finally:
        server.shutdown()
        server.server_close()
    return capsys.readouterr().out.splitlines()


def test_routers_and_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys)
    assert lines[0].endswith("3 waiting, 2 with decoders to go")
    assert "rb      GONE           gone" in lines
    assert not any("partitions" in line for line in lines)


@pytest.mark.parametrize(
    ("held", "told"), [([], "none"), ([4], "4"), ([0, 1, 2, 5, 7, 8], "0-2, 5, 7-8"), (list(range(16)), "0-15")]
)
def test_the_partitions_of_a_stream(held: list[int], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, partitions=held)[1] == f"partitions of the stream: {told}"


def test_a_service_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--at", "127.0.0.1:9"]) == FAILED
    assert "service_unreachable" in capsys.readouterr().err
