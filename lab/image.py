"""The images, built from Debian packages and kept in podman's storage under a hash of their recipe."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.runtime import LabError, podman
from lab.topology import PREFIX, ROOT

SUITE = "bookworm"
SETUP = ROOT / "lab" / "recipe" / "setup.sh"
BASE = (
    "conntrack",
    "iproute2",
    "iptables",
    "iputils-arping",
    "iputils-ping",
    "nftables",
    "openssh-server",
    "procps",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tcpdump",
)


@dataclass(frozen=True)
class Image:
    """``packages`` on a minimal Debian; ``python`` says whether one of them may bring Python with it.

    :ivar stage: fills a directory that is given to ``setup``.
    :ivar setup: a script that runs on the tree afterwards: ``setup TREE STAGED``.
    """

    name: str
    packages: tuple[str, ...]
    python: bool = False
    stage: Callable[[Path], None] | None = None
    setup: Path | None = None

    @property
    def tag(self) -> str:
        recipe = hashlib.sha256(SETUP.read_bytes())
        if self.setup is not None:
            recipe.update(self.setup.read_bytes())
        if self.stage is not None:
            with tempfile.TemporaryDirectory() as name:
                self.stage(Path(name))
                for path in sorted(Path(name).rglob("*")):
                    recipe.update(b"" if path.is_dir() else path.read_bytes())
        recipe.update("\0".join((SUITE, str(self.python), *self.packages)).encode())
        return f"localhost/{PREFIX}{self.name}:{recipe.hexdigest()[:12]}"


ROUTER = Image("router", BASE)
# Debian's kamailio depends on python3, and rsyslog writes its events to a file; routers must have neither. The service
# gets an environment of its own there.
SIP_SERVER = Image(
    "sip-server",
    (*BASE, "kamailio", "kamailio-extra-modules", "kamailio-tls-modules", "python3-venv", "rsyslog"),
    python=True,
)


def ensure(images: Iterable[Image]) -> None:
    """Build what is missing of these, all at once; images of older recipes are removed.

    :raises LabError: a package could not be had, or Python came along into the routers' image.
    """
    missing = [image for image in dict.fromkeys(images) if not _exists(image.tag)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(_build, missing))


def remove() -> None:
    """Remove every image of the lab."""
    for tag in _tags():
        podman("image", "rm", "--force", tag, check=False)


def _exists(tag: str) -> bool:
    return podman("image", "exists", tag, check=False).returncode == 0


def _tags() -> list[str]:
    listed = podman("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    return [tag for tag in listed if tag.startswith(f"localhost/{PREFIX}")]


def _build(image: Image) -> None:
    with tempfile.TemporaryDirectory(prefix="sipmobility-image-") as staged:
        Path(staged).chmod(0o755)
        if image.stage is not None:
            image.stage(Path(staged))
        _bootstrap(image, staged)


def _bootstrap(image: Image, staged: str) -> None:
    print(f"lab: building image {image.tag} from Debian packages (about 40 s, once)", file=sys.stderr)
    tag = image.tag
    bootstrap = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(image.packages)}",
        f'--customize-hook={SETUP} "$1" {"may" if image.python else "must-not"}',
        *([f'--customize-hook={image.setup} "$1" {staged}'] if image.setup is not None else []),
        SUITE,
        "-",
    ]
    with subprocess.Popen(bootstrap, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as maker:
        assert maker.stdout is not None and maker.stderr is not None
        with ThreadPoolExecutor(1) as pool:
            said = pool.submit(maker.stderr.read)
            imported = subprocess.run(
                ["podman", "import", "--quiet", "--change", "STOPSIGNAL=SIGRTMIN+3", "-", tag],
                stdin=maker.stdout,
                capture_output=True,
                check=False,
            )
            maker.stdout.close()
            complaint = said.result().decode(errors="replace")
    if maker.returncode or imported.returncode:
        podman("image", "rm", "--force", tag, check=False)
        raise LabError(f"image {tag}: {complaint[-2000:]}{imported.stderr.decode(errors='replace')[-500:]}")
    for old in _tags():
        if old.startswith(tag.rpartition(":")[0] + ":") and old != tag:
            podman("image", "rm", "--force", old, check=False)
