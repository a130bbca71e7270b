"""Write requirements/dev.txt: exact versions of all that building, checking and testing safar needs.

Installs what pyproject.toml names (the package's dependencies, the extra ``images``, the groups ``checks`` and
``docs``) into a new environment and writes down what came. Run by ``make lock``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import venv
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Written by `make lock` on {day} with Python {version}: all that building, checking and testing safar needs.
# pyproject.toml says what is asked for; this file pins it and what it brings along.
"""


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["images"],
        *project["dependency-groups"]["checks"],
        *project["dependency-groups"]["docs"],
    ]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        frozen = subprocess.run(
            [python, "-m", "pip", "freeze"], check=True, capture_output=True, text=True
        ).stdout
    header = HEADER.format(day=f"{datetime.now(UTC):%Y-%m-%d}", version=sys.version.split()[0])
    (ROOT / "requirements" / "dev.txt").write_text(header + frozen)
    print(f"requirements/dev.txt: {len(frozen.splitlines())} packages")


if __name__ == "__main__":
    main()
