# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""handover.yml with ``handover_sessions: auto``: the phone says nothing but where it was, the routers know the rest."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from lab import Lab
from lab.traffic import Traffic

from .intake import policy_of
from .operator import ROUTERS, Routers, leftovers, playbook
from .test_log import event


def test_sessions_live_on_without_the_phones_help(at_home: Lab, routers: Routers, tmp_path: Path) -> None:
    lab, report, log = at_home, tmp_path / "report.json", tmp_path / "registrations.jsonl"
    home, peer = lab.topology.address("mn").v4.ip, lab.topology.address("cn").v4.ip
    variables = {
        "handover_log": str(log),
        "handover_policy": policy_of(lab),
        "handover_sessions": "auto",
        "handover_report": str(report),
    }
    with Traffic(lab, home, peer, tmp_path, seconds=300) as traffic:
        time.sleep(1)
        move = lab.move("mn", "b")
        log.write_text(call(str(home), str(peer), 7102) + event(lab, str(home)) + "\n")
        done = playbook("handover", variables)
        assert done.status == 0, done.output
        traffic.settle()
        told = json.loads(report.read_text())
        # The phone's sockets are still there; a second run finds the same and changes nothing.
        again = playbook("handover", variables)
        assert again.status == 0, again.output
    streams = traffic.result(move.down)
    assert streams["tcp"]["alive"], streams
    assert streams["udp"]["alive"], streams
    (handover,) = told["handovers"]
    assert handover["scope"] == "session"
    assert {session_key(one) for one in handover["sessions"]} == {("tcp", 40000, 7101), ("udp", 7102, 7102)}
    assert all("connections@rc" in one["sources"] for one in handover["sessions"])
    assert [one["protocol"] for one in handover["sessions"] if "sip" in one["sources"]] == ["udp"]
    assert again.changed["rb"] == again.changed["rc"] == 0


def test_nobody_knows_a_session(at_home: Lab, routers: Routers, tmp_path: Path) -> None:
    """Refused with the reason; with the policy's leave, covered by the scope correspondent, and the cost is told."""
    lab, log = at_home, tmp_path / "registrations.jsonl"
    log.write_text(event(lab, str(lab.topology.address("mn").v4.ip)) + "\n")
    for router in ROUTERS:
        lab.run(router, ["conntrack", "-F"], check=False)
    correspondents = [str(lab.topology.address("cn").v4.ip)]
    variables: dict[str, Any] = {"handover_log": str(log), "handover_sessions": "auto"}
    refused = playbook("handover", {**variables, "handover_policy": policy_of(lab, correspondents=correspondents)})
    assert refused.status != 0
    assert "asked were connections of ra" in refused.output
    assert leftovers(lab) == {}
    policy = policy_of(lab, correspondents=correspondents, widen_unknown_sessions=True)
    done = playbook("handover", {**variables, "handover_policy": policy})
    assert done.status == 0, done.output
    assert "scope correspondent for" in done.output
    assert set(leftovers(lab)) == {"rb", "rc"}


def call(phone: str, peer: str, port: int) -> str:
    """The events of a call in which both ends want RTP and RTCP at one port."""

    def message(status: int | None, author: str, tag: str) -> str:
        lines = ("v=0", f"o=x 1 1 IN IP4 {author}", "s=-", f"c=IN IP4 {author}", "t=0 0")
        body = "".join(f"{line}\r\n" for line in (*lines, f"m=audio {port} RTP/AVP 0", "a=rtcp-mux"))
        told = {"v": 1, "event": "dialog", "time": time.time(), "transport": "udp", "cseq": 1, "method": "INVITE"}
        texts = {
            "call_id_hex": "one",
            "from_hex": "<sip:alice@visited.example>;tag=a",
            "to_hex": f"<sip:bob@visited.example>{tag}",
            "content_type_hex": "application/sdp",
            "body_hex": body,
        }
        return (
            json.dumps({**told, "status": status, **{key: text.encode().hex() for key, text in texts.items()}}) + "\n"
        )

    return message(None, phone, "") + message(200, peer, ";tag=b")


def session_key(session: dict[str, Any]) -> tuple[str, int, int]:
    """Protocol and ports."""
    return session["protocol"], session["port"], session["correspondent_port"]
