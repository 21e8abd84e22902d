"""Records a call through a real proxy: what tcpdump sees of one hop, and what the proxy tells.

``python -m lab.captures.record_dialogs tests/fixtures/dialogs`` as root, with the packages of :mod:`.record`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.captures.record import HERE, OLD, REGISTRAR, tcpdump
from lab.captures.wire import PHONE, SERVER, Wire, run

#: The other phone, which lives beside the proxy.
PEER = "198.51.100.30"


def record(directory: Path) -> None:
    """``call.pcap`` of the caller's hop, and ``call.jsonl``, the proxy's events."""
    with Wire(), tempfile.TemporaryDirectory() as work:
        run("ip", "netns", "exec", SERVER, "ip", "address", "add", f"{PEER}/32", "dev", "lo")
        inside = ["ip", "netns", "exec", SERVER]
        options = ["-DD", "-E", "-m", "32", "-M", "4", "-w", work, "-Y", work]
        proxy = subprocess.Popen(
            [*inside, "kamailio", "-f", str(HERE / "dialogs.cfg"), *options], stderr=subprocess.PIPE, text=True
        )
        called = ["sipp", "-sf", str(HERE / "answer.xml"), "-i", PEER, "-p", "5060", "-m", "1", "-nostdin"]
        callee = subprocess.Popen([*inside, *called], stdout=subprocess.DEVNULL, cwd=work)
        try:
            time.sleep(1)
            with tcpdump(directory / "call.pcap"):
                caller = ["sipp", f"{REGISTRAR}:5060", "-sf", str(HERE / "call.xml"), "-i", OLD, "-p", "5070"]
                run("ip", "netns", "exec", PHONE, *caller, "-m", "1", "-nostdin", "-timeout", "20")
            callee.wait(timeout=10)
        finally:
            for process in (proxy, callee):
                process.terminate()
            said = proxy.communicate(timeout=10)[1]
            callee.wait(timeout=10)
    lines = [line[line.index('{"v"') :] for line in said.splitlines() if '{"v"' in line]
    (directory / "call.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
