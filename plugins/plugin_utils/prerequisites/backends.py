# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of Linux routers that can be prepared, by the name of their platform."""

from __future__ import annotations

from .backend import Backend
from .iptables import IptablesBackend
from .nftables import NftablesBackend

__all__ = ["BACKENDS"]

BACKENDS: dict[str, Backend] = {backend.name: backend for backend in (IptablesBackend(), NftablesBackend())}
