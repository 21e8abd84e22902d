"""What is counted of packets that were sent from a moment on, and never heard."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from lab.analysis import lost_since


def _log(path: Path, events: Iterable[tuple[float, str, int, str]]) -> Path:
    lines = [json.dumps({"t": at, "event": event, "seq": seq, "stream": stream}) for at, event, seq, stream in events]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


def test_packets_lost_from_a_moment_on(tmp_path: Path) -> None:
    sent = [(number / 50, "sent", number, "udp") for number in range(100)]
    other = [(number / 50, "sent", number, "tcp") for number in range(100)]
    # Of what the phone sends, 20 to 51 are lost; of what it is sent, 49.
    phone = [(seq / 50 + 0.001, "received", seq, "udp") for seq in range(100) if seq != 49]
    peer = [(seq / 50 + 0.001, "received", seq, "udp") for seq in range(100) if not 20 <= seq <= 51]
    files = {
        "mn": _log(tmp_path / "mn", sorted([*sent, *other, *phone])),
        "cn": _log(tmp_path / "cn", sorted([*sent, *peer])),
    }
    assert lost_since("udp", files, 0.0) == {"mn": 32, "cn": 1}
    assert lost_since("udp", files, 0.97) == {"mn": 3, "cn": 1}
    assert lost_since("udp", files, 1.03) == {"mn": 0, "cn": 0}


def test_what_may_still_be_on_its_way_is_not_lost(tmp_path: Path) -> None:
    sent = [(number / 50, "sent", number, "udp") for number in range(100)]
    files = {
        "mn": _log(tmp_path / "mn", [*sent, (2.0, "received", 0, "udp")]),
        "cn": _log(tmp_path / "cn", [(0.001, "received", 0, "udp"), (2.0, "sent", 0, "udp")]),
    }
    assert lost_since("udp", files, 1.49) == {"mn": 1, "cn": 0}
