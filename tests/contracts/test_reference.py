"""The page of behaviours in the documents is the one that a run of these contracts makes."""

from pathlib import Path

from jararaca_testing.contracts.recording import Proof, read
from jararaca_testing.contracts.table import page

REPOSITORY = Path(__file__).parents[2]
KEPT = REPOSITORY / "tests/contracts/proofs.json"
PAGE = REPOSITORY / "docs/reference/broker-behaviours.md"
AGAIN = (
    "The contracts show something else now: run `make behaviours` with the servers named, and commit what it writes."
)


def kept() -> set[Proof]:
    return read(KEPT.read_text(encoding="utf-8"))


def test_the_page_is_made_of_what_was_kept() -> None:
    made = page(kept(), title="Behaviours of brokers and Redis", root="../../")

    assert PAGE.read_text(encoding="utf-8") == made, AGAIN
    assert [proof for proof in kept() if not proof.passed] == []
