"""The hand-written part of generated clients, as its users compile and run it."""

import pytest
from nodejs import NEWEST, OLDEST, Project


@pytest.mark.parametrize("compiler", [NEWEST, OLDEST])
def test_it_is_clean_under_every_strict_option(project: Project, runtime: dict[str, str], compiler: str) -> None:
    assert project.check(runtime, compiler=compiler) == []


def test_requests_and_answers(project: Project, runtime: dict[str, str], programs: dict[str, str]) -> None:
    program = programs["http.test.ts"]
    project.build({"http.ts": runtime["http.ts"], "http.test.ts": program}, types=["node"])

    assert project.passes("http.test.js") > program.count("\ntest(")
