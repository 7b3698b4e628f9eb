"""Proofs as a page of Markdown: what is known of each behaviour, by implementation, with links to the tests."""

import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.resources import files

from jararaca_testing.contracts.proofs import Implementation
from jararaca_testing.contracts.recording import Proof

ORDER = ("memory", "jararaca broker", "fakeredis", "RabbitMQ", "Redis", "real servers", "processes")
"""Columns that come first; others follow by name."""

MADE = "<!-- What follows is made by `make behaviours`. -->"
"""A page that has this line keeps what stands above it."""

Sections = Mapping[str, Mapping[str, str]]
"""The behaviours by id, in our own words, by the title of their section."""


def sections(behaviours: str | None = None) -> Sections:
    """Every behaviour that a test may cite, in the order of the page. None: those of the contracts of ports.

    Otherwise TOML in the form of `behaviours.toml` beside this module: a title and rows for each `[[section]]`.
    """
    if behaviours is None:
        behaviours = files("jararaca_testing.contracts").joinpath("behaviours.toml").read_text(encoding="utf-8")
    return {section["title"]: section["rows"] for section in tomllib.loads(behaviours)["section"]}


def merged(known: Iterable[Proof], run: Collection[Proof]) -> set[Proof]:
    """What is known after a run: of each implementation that it was on, what it showed, and nothing older.

    A version takes the place of another one.
    """
    seen = {proof.implementation.name for proof in run}
    return {proof for proof in known if proof.implementation.name not in seen} | set(run)


def differences(kept: Iterable[Proof], run: Collection[Proof]) -> list[str]:
    """Where a run shows something else than what was kept, a line for each: `+` is new, `-` is gone.

    Only of implementations that the run was on, in the version that was kept; of another one nothing is known.
    """
    ran = {proof.implementation for proof in run}
    expected = {proof for proof in kept if proof.implementation in ran}
    there = {proof.implementation for proof in expected}
    shown = {proof for proof in run if proof.implementation in there}
    return [
        f"{'+' if proof in shown else '-'} {proof.id} {proof.verdict} on {' '.join(proof.implementation).strip()}"
        f"{'' if proof.passed else ' FAILED'}: {proof.path}::{proof.test}"
        for proof in sorted(shown ^ expected)
    ]


def page(
    proofs: Collection[Proof], *, title: str, root: str, known: Sections | None = None, before: str | None = None
) -> str:
    """The whole page. `root` is put before the paths of tests, to get from the page to the folder of the run.

    `known` is what may be cited (None: what `sections()` gives), `before` what the page was: if it has the line `MADE`,
    what stands above that takes the place of title and introduction, and a row that no test shows is there as well.

    Raises:
        KeyError: a proof cites an id that no section has.
    """
    known = sections() if known is None else known
    above, made, _old = (before or "").partition(MADE)
    titles = {given: name for name, rows in known.items() for given in rows}
    by_section: dict[str, list[Proof]] = {name: [] for name in known}
    for proof in proofs:
        by_section[titles[proof.id]].append(proof)
    tables = (
        line
        for name, rows in known.items()
        if by_section[name] or made
        for line in (f"## {name}", "", *_table(rows, by_section[name], proofs if made else by_section[name], root), "")
    )
    head = [above + made, ""] if made else [f"# {title}", "", *_introduction(), ""]
    return "\n".join([*head, *tables]).rstrip() + "\n"


def _introduction() -> list[str]:
    return [
        "Made from a run of the tests by `make behaviours`; every word in a column is what a test shows there.",
        "",
        "* **proven**: tests that cite the behaviour pass on it.",
        "* **differs**: a test asserts what it does instead; the word is a link to it.",
        "* **not emulated**: a test asserts that it refuses, and says so; the word is a link to it.",
        "* Nothing: no test shows it there.",
    ]


def _table(rows: Mapping[str, str], proofs: Collection[Proof], columns_of: Iterable[Proof], root: str) -> Iterator[str]:
    columns = sorted({proof.implementation for proof in columns_of}, key=_place)
    yield f"| id | behaviour | {' | '.join(' '.join(column).strip() for column in columns)} | tests |"
    yield "|---" * (len(columns) + 3) + "|"
    for given, text in rows.items():
        found = [proof for proof in proofs if proof.id == given]
        cells = [_cell([proof for proof in found if proof.implementation == column], root) for column in columns]
        yield f"| {given} | {text} | {' | '.join(cells)} | {_tests(found, root)} |".replace("  ", " ")


def _place(implementation: Implementation) -> tuple[int, Implementation]:
    known = implementation.name in ORDER
    return (ORDER.index(implementation.name) if known else len(ORDER), implementation)


def _cell(proofs: Collection[Proof], root: str) -> str:
    """The word for one behaviour of one implementation. A failure is told before anything else, a difference next."""
    if any(not proof.passed for proof in proofs):
        return "**fails**"
    for verdict in ("differs", "not emulated"):
        if shown := sorted({proof for proof in proofs if proof.verdict == verdict}):
            return f"[{verdict}]({_link(shown[0], root)})"
    return "proven" if proofs else ""


def _tests(proofs: Collection[Proof], root: str) -> str:
    links = sorted({_link(proof, root) for proof in proofs if proof.verdict == "proven"})
    return " ".join(f"[{number}]({link})" for number, link in enumerate(links, start=1))


def _link(proof: Proof, root: str) -> str:
    return f"{root}{proof.path}#{proof.test}"
