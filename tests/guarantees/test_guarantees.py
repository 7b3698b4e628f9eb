"""The page of guarantees says what a run of the tests shows, and every test that cites a row cites one that exists."""

from pathlib import Path

from jararaca_testing.contracts.proofs import ID
from jararaca_testing.contracts.recording import Proof, read
from jararaca_testing.contracts.table import MADE, page, sections

REPOSITORY = Path(__file__).parents[2]
KEPT = REPOSITORY / "tests/guarantees/proofs.json"
PAGE = REPOSITORY / "docs/guarantees.md"
ROWS = sections((REPOSITORY / "tests/guarantees/rows.toml").read_text(encoding="utf-8"))
AGAIN = "The tests show something else now: run `make behaviours` with the servers named, and commit what it writes."


def kept() -> set[Proof]:
    return read(KEPT.read_text(encoding="utf-8"))


def test_the_page_is_made_of_what_was_kept() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert text == page(kept(), title="", root="../", known=ROWS, before=text), AGAIN
    assert MADE in text
    assert [proof for proof in kept() if not proof.passed] == []


def test_rows_are_numbered_without_repetition_and_stand_on_one_line() -> None:
    rows = [(given, text) for section in ROWS.values() for given, text in section.items()]

    assert [given for given, _text in rows if not ID.fullmatch(given)] == []
    assert len({given for given, _text in rows}) == len(rows)
    assert [given for given, text in rows if "\n" in text or "|" in text or not text.endswith(".")] == []
