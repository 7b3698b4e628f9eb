"""The documents cannot promise what does not work: every code block of a page is checked when the suite runs."""

import textwrap
from pathlib import Path

import pytest

from mkdocs_hooks import on_page_markdown, page_of_tests

REPOSITORY = Path(__file__).parents[2]
WITHOUT = ["-p", "no:asyncio", "-p", "no:cacheprovider", "-p", "no:randomly"]  # nothing here is about them


@pytest.fixture
def page(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with our collector and a Makefile that knows one target."""
    pytester.makeconftest((REPOSITORY / "conftest.py").read_text(encoding="utf-8"))
    pytester.makefile("", Makefile="test:\n\ttrue\n")
    return pytester


def run(page: pytest.Pytester, text: str) -> pytest.RunResult:
    page.makefile(".md", GUIDE=textwrap.dedent(text))
    return page.runpytest_inprocess(*WITHOUT, "GUIDE.md")


def test_later_blocks_see_the_names_of_earlier_ones(page: pytest.Pytester) -> None:
    result = run(
        page,
        """
        ```python
        answer = 42
        ```

        ```python
        assert answer == 42
        ```
        """,
    )

    result.assert_outcomes(passed=1)


def test_a_failing_block_is_shown_with_the_line_of_its_page(page: pytest.Pytester) -> None:
    result = run(
        page,
        """
        Prose.

        ```python
        import operator
        operator.truediv(1, 0)
        ```
        """,
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*GUIDE.md:5: ZeroDivisionError"])


def test_a_block_may_await(page: pytest.Pytester) -> None:
    result = run(
        page,
        """
        ```python
        import asyncio
        heard = await asyncio.wait_for(asyncio.Event().wait(), 0.001)
        ```
        """,
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*TimeoutError*"])


def test_classes_of_a_page_find_their_module(page: pytest.Pytester) -> None:
    """Annotations written as strings are looked up in the module of their class, so the page has to be one."""
    result = run(
        page,
        """
        ```python
        from typing import get_type_hints
        class Basket:
            fruit: "Fruit"
        class Fruit: ...
        assert get_type_hints(Basket) == {"fruit": Fruit}
        ```
        """,
    )

    result.assert_outcomes(passed=1)


def test_a_block_with_a_file_name_can_be_imported_by_the_next(page: pytest.Pytester) -> None:
    result = run(
        page,
        """
        ```python file=shop.py
        price = 3
        ```

        ```python
        import shop
        assert shop.price == 3
        ```
        """,
    )

    result.assert_outcomes(passed=1)


def test_a_block_with_a_file_name_runs_although_nobody_imports_it(page: pytest.Pytester) -> None:
    result = run(
        page,
        """
        ```python file=shop.py
        price = cost
        ```
        """,
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NameError: name 'cost' is not defined"])


def test_two_pages_do_not_share_their_files(page: pytest.Pytester) -> None:
    block = (
        "```python file=shop.py\nprice = {price}\n```\n\n```python\nimport shop\nassert shop.price == {price}\n```\n"
    )
    page.makefile(".md", ONE=block.format(price=1), TWO=block.format(price=2))

    result = page.runpytest_inprocess(*WITHOUT, "ONE.md", "TWO.md")

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(("claim", "outcome"), [("price == 3", {"passed": 1}), ("price == 4", {"failed": 1})])
def test_a_test_block_runs_under_pytest(page: pytest.Pytester, claim: str, outcome: dict[str, int]) -> None:
    result = run(
        page,
        f"""
        ```python file=shop.py
        price = 3
        ```

        ```python test
        from shop import price
        def test_price():
            assert {claim}
        ```
        """,
    )

    result.assert_outcomes(**outcome)


@pytest.mark.parametrize(
    ("info", "code", "complaint"),
    [
        ("bash", "make cake", "*`make cake` asks for cake, which is not there.*"),
        ("bash", "FOO=1 make test && make cake", "*`make cake` asks for cake*"),
        ("bash", "jararaca sever app:app", "*asks for sever, which is not there.*"),
        ("bash", "jararaca dlq list app:app && jararaca dlq burn app:app", "*asks for burn, which is not there.*"),
        ("bash", "jararaca dlq show app:app X.y --body --port 1", "*asks for --port, which is not there.*"),
        ("bash", "jararaca \\\n  --no-such-option", "*asks for --no-such-option, which is not there.*"),
        ("bash run", "echo so it goes; exit 3", "*bash ended with 3 and said:*"),
        ("toml", "key = ", "*GUIDE.md:2: Invalid value*"),
        ("json", "{", "*GUIDE.md:2: Expecting property name*"),
        ("pyhton", "1", "*nobody knows 'pyhton'. Write one of: python, python test, bash*"),
        ("python tset", "1", "*nobody knows 'python tset'*"),
    ],
)
def test_a_block_that_cannot_work_fails_with_the_reason(
    page: pytest.Pytester, info: str, code: str, complaint: str
) -> None:
    result = run(page, f"\n```{info}\n{code}\n```\n")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([complaint])


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ("bash", "$ make test  # and see\ncurl localhost | jq .name\n"),
        ("bash", 'pip install "jararaca[all]"'),
        ("bash run", "cd . && test -z ''"),
        ("toml", "[tool]\nkey = 1"),
        ("json", '{"key": 1}'),
        ("", "as you like it"),
    ],
)
def test_a_block_that_works_passes(page: pytest.Pytester, info: str, code: str) -> None:
    run(page, f"\n```{info}\n{code}\n```\n").assert_outcomes(passed=1)


def test_a_block_without_an_end_is_a_failure(page: pytest.Pytester) -> None:
    result = run(page, "\n```python\n1\n")

    result.stdout.fnmatch_lines(["GUIDE.md:1: this block has no end. Close it with ```."])


def test_a_page_without_blocks_is_no_test(page: pytest.Pytester) -> None:
    run(page, "Only words.").assert_outcomes()


PAGES = """
    import pytest

    @pytest.mark.{marker}
    @pytest.mark.parametrize("number", range({count}))
    def test_page(number):
        pytest.skip("It is missing. Install it.")

    def test_something_else():
        pytest.skip("for a reason of its own")
"""


@pytest.mark.parametrize(
    ("options", "marker", "count", "line"),
    [
        ([], "needs_chromium", 2, "2 tests of pages skipped. It is missing. Install it."),
        (["-n", "1"], "needs_chromium", 1, "1 test of pages skipped. It is missing. Install it."),
        ([], "needs_node", 1, "1 test of TypeScript skipped. It is missing. Install it."),
    ],
    ids=["alone", "xdist", "TypeScript"],
)
def test_what_was_not_shown_has_a_line_in_the_summary(
    page: pytest.Pytester, options: list[str], marker: str, count: int, line: str
) -> None:
    page.makeini(f"[pytest]\nmarkers = {marker}: needs something")
    page.makepyfile(textwrap.dedent(PAGES.format(marker=marker, count=count)))

    result = page.runpytest_subprocess(*WITHOUT, *options)

    assert result.outlines.count(line) == 1


def test_other_skips_have_none(page: pytest.Pytester) -> None:
    page.makeini("[pytest]\nmarkers = needs_chromium: opens a page")
    page.makepyfile(textwrap.dedent(PAGES.format(marker="needs_chromium", count=0)))

    result = page.runpytest_inprocess(*WITHOUT, "-k", "something_else")

    result.stdout.no_fnmatch_line("*of pages skipped*")


def test_the_site_shows_the_file_of_a_block_and_leaves_its_language_behind_the_fence() -> None:
    """Markdown takes a fence with more than one word behind it for no fence at all."""
    page = "```python test file=shop.py\nprice = 3\n```\n\n```bash run\nls\n```\n\n```text\nso\n```\n"

    assert on_page_markdown(page) == (
        "`shop.py`:\n\n```python\nprice = 3\n```\n\n```bash\nls\n```\n\n```text\nso\n```\n"
    )


def test_the_site_leads_a_link_to_a_test_to_a_page_that_shows_it() -> None:
    link = "[1](../../tests/architecture/test_documents.py#test_two_pages_do_not_share_their_files)"

    assert (
        on_page_markdown(link)
        == "[1](tests/tests-architecture-test_documents.md#test_two_pages_do_not_share_their_files)"
    )
    shown = page_of_tests("tests/architecture/test_documents.py", ["test_two_pages_do_not_share_their_files"])
    assert "\n## test_two_pages_do_not_share_their_files\n\n```python\ndef test_two_pages" in shown


def test_a_link_to_a_test_that_is_not_there_fails_the_build() -> None:
    with pytest.raises(LookupError, match=r"test_documents\.py has no test_of_nothing\. Correct the links to it\."):
        page_of_tests("tests/architecture/test_documents.py", ["test_of_nothing"])
