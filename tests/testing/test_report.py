"""The pages that `--jararaca-report` writes."""

import importlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from jararaca_testing.records import Record
from jararaca_testing.report.details import LONGEST, pretty
from jararaca_testing.report.page import Heading, page_of
from jararaca_testing.report.story import file_name
from jararaca_testing.report.wording import Wording

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.opening", "clock", "wallclock", "comparing"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]

TESTS = """
    import pytest
    from storefront import Order

    pytestmark = pytest.mark.jararaca(allow=["unroutable"])

    @pytest.mark.parametrize("number", [1, 2])
    async def test_fails(bus, number):
        await bus.publish(Order(id=number), "order.lost")
        assert False

    async def test_passes(bus):
        await bus.publish(Order(id=3), "order.lost")

    async def test_fails_in_its_setup(bus, missing): ...

    def test_without_the_harness():
        assert False
"""

FAILED = [f"test_storefront.py-test_fails-{which}" for which in (1, 2)] + ["test_storefront.py-test_fails_in_its_setup"]

HOSTILE = "</script><img src=x onerror=alert(1)><!--"


def pages(folder: Path) -> list[str]:
    return sorted(re.sub(r"-[0-9a-f]{8}\.html$", "", path.name) for path in folder.iterdir())


def test_each_failing_test_gets_a_page(run: Run, pytester: pytest.Pytester) -> None:
    result = run(TESTS, "--jararaca-report=pages/of today")

    folder = pytester.path / "pages/of today"
    assert pages(folder) == FAILED
    result.stdout.fnmatch_lines(["page: */pages/of today/test_storefront.py-test_fails-1-????????.html"])


def test_every_test_gets_a_page_if_one_asks_for_it(run: Run, pytester: pytest.Pytester) -> None:
    run(TESTS, "--jararaca-report=pages", "--jararaca-report-for=all")

    assert pages(pytester.path / "pages") == [*FAILED, "test_storefront.py-test_passes"]
    (passed,) = (pytester.path / "pages").glob("*passes*")
    assert '<span class="verdict ok">passed</span>' in passed.read_text()


def test_without_the_option_nothing_is_written(run: Run, pytester: pytest.Pytester) -> None:
    before = {path.name for path in pytester.path.iterdir()}

    run(TESTS, "--jararaca-report-for=all")

    assert {path.name for path in pytester.path.iterdir()} - before <= {"test_storefront.py", "__pycache__"}


def test_it_may_be_asked_for_in_the_environment_or_the_ini_file(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(TESTS, "-o", "jararaca_report=from-ini")
    monkeypatch.setenv("JARARACA_TEST_REPORT", "from-environment")
    monkeypatch.setenv("JARARACA_TEST_REPORT_FOR", "all")
    run(TESTS)

    assert len(pages(pytester.path / "from-ini")) == len(FAILED)
    assert len(pages(pytester.path / "from-environment")) == len(FAILED) + 1


def test_another_word_for_which_tests_is_refused(run: Run) -> None:
    result = run(TESTS, "--jararaca-report-for=some")

    result.stderr.fnmatch_lines(["*there are no tests 'some'. Choose from: failed, all."])


def test_a_file_is_no_folder_for_pages(run: Run) -> None:
    result = run(TESTS, "--jararaca-report=tox.ini")

    result.stderr.fnmatch_lines(["*the report 'tox.ini' is a file: name a folder."])


@pytest.mark.processes
def test_workers_of_xdist_write_beside_each_other(run: Run, pytester: pytest.Pytester) -> None:
    run(TESTS, "-n2", "--jararaca-report=pages")

    assert pages(pytester.path / "pages") == FAILED


def test_the_same_test_gives_the_same_page_byte_for_byte(run: Run, pytester: pytest.Pytester) -> None:
    texts = []
    for name in ("once", "again"):
        run(TESTS, f"--jararaca-report={name}", "--jararaca-seed=1")
        texts.append([path.read_bytes() for path in sorted((pytester.path / name).iterdir())])

    assert texts[0] == texts[1]


def test_what_fails_in_the_teardown_is_on_the_page(run: Run, pytester: pytest.Pytester) -> None:
    run(
        """
    import pytest

    @pytest.fixture
    async def fragile(bus):
        yield
        raise KeyError("at the end")

    async def test_it(fragile): ...
    """,
        "--jararaca-report=pages",
    )

    (page,) = (pytester.path / "pages").iterdir()
    text = page.read_text()
    assert "failed in its teardown" in text
    assert "KeyError: &#39;at the end&#39;" in text


# -- what is on a page


class Outline(HTMLParser):
    """Tags with their attributes, as a browser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def page(*records: Record, test: str = "test_shop.py::test_it", failure: str = "") -> str:
    return page_of(Heading(test, "memory", "call", failure), records, Wording([]))


def published(**fields: Any) -> Record:
    given: dict[str, Any] = {"topic": "order.placed", "ended": 1, "until": 0.0}
    return Record(1, "publish", 0.0, **{**given, **fields})


def test_what_a_page_shows_cannot_become_markup() -> None:
    """Wherever it comes from: the test's name, its failure, topics, payloads, headers, errors, paths."""
    harmless = Outline(page(published(payload="a"), test="a::b", failure="E   c")).tags
    records = [
        published(topic=HOSTILE, payload={HOSTILE: HOSTILE}, headers={HOSTILE: HOSTILE}, handler=HOSTILE),
        Record(2, "exchange", 0.0, outcome="200", facts={"method": HOSTILE, "path": HOSTILE, "response": HOSTILE}),
        Record(3, "received", 0.0, 4, payload=HOSTILE, error=ValueError(HOSTILE), facts={"path": HOSTILE}),
        Record(4, "websocket", 0.0, facts={"path": HOSTILE}),
    ]

    text = page(*records, test=f"{HOSTILE}::{HOSTILE}", failure=f"E   {HOSTILE}")

    tags = Outline(text).tags
    assert {tag for tag, _attributes in tags} - {"h3"} <= {tag for tag, _attributes in harmless} | {"div", "span", "i"}
    assert not [name for _tag, attributes in tags for name in attributes if name.startswith("on")]
    assert text.count("<script>") == text.count("</script>") == 1
    assert "onerror=alert(1)" in text  # it is shown


def test_a_page_loads_nothing_and_forbids_every_script_but_its_own() -> None:
    text = page(published())

    tags = Outline(text).tags
    (policy,) = [each["content"] for tag, each in tags if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; base-uri 'none'; form-action 'none'",
        policy,
    )
    assert not [each for _tag, each in tags if {"src", "href", "style"} & set(each)]
    assert not re.search(r"https?://|@import|url\(", text)


def test_secrets_are_not_on_a_page() -> None:
    records = [
        published(
            payload={"user": "ada", "password": "hunter2"},
            headers={"Authorization": "Bearer hunter2"},
            error=ConnectionError("amqp://ada:hunter2@host/"),
        ),
        Record(2, "exchange", 0.0, headers={"cookie": "hunter2"}, facts={"method": "GET", "path": "/?token=hunter2"}),
        Record(3, "frame", 0.0, payload='{"api_key": "hunter2"}', outcome="broadcast"),
    ]

    text = page(*records, failure="E   password=hunter2 in it".replace("hunter2", "***"))

    assert "hunter2" not in text
    assert "ada" in text


def test_every_event_has_its_details_and_leads_to_its_cause_and_effects() -> None:
    text = page(published(payload={"id": 1}), Record(2, "frame", 0.0, 1, outcome="broadcast", ended=2, until=0.0))

    first, second = re.findall(r"<template id=.*?</template>", text, re.DOTALL)
    assert 'data-to="2"' in first
    assert "{\n  &#34;id&#34;: 1\n}" in first
    assert 'data-to="1"' in second


def test_a_payload_that_cannot_be_told_does_not_cost_the_page() -> None:
    class Odd(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError

        def __repr__(self) -> str:
            return "odd"

    assert pretty(Odd()) == "it cannot be shown: RuntimeError"


def test_of_a_long_payload_the_beginning_is_shown() -> None:
    assert pretty("x" * (LONGEST + 5)).endswith("x\n... 5 characters more")


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("tests/test_a.py::Test::test_b[x/y z]", "tests-test_a.py-Test-test_b-x-y-z-"),
        ("../../etc::passwd", "etc-passwd-"),
        ("test_a.py::test_b[\u00e9]", "test_a.py-test_b-"),
    ],
)
def test_names_of_pages_are_safe_and_tell_which_test_it_is(test: str, name: str) -> None:
    assert re.fullmatch(re.escape(name) + r"[0-9a-f]{8}\.html", file_name(test))


def test_names_of_pages_differ_where_tests_do_and_fit_every_file_system() -> None:
    tests = ["test_a[x/y]", "test_a[x-y]", "test_a[x y]", "t" * 500, "t" * 501]

    assert len({file_name(test) for test in tests}) == 5
    assert max(len(file_name(test)) for test in tests) < 150
