"""Makes the page of behaviours from what runs with `--jararaca-proofs=FILE` wrote down.

Files are read in their order, and a later one has the last word about every implementation in it. With `--check` all of
them together are one run, which is compared with what was kept.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jararaca_testing.contracts.recording import Proof, read, written
from jararaca_testing.contracts.table import differences, merged, page, sections


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, and with `--keep` all that is known. Returns 1 if a test that proves something failed.

    With `--check` nothing is written; returns 1 if what was kept says something else.
    """
    parser = argparse.ArgumentParser(prog="python -m jararaca_testing.contracts", description=__doc__)
    parser.add_argument("proofs", nargs="+", type=Path, help="files that runs wrote")
    parser.add_argument("--page", type=Path, help="Markdown file to write")
    parser.add_argument("--behaviours", type=Path, help="TOML file of what is cited; else what contracts of ports cite")
    parser.add_argument("--title", default="Behaviours", help="heading of the page")
    parser.add_argument("--root", default="", help="what leads from the page to the folder of the run: ../../")
    parser.add_argument("--keep", type=Path, help="file to read first, if it is there, and to write in the end")
    parser.add_argument("--check", action="store_true", help="write nothing, and say where --keep differs")
    said = parser.parse_args(arguments)
    if (said.keep if said.check else said.page) is None:
        parser.error("--check needs --keep, and without it --page is needed")
    return _check(said) if said.check else _write(said)


def _read(file: Path) -> set[Proof]:
    return read(file.read_text(encoding="utf-8"))


def _text(file: Path | None) -> str | None:
    return None if file is None or not file.exists() else file.read_text(encoding="utf-8")


def _write(said: argparse.Namespace) -> int:
    files = [*([said.keep] if said.keep is not None and said.keep.exists() else []), *said.proofs]
    proofs: set[Proof] = set()
    for file in files:
        proofs = merged(proofs, _read(file))
    if said.keep is not None:
        said.keep.write_text(written(proofs), encoding="utf-8")
    known, before = sections(_text(said.behaviours)), _text(said.page)
    said.page.write_text(page(proofs, title=said.title, root=said.root, known=known, before=before), encoding="utf-8")
    failed = sorted(proof for proof in proofs if not proof.passed)
    for proof in failed:
        sys.stderr.write(f"{proof.id} fails on {' '.join(proof.implementation)}: {proof.path}::{proof.test}\n")
    return 1 if failed else 0


def _check(said: argparse.Namespace) -> int:
    ids = {given for rows in sections(_text(said.behaviours)).values() for given in rows}
    run = {proof for file in said.proofs for proof in _read(file) if proof.id in ids}
    found = differences(_read(said.keep), run)
    for line in found:
        sys.stderr.write(f"{line}\n")
    if found:
        sys.stderr.write(f"{said.keep} says something else than this run. Make it again, and look at what changed.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
