# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router's connection table says of some addresses."""

from __future__ import annotations

from collections.abc import Iterable

from ..module_utils.mobility.model import Address
from ..module_utils.platforms.conntrack import MAX_ROWS, Table, read_connections
from .rendering import Renderer
from .shell_device import Shell

__all__ = ["CONNECTIONS", "gathered"]

#: The template of what lists them.
CONNECTIONS = "linux/connections.sh.j2"


def gathered(addresses: Iterable[Address], shell: Shell, renderer: Renderer) -> Table:
    """What a router's table says of these addresses.

    :raises HandoverError: ``connections_unknown``, ``unreadable_answer``, ``script_cut``.
    """
    asked = list(addresses)
    # conntrack writes IPv6 in its short form, the kernel's own file in its long one.
    forms = list(dict.fromkeys(form for one in asked for form in (str(one), one.exploded)))
    families = [name for name, version in (("ipv4", 4), ("ipv6", 6)) if any(one.version == version for one in asked)]
    context = {"addresses": forms, "families": families, "rows": MAX_ROWS}
    return read_connections(shell.run(renderer.render(CONNECTIONS, context)))
