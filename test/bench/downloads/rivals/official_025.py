"""Downloads an archive the way the command line of the official SDK 0.25 did: official_025.py URL OUTPUT_DIR.

One stream into a temporary file in small pieces with a progress bar, then every member checked, then each extracted.
"""

import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

import click

PIECE_BYTES = 8192


def fetch(url: str, archive: Path) -> None:
    with urllib.request.urlopen(url, timeout=60) as response, open(archive, "wb") as file:
        total = int(response.headers.get("Content-Length", 0))
        with click.progressbar(
            length=total, label="Fetching", file=sys.stderr, show_percent=True, show_pos=True, show_eta=True
        ) as bar:
            while piece := response.read(PIECE_BYTES):
                file.write(piece)
                bar.update(len(piece))


def extract(archive: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    base = target.resolve()
    with tarfile.open(archive, "r") as tar:
        members = tar.getmembers()
        for member in members:
            if member.issym() or member.islnk() or not (target / member.name).resolve().is_relative_to(base):
                raise SystemExit(f"refused: {member.name}")
        with click.progressbar(members, label="Unpacking", file=sys.stderr, show_percent=True, show_pos=True) as bar:
            for member in bar:
                tar.extract(member, path=target)


def main() -> None:
    url, output = sys.argv[1:3]
    with tempfile.TemporaryDirectory(dir=Path(output).parent) as folder:
        archive = Path(folder) / "checkpoint.tar"
        fetch(url, archive)
        extract(archive, Path(output))


if __name__ == "__main__":
    main()
