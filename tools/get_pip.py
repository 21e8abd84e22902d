"""Stand-in for the get-pip script that ansible-test downloads: the bundled pip, then the versions asked for.

ensurepip runs in a process of its own: inside this one it would point pip at an empty configuration.
"""

from __future__ import annotations

import subprocess
import sys

subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *wanted], check=True)
