# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A platform whose routers are reached over NETCONF."""

from __future__ import annotations

from abc import abstractmethod
from typing import Iterable

from .base import Platform

__all__ = ["NetconfPlatform"]


class NetconfPlatform(Platform):
    """A platform that is told by the hello of a NETCONF server whether it is one of its routers."""

    @abstractmethod
    def requires(self, announced: Iterable[str]) -> None:
        """Refuse a server that cannot hold what we put on it.

        :param announced: the capabilities of its hello.
        :raises HandoverError: with what it lacks.
        """
