"""What the lab must know of a kind of router."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.image import Image

__all__ = ["File", "Kind"]

#: Path, content and mode of what is laid on a disk.
File = tuple[str, str, int]


def _nothing(_state: Path) -> Mapping[str, Any]:
    return {}


def _no_files(_state: Path) -> Iterable[File]:
    return ()


@dataclass(frozen=True)
class Kind:
    """A kind of router.

    :ivar image: what it boots from.
    :ivar about: what of it is real and what is not, where that must be said.
    :ivar files: what is laid on its disk, beside what every router has.
    :ivar private: the same, of what belongs to one lab alone: its keys, from the directory ``lab/.state``.
    :ivar units: services of its own, enabled at boot and waited for.
    :ivar ready: a program that succeeds on it as soon as it can be configured.
    :ivar services: what its own firewall lets the management network reach, in nft's words.
    :ivar forwarding: a rule of its own firewall that lets translated packets through; empty where the role sees to it.
    :ivar variables: its variables in Ansible's inventory, from the directory ``lab/.state``.
    :ivar show: a program that prints its configuration, for comparisons; none where the kernel's state is all.
    """

    image: Image
    about: str = ""
    files: Sequence[File] = ()
    private: Callable[[Path], Iterable[File]] = _no_files
    units: Sequence[str] = ()
    ready: Sequence[str] = ()
    services: Sequence[str] = ("tcp dport 22",)
    forwarding: str = ""
    variables: Callable[[Path], Mapping[str, Any]] = _nothing
    show: Sequence[str] = ()

    def enabled(self) -> Iterable[str]:
        """Links that switch its units on."""
        return [f"etc/systemd/system/multi-user.target.wants/{unit}" for unit in self.units]
