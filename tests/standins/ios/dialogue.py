# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: the dialogue of a terminal line. Lines in, text out; it knows nothing of SSH."""

from __future__ import annotations

import re
from collections.abc import Callable

from .configuration import SECTIONS, RunningConfiguration
from .nat import QUESTION, Child, Static, Unknown, read_static

__all__ = ["Dialogue"]

INVALID = "% Invalid input detected at '^' marker.\n"
VERSION = """Stand-in for tests, not Cisco IOS Software, Version 15.9-standin
{hostname} uptime is 1 minute
System image file is "none: this is a stand-in"
cisco STANDIN (revision 1.0) with 0K/0K bytes of memory.
Processor board ID 0
Configuration register is 0x2102
"""


class Dialogue:
    """One login.

    :param config: shared by all logins.
    :param secret: the enable password; None starts in privileged mode.
    """

    def __init__(self, config: RunningConfiguration, secret: str | None = None) -> None:
        self._config = config
        self._secret = secret
        self._mode = "exec" if secret is not None else "privileged"
        self._section = ""
        self._asked: Callable[[str], str] | None = None
        self._question = ""
        self.open = True

    @property
    def hides(self) -> bool:
        """Whether what is typed now is not echoed."""
        return self._question.startswith("Password")

    def prompt(self) -> str:
        if self._asked is not None:
            return self._question
        name = self._config.hostname
        if self._mode in ("exec", "privileged"):
            return name + (">" if self._mode == "exec" else "#")
        return f"{name}({self._mode})#"

    def enter(self, line: str) -> str:
        """The answer to a line."""
        if self._asked is not None:
            asked, self._asked, self._question = self._asked, None, ""
            return asked(line.strip())
        words = line.split()
        if not words or words[0].startswith("!"):
            return ""
        try:
            return self._configure(words) if self._mode.startswith("config") else self._show(words)
        except Unknown as unknown:
            if unknown.index >= len(words):
                return "% Incomplete command.\n\n"
            column = len(self.prompt()) + len(" ".join(words[: unknown.index])) + bool(unknown.index)
            return " " * column + "^\n" + INVALID + "\n"

    # Modes of show commands

    def _show(self, words: list[str]) -> str:
        line = " ".join(words)
        if words[0] == "enable":
            return self._enable()
        if words[0] in ("exit", "quit", "logout"):
            self.open = False
            return ""
        if words[:2] in (["terminal", "length"], ["terminal", "width"]):
            return ""
        if line == "show privilege":
            return f"Current privilege level is {1 if self._mode == 'exec' else 15}\n"
        if line == "show version":
            return VERSION.format(hostname=self._config.hostname)
        if self._mode == "exec":
            raise Unknown(0 if words[0] != "show" else 1)
        return self._privileged(words, line)

    def _privileged(self, words: list[str], line: str) -> str:
        nat = self._config.nat
        if line == "disable":
            self._mode = "exec"
            return ""
        if line in ("configure terminal", "config terminal", "configure"):
            self._mode = "config"
            return "Enter configuration commands, one per line.  End with CNTL/Z.\n"
        if words[:2] == ["show", "running-config"]:
            return self._running(words[2:])
        if line == "show ip nat translations":
            return "\n".join(nat.translations()) + "\n"
        if line == "show ip aliases":
            rows = [("Interface", link.ip) for link in self._config.connected()]
            rows += [("Dynamic", address) for address in nat.aliases(self._config.connected())]
            return "Address Type             IP Address      Port\n" + "".join(f"{a:<24} {b}\n" for a, b in rows)
        if words[:4] == ["clear", "ip", "nat", "translation"]:
            return self._clear(words)
        if words[:2] == ["standin", "session"] and len(words) == 4:  # no command of IOS: traffic that a test wants
            nat.children.append(Child(words[2], words[3]))
            return ""
        raise Unknown(1 if words[0] in ("show", "clear") and len(words) > 1 else 0)

    def _enable(self) -> str:
        if self._secret is not None and self._mode == "exec":
            self._asked, self._question = self._password, "Password: "
        return ""

    def _password(self, typed: str) -> str:
        if typed != self._secret:
            return "% Bad secrets\n\n"
        self._mode = "privileged"
        return ""

    def _running(self, pipe: list[str]) -> str:
        lines = self._config.lines()
        if pipe[:1] == ["all"]:
            pipe = pipe[1:]
        if not pipe:
            text = "\n".join(lines)
            return f"Building configuration...\n\nCurrent configuration : {len(text)} bytes\n{text}\n"
        if len(pipe) < 3 or pipe[0] != "|":
            raise Unknown(2)
        pattern = re.compile(" ".join(pipe[2:]))
        if pipe[1] == "include":
            return "".join(f"{line}\n" for line in lines if pattern.search(line))
        if pipe[1] != "section":
            raise Unknown(3)
        found, inside = [], False
        for line in lines:
            inside = (inside and line.startswith(" ")) or pattern.search(line) is not None
            found += [line] if inside else []
        return "".join(f"{line}\n" for line in found)

    def _clear(self, words: list[str]) -> str:
        rest = words[4:]
        if rest == ["*"]:
            self._config.nat.children.clear()
            return ""
        if len(rest) < 3 or rest[0] not in ("inside", "outside"):
            raise Unknown(4)
        cleared = self._config.nat.clear(rest[2])
        return "" if cleared else "% Translation not found\n"

    # Modes of configuration

    def _configure(self, words: list[str]) -> str:
        line = " ".join(words)
        if line == "end":
            self._mode = "privileged"
            return ""
        if line == "exit":
            self._mode = "config" if self._mode != "config" else "privileged"
            return ""
        if words[0] == "do" and len(words) > 1:
            return self._show(words[1:])
        off = words[0] == "no"
        if opening := self._opens(words[off:]):
            return self._enter_section(opening, " ".join(words[off:]), off)
        if words[off:][:2] == ["ip", "nat"] and words[off + 3 : off + 5] == ["source", "static"]:
            return self._static(words, off)
        if words[off:][:2] == ["ip", "route"] and len(words) >= 5 + off:
            self._mode = "config"
            self._config.route(words[off:], off)
            return ""
        if words[off:][:3] == ["event", "manager", "environment"]:
            return self._environment(words[off + 3 :], off)
        if words[0] == "hostname" and len(words) == 2:
            self._config.hostname = words[1]
            return ""
        return self._in_section(words, off)

    def _environment(self, words: list[str], off: bool) -> str:
        if len(words) < (1 if off else 2):
            raise Unknown(3 + off + len(words))
        self._mode = "config"
        if off:
            self._config.environment.pop(words[0], None)
        else:
            self._config.environment[words[0]] = " ".join(words[1:])
        return ""

    def _opens(self, words: list[str]) -> str | None:
        line = " ".join(words)
        return next((name for name in SECTIONS if line.startswith(name + " ")), None)

    def _enter_section(self, opening: str, name: str, off: bool) -> str:
        self._mode = "config"
        if off:
            for section in list(self._config.sections):
                if section == name or (opening == "route-map" and section.startswith(name + " ")):
                    del self._config.sections[section]
            return ""
        if opening == "route-map" and len(name.split()) == 2:
            name += " permit 10"
        self._config.sections.setdefault(name, [])
        self._mode, self._section = SECTIONS[opening], name
        return ""

    def _in_section(self, words: list[str], off: bool) -> str:
        known = {
            "config-if": ("ip address", "ip nat", "ip access-group", "description", "shutdown", "vrf forwarding"),
            "config-ext-nacl": ("permit", "deny", "remark"),
            "config-route-map": ("match ip address",),
            "config-vrf": ("rd", "address-family ipv4", "exit-address-family"),
        }
        line = " ".join(words[off:])
        if not any(line == name or line.startswith(name + " ") for name in known.get(self._mode, ())):
            raise Unknown(off)
        if off:
            self._config.drop(self._section, line)
        else:
            self._config.put(self._section, line)
        return ""

    def _static(self, words: list[str], off: bool) -> str:
        entry = read_static(words, off + 2)
        if "forced" in entry.flags and not off:
            raise Unknown(words.index("forced"))
        self._mode = "config"
        vrf = dict(entry.valued).get("vrf")
        if vrf is not None and f"vrf definition {vrf}" not in self._config.sections:
            return f"% VRF {vrf} does not exist\n"
        if not off:
            return _line(self._config.nat.add(entry))
        said = self._config.nat.remove(entry)
        if said != QUESTION:
            return _line(said)
        self._asked, self._question = lambda typed: self._agreed(entry, typed), QUESTION
        return ""

    def _agreed(self, entry: Static, typed: str) -> str:
        return _line(self._config.nat.remove(entry, agreed=typed.lower() in ("y", "yes")))


def _line(text: str) -> str:
    return f"{text}\n" if text else ""
