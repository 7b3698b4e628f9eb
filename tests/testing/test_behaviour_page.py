"""The page of behaviours: what each word in it takes, and how runs are put together."""

import subprocess
import sys
from pathlib import Path

import pytest

from jararaca_testing.contracts.__main__ import main
from jararaca_testing.contracts.proofs import ID, Implementation, Verdict
from jararaca_testing.contracts.recording import Proof, read, written
from jararaca_testing.contracts.table import MADE, merged, page, sections

MEMORY, OLD, NEW = Implementation("memory"), Implementation("RabbitMQ", "3.10"), Implementation("RabbitMQ", "4.0")


def proof(
    given: str, on: Implementation, *, verdict: Verdict = "proven", test: str = "test_it", passed: bool = True
) -> Proof:
    return Proof(given, verdict, on, "suite/test_x.py", test, passed)


def rows(*proofs: Proof) -> list[str]:
    """The rows of the page that tell anything, without the words of the behaviours."""
    lines = [line for line in page(proofs, title="T", root="../").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [" | ".join([cell[0], *cell[2:]]) for cell in cells if any(cell[2:])]


def test_a_row_has_a_word_for_each_implementation_and_links_its_tests() -> None:
    assert rows(
        proof("RMQ-01", NEW),
        proof("RMQ-01", MEMORY, test="test_a"),
        proof("RMQ-01", MEMORY, test="test_b"),
        proof("RMQ-02", MEMORY, verdict="not emulated", test="test_refusal"),
        proof("RMQ-03", MEMORY, test="test_most"),
        proof("RMQ-03", MEMORY, verdict="differs", test="test_less"),
        proof("RMQ-03", NEW, test="test_most"),
    ) == [
        "id | memory | RabbitMQ 4.0 | tests",
        "RMQ-01 | proven | proven | [1](../suite/test_x.py#test_a) [2](../suite/test_x.py#test_b) "
        "[3](../suite/test_x.py#test_it)",
        "RMQ-02 | [not emulated](../suite/test_x.py#test_refusal) |  | ",
        "RMQ-03 | [differs](../suite/test_x.py#test_less) | proven | [1](../suite/test_x.py#test_most)",
    ]


def test_one_failure_outweighs_everything() -> None:
    assert rows(proof("RMQ-01", MEMORY), proof("RMQ-01", MEMORY, test="test_b", passed=False))[1].startswith(
        "RMQ-01 | **fails** | "
    )


def test_a_section_about_which_nothing_is_known_is_left_out() -> None:
    text = page([proof("CLOCK-02", MEMORY)], title="T", root="")

    assert text.startswith("# T\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Clock"]


def test_columns_have_an_order() -> None:
    others = [Implementation("Loudspeaker", "1"), Implementation("Redis", "7"), Implementation("fakeredis", "2")]

    assert rows(*(proof("REDIS-01", on) for on in (*others, OLD, MEMORY)))[0] == (
        "id | memory | fakeredis 2 | RabbitMQ 3.10 | Redis 7 | Loudspeaker 1 | tests"
    )


def test_an_id_that_nobody_explains_is_an_error() -> None:
    with pytest.raises(KeyError, match="RMQ-99"):
        page([proof("RMQ-99", MEMORY)], title="T", root="")


def test_a_run_replaces_what_was_known_of_what_it_ran_on_whatever_its_version() -> None:
    known = {proof("RMQ-01", MEMORY), proof("RMQ-01", OLD)}
    run = {proof("RMQ-02", NEW)}

    assert merged(known, run) == {proof("RMQ-01", MEMORY), proof("RMQ-02", NEW)}
    assert merged(known, []) == known


def test_every_behaviour_has_an_id_of_its_own_and_one_line() -> None:
    behaviours = [(given, text) for rows in sections().values() for given, text in rows.items()]
    ids = [given for given, _text in behaviours]

    assert [given for given in ids if not ID.fullmatch(given)] == []
    assert len(ids) == len(set(ids))
    assert [given for given, text in behaviours if "\n" in text or "|" in text or not text.endswith(".")] == []


def test_the_command_puts_runs_together_and_keeps_them(tmp_path: Path) -> None:
    kept, run, shown = tmp_path / "kept.json", tmp_path / "run.json", tmp_path / "PAGE"
    arguments = [str(run), "--keep", str(kept), "--page", str(shown), "--title", "All", "--root", "../"]

    for proofs in ([proof("RMQ-01", MEMORY), proof("RMQ-01", OLD)], [proof("RMQ-01", NEW)]):
        run.write_text(written(proofs), encoding="utf-8")
        assert main(arguments) == 0

    assert read(kept.read_text(encoding="utf-8")) == {proof("RMQ-01", MEMORY), proof("RMQ-01", NEW)}
    assert shown.read_text(encoding="utf-8") == page(
        [proof("RMQ-01", MEMORY), proof("RMQ-01", NEW)], title="All", root="../"
    )


OTHERS = """
[[section]]
title = "Doors"
[section.rows]
DOOR-1 = "A door that is locked stays shut."
DOOR-2 = "A door that is open can be passed."

[[section]]
title = "Windows"
[section.rows]
WINDOW-1 = "A window lets light in."
"""


def test_the_command_takes_other_behaviours_and_leaves_what_stands_above_the_table(tmp_path: Path) -> None:
    """There a row that nothing shows is a row as well, and all tables have the columns of the page."""
    behaviours, run, shown = tmp_path / "rows.toml", tmp_path / "run.json", tmp_path / "PAGE"
    behaviours.write_text(OTHERS, encoding="utf-8")
    run.write_text(written([proof("DOOR-2", MEMORY)]), encoding="utf-8")
    shown.write_text(f"# Houses\n\nBy hand.\n\n{MADE}\n\nold\n", encoding="utf-8")

    for _twice in range(2):
        assert main([str(run), "--behaviours", str(behaviours), "--page", str(shown)]) == 0

        assert shown.read_text(encoding="utf-8").splitlines() == [
            *["# Houses", "", "By hand.", "", MADE, ""],
            *["## Doors", "", "| id | behaviour | memory | tests |", "|---|---|---|---|"],
            "| DOOR-1 | A door that is locked stays shut. | | |",
            "| DOOR-2 | A door that is open can be passed. | proven | [1](suite/test_x.py#test_it) |",
            *["", "## Windows", "", "| id | behaviour | memory | tests |", "|---|---|---|---|"],
            "| WINDOW-1 | A window lets light in. | | |",
        ]


def test_the_command_names_what_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run.json"
    run.write_text(written([proof("RMQ-01", OLD, passed=False)]), encoding="utf-8")

    assert main([str(run), "--page", str(tmp_path / "PAGE")]) == 1
    assert capsys.readouterr().err == "RMQ-01 fails on RabbitMQ 3.10: suite/test_x.py::test_it\n"


@pytest.mark.processes
def test_the_command_is_a_module(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "jararaca_testing.contracts", "--help"], capture_output=True, text=True, check=True
    )

    assert "--keep" in said.stdout


def test_the_command_compares_runs_with_what_was_kept_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several files are one run; of what it was not on, or of another version, nothing is said."""
    kept, first, second = tmp_path / "kept.json", tmp_path / "first.json", tmp_path / "second.json"
    kept.write_text(written([proof("RMQ-01", MEMORY), proof("RMQ-02", MEMORY), proof("RMQ-01", OLD)]))
    first.write_text(written([proof("RMQ-01", MEMORY), proof("RMQ-05", NEW)]))
    second.write_text(written([proof("RMQ-02", MEMORY), proof("DOOR-1", MEMORY)]))
    arguments = ["--check", str(first), str(second), "--keep", str(kept)]

    assert main(arguments) == 0

    second.write_text(written([proof("RMQ-03", MEMORY)]))
    before = kept.read_text()
    assert main(arguments) == 1
    assert kept.read_text() == before
    minus, plus, advice = capsys.readouterr().err.splitlines()
    assert minus.startswith("- RMQ-02 proven on memory: ")
    assert plus.startswith("+ RMQ-03 proven on memory: ")
    assert advice.startswith(f"{kept} says something else than this run.")


@pytest.mark.parametrize("arguments", [["run.json"], ["run.json", "--check"]])
def test_the_command_needs_a_page_or_something_to_compare_with(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
