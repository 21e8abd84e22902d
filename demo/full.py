"""The walk: a phone with live sessions goes from A to B, to D and home, by its own client, past three SIP servers.

Usage: python -m demo.full. Nothing in it is played: cables change, DHCP gives addresses, DNS names the servers, the
phone's client registers, the resident service programs the routers. Exit status 1 if a session died.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

from demo.__main__ import policy_of
from demo.phone import client
from demo.places import PLACES, places
from demo.playbooks import PlaybookFailed, play
from demo.screen import Screen
from demo.service import Service, ServiceFailed, serving
from lab import Lab
from lab.analysis import read
from lab.runtime import LabError
from lab.traffic import Traffic

_HERE = Path(__file__).resolve().parent
_WALK = ("b", "d", "a")
#: Seconds that the phone stays at a place.
_STAY = 8.0


def main() -> int:
    """Tell the story, write the report."""
    screen = Screen()
    try:
        with tempfile.TemporaryDirectory(prefix="sipmobility-walk-") as name:
            return _story(screen, Path(name))
    except (LabError, PlaybookFailed, ServiceFailed) as error:
        screen.text(f"\nFailed: {error}")
        return 1


def _story(screen: Screen, directory: Path) -> int:
    screen.chapter("The lab: a phone, its correspondent, four first-hop routers, three networks with a SIP server each")
    with screen.working("bringing it up"):
        lab = Lab.up()
    with screen.working("site.yml: the role first_hop_router prepares the routers") as work:
        play("site", directory, work, first_hop_router_firewall="insert")
    lab.home()
    mn, cn = lab.topology.address("mn").v4.ip, lab.topology.address("cn").v4.ip
    rows: list[list[str]] = []
    moves: list[float] = []
    with ExitStack() as stack:
        found = stack.enter_context(places(lab, directory))
        policy = policy_of(lab)
        logs = [place.log for place in found.values() if place.log is not None]
        service = stack.enter_context(serving(lab, directory, policy, logs, "listed"))
        screen.line(f"SIP servers, DNS and DHCP at {', '.join(name.upper() for name in PLACES)}; the service is ready")
        phone = stack.enter_context(client(lab, directory, found))
        phone.wait_until_registered(mn)
        screen.line(f"the phone is registered at {mn}, at home")
        traffic = stack.enter_context(Traffic(lab, mn, cn, directory, seconds=300))
        time.sleep(2)
        screen.line("a TCP session and a UDP stream, both ways, 50 packets a second")
        for lan in _WALK:
            before = len(_handovers(service))
            screen.chapter(f"To {lan.upper()}")
            moves.append(lab.carry("mn", lan))
            screen.moved(moves[-1])
            here = lab.topology.address("mn", lan).v4.ip
            told = phone.wait_until_registered(here)
            held = ", ".join(told["held"]) or "nothing"
            screen.line(f"DHCP gave {here}; registered at {told['server']}; held: {held}")
            _until_programmed(service, before)
            screen.line("the routers have acknowledged")
            time.sleep(_STAY)
        ends = [*moves[1:], time.monotonic()]
        good = True
        for lan, begin, end in zip(_WALK, moves, ends, strict=True):
            for stream, gap in _gaps(traffic.files, begin, end).items():
                rows.append([lan.upper(), stream, "dead" if gap is None else f"{gap * 1000:.0f}"])
                good = good and gap is not None
    lab.home()
    report = [{"to": lan, "stream": stream, "gap_ms": None if gap == "dead" else int(gap)} for lan, stream, gap in rows]
    (_HERE / "walk.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    screen.chapter("In figures")
    screen.table(["to", "stream", "gap ms"], rows)
    screen.text("\ndemo/walk.json. The lab is still up; make lab-down removes it.")
    if not good:
        screen.text("FAILED: a session died.")
    return 0 if good else 1


def _handovers(service: Service) -> list[dict[str, Any]]:
    return [one for one in service.told() if one["event"] == "handover"]


def _until_programmed(service: Service, before: int, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while len(_handovers(service)) <= before:
        if time.monotonic() > end:
            raise ServiceFailed("the service has carried out no handover: " + json.dumps(service.told()[-5:]))
        time.sleep(0.05)


def _gaps(files: Mapping[str, Path], begin: float, end: float) -> dict[str, float | None]:
    """By stream the longest silence of either end between two moments, seconds; None where one hears nothing more."""
    found: dict[str, float | None] = {}
    for path in files.values():
        events = read(path)
        for stream in ("tcp", "udp"):
            times = [one["t"] for one in events if one["event"] == "received" and one["stream"] == stream]
            inside = [time_ for time_ in times if begin - 0.2 <= time_ <= end]
            alive = bool(inside) and end - inside[-1] < 1.0
            gap = max((later - earlier for earlier, later in pairwise(inside)), default=0.0)
            known = found.get(stream, 0.0)
            found[stream] = None if known is None or not alive else max(known, gap)
    return found


if __name__ == "__main__":
    sys.exit(main())
