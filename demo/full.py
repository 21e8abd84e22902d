"""The walk: a phone with live sessions goes from A to B, to D and home, and is called at each place.

Usage: python -m demo.full. Nothing in it is played: cables change, DHCP gives addresses, DNS names the servers, user
agents call each other through SIP servers of the role, the phone's client registers, the home server is asked, the
resident service programs the routers. Exit status 1 if a session died, a call did not get through, or a router is not
what it was.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from demo.calls import CallFailed
from demo.places import named, places
from demo.playbooks import PlaybookFailed, play
from demo.screen import Screen
from demo.servers import set_up
from demo.service import ServiceFailed
from demo.walk import ROUTERS, Walk
from demo.walk_report import told
from lab import Lab
from lab.certificates import Authority
from lab.runtime import LabError
from lab.snapshot import differences

_HERE = Path(__file__).resolve().parent
#: Seconds that routers may take until nothing of a handover is left: decoders go last.
_CLEAN_WITHIN = 30.0


def main() -> int:
    """Tell the story, write report and picture."""
    screen = Screen()
    try:
        with tempfile.TemporaryDirectory(prefix="sipmobility-walk-") as name:
            return _story(screen, Path(name))
    except (CallFailed, LabError, PlaybookFailed, ServiceFailed) as error:
        screen.text(f"\nFailed: {error}")
        return 1


def _story(screen: Screen, directory: Path) -> int:
    screen.chapter("The lab: three phones, four first-hop routers, four networks with a SIP server each")
    with screen.working("bringing it up"):
        lab = Lab.up(walk=True)
    with screen.working("site.yml: the role first_hop_router prepares the routers") as work:
        play("site", directory, work, first_hop_router_firewall="insert")
    lab.home()
    found, authority = places(lab), Authority(directory)
    with screen.working("servers.yml: the role sip_server makes home, visited, and correspondent's servers") as work:
        set_up(lab, found, authority, directory, work)
    before = {name: lab.snapshot(name) for name in ROUTERS}
    with ExitStack() as stack:
        stack.callback(lab.home)
        stack.enter_context(named(lab, found, directory))
        walk = stack.enter_context(Walk(lab, found, authority, directory, screen))
        walk.begin()
        walk.go()
        walk.hang_up()
        clean = _cleaned(lab, before)
    screen.chapter("What is left on the routers")
    for name, lines in clean.items():
        screen.line(f"{name} is what it was" if not lines else f"{name} differs:", good=not lines)
        for line in lines[:20]:
            screen.text(f"      {line}")
    good = told(_HERE, screen, walk, restored=not any(clean.values()))
    if not good:
        screen.text("FAILED: a session died, a call did not get through, or a router is not what it was.")
    return 0 if good else 1


def _cleaned(lab: Lab, before: dict[str, dict[str, object]]) -> dict[str, list[str]]:
    """What is other than it was, by router, once nothing is or the time is over."""
    end = time.monotonic() + _CLEAN_WITHIN
    while True:
        found = {name: differences(before[name], lab.snapshot(name)) for name in ROUTERS}
        if not any(found.values()) or time.monotonic() > end:
            return found
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
