# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts for IOS-XE made without a router, and answers of a server that took them. A stand-in of the plainest kind."""

from __future__ import annotations

from xml.etree import ElementTree

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.flow_lines import NatSettings
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.iosxe.release import NEWEST, Release
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.iosxe.router import IosxeNetconf
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.step_text import step_text

from .ios_router import NOW

PLATFORM, RENDERER = IosxeNetconf(), Renderer()
#: IOS-XE 16.9.3, 17.4 and 17.12, by the revisions of the modules.
OLD_RELEASE, SPLIT_RELEASE = Release("2018-12-18", "2018-06-25"), Release("2020-11-01", "2020-11-01")
RELEASES = {"16.9": OLD_RELEASE, "17.4": SPLIT_RELEASE, "17.12": NEWEST}
NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"


def text(change: Change, release: Release = NEWEST, settings: NatSettings = NatSettings()) -> str:  # noqa: B008
    """The edit of a change."""
    return step_text(IosxeNetconf(settings, release), RENDERER, change, NOW)


def put(state: RouterState, release: Release = NEWEST, settings: NatSettings = NatSettings()) -> str:  # noqa: B008
    """The edit that makes a router that holds nothing hold this."""
    return text(difference(RouterState(), state), release, settings)


def edited(text: str) -> ElementTree.Element:
    """What an edit says below ``config``."""
    config = ElementTree.fromstring(text).find(f"{{{NETCONF}}}config")
    assert config is not None
    return config


def answered(text: str) -> str:
    """What a server shows that held nothing and took this edit."""
    reply = ElementTree.Element(f"{{{NETCONF}}}rpc-reply")
    ElementTree.SubElement(reply, f"{{{NETCONF}}}data").extend(edited(text))
    return ElementTree.tostring(reply, encoding="unicode")


def held(answer: str) -> RouterState:
    """What an answer says that a router holds."""
    return PLATFORM.parse(Output({"data": answer}, {}))
