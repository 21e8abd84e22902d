# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every platform offers whose routers are reached by NETCONF."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Iterable, Mapping

from .base import Platform

__all__ = ["NetconfPlatform"]


class NetconfPlatform(Platform):
    """A platform whose steps are edits of a datastore.

    The hello of a NETCONF server tells whether it is one of its routers.
    """

    transport = "netconf"
    #: The router's own; they are for text that is made without asking it.
    settings: ClassVar[Mapping[str, Any]] = {"target": "candidate", "rollback_on_error": True}

    @abstractmethod
    def requires(self, announced: Iterable[str]) -> None:
        """Refuse a server that cannot hold what we put on it.

        :param announced: the capabilities of its hello.
        :raises HandoverError: ``module_missing``, or what else it lacks.
        """
