"""The nearest Python framework for CDS Hooks, in an environment of its own: it brings 30 packages along."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

VERSION = "0.16.1"
PATH = "/cds/cds-services/insulin-pump-order-sign"


def command() -> list[str]:
    """The command that serves `healthchain_count.py`; installs HealthChain into the user's cache when it is not there.

    CalledProcessError when the package index cannot be reached.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "insulin-pump-cds-benchmarks" / f"healthchain-{VERSION}"
    interpreter, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(interpreter), "-m", "pip", "install", "-q", f"healthchain=={VERSION}"]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
        ready.touch()
    return [str(interpreter), str(Path(__file__).with_name("healthchain_count.py"))]
