# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real snmpd in front of a stand-in: how it is started and configured, in a namespace and in the lab."""

from __future__ import annotations

from .words import COMMUNITY

__all__ = ["BEHIND", "PORT", "SNMPD", "SOURCES", "WRITER", "configuration"]

#: Where the stand-in listens, on the loopback.
PORT = 1161
#: The user that may write.
WRITER = "operator"
_COPY = ".1.3.6.1.4.1.9.9.96"
#: What may stand behind snmpd, and what snmpd passes on to it.
BEHIND = {"agent": ".1.3.6.1.2.1.123", "config_copy": _COPY, "ios_copy": _COPY, "nothing": ""}
#: The files that the stand-in for NAT-MIB is made of, beside pysnmp.
SOURCES = ("__init__.py", "agent.py", "nat_table.py", "responders.py", "words.py")
#: The command; the name of its configuration follows.
SNMPD = ("/usr/sbin/snmpd", "-f", "-Lo", "-C", "-I", "-smux", "-c")


def configuration(listen: str, keys: tuple[str, str], behind: str = "agent") -> str:
    """snmpd's configuration, with one user that may write all.

    :param listen: its ``agentAddress``.
    :param keys: that user's passphrases, for authentication and for privacy.
    """
    text = f"agentAddress {listen}\n{user(WRITER, keys)}rwuser {WRITER} priv .1\n"
    if below := BEHIND[behind]:
        text += f"proxy -v 2c -c {COMMUNITY} 127.0.0.1:{PORT} {below}\n"
    return text


def user(name: str, keys: tuple[str, str]) -> str:
    """The line that makes a user known."""
    return f'createUser {name} SHA-256 "{keys[0]}" AES "{keys[1]}"\n'
