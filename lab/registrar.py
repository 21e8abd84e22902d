"""The SIP server as a test sees it: registrations sent to it, and the events it wrote."""

from __future__ import annotations

import ipaddress
import json
import secrets
import time
from pathlib import Path
from typing import Any

from lab.kamailio import EVENTS
from lab.lab import Lab
from lab.runtime import LabError


class Registrar:
    def __init__(self, lab: Lab, server: str = "pcscf") -> None:
        self._lab = lab
        self._server = server
        self.domain: str = lab.topology.sip_domain

    def register(
        self, local: object, *options: str, user: str = "alice", password: str | None = None, node: str = "mn"
    ) -> dict[str, Any]:
        """Send one REGISTER from ``local``, an address of ``node``; ``options`` as of ``lab.phone``.

        :returns: what ``lab.phone`` printed: ``status``, ``reason``, ``call_id``, ``port``, ``contacts``, ``ms``.
        :raises LabError: it printed nothing.
        """
        v4, v6 = self._lab.topology.address(self._server).ips
        server = v4 if ipaddress.ip_address(str(local)).version == 4 else v6
        secret = self._lab.state.passwords[user] if password is None else password
        who = ["--server", str(server), "--local", str(local), "--user", user, f"--password={secret}"]
        done = self._lab.python(node, "lab.phone", *who, *options)
        if not done.stdout:
            raise LabError(f"lab.phone: {done.stderr[-1000:]}")
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def register_told(self, local: object, *options: str, user: str = "alice") -> tuple[dict[str, Any], dict[str, Any]]:
        """Register with a Call-ID of its own (unless one is given) and wait for the event.

        :returns: the phone's report, the server's event.
        :raises LabError: the registration was refused, or no event came within a minute.
        """
        before = len(self.lines())
        if "--call-id" not in options:
            options = ("--call-id", secrets.token_hex(8), *options)
        report = self.register(local, *options, user=user)
        if report["status"] != 200:
            raise LabError(f"registration refused: {report}")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for line in self.lines()[before:]:
                event: dict[str, Any] = json.loads(line)
                if event.get("call_id_hex") == str(report["call_id"]).encode().hex():
                    return report, event
            time.sleep(0.02)
        raise LabError(f"no event for {report}")

    def lines(self) -> list[str]:
        """The event file, line by line, as it is. Nothing is started for it, in the way of what is timed."""
        return Path(f"/proc/{self._lab.pids[self._server]}/root{EVENTS}").read_text(encoding="utf-8").splitlines()

    def clear(self) -> None:
        """Empty the event file, and forget every binding."""
        self._lab.run(self._server, ["systemctl", "restart", "kamailio"])
        self._lab.run(self._server, ["truncate", "--size", "0", EVENTS])
