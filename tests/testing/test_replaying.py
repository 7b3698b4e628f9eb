"""Every random choice follows from one seed, and a test that failed says how it can be repeated."""

import gc
import importlib
import os
import random
import re
import shlex
from collections.abc import Callable

import pytest

from jararaca_testing.loop import VirtualLoop

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.opening", "clock", "wallclock", "target"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]

DRAWING = """
    import os, random, secrets, uuid
    import pytest
    from storefront import Order, Orders

    def show(name, *values):
        print("drawn", name, *values)

    @pytest.fixture
    def drawing():
        first = random.random()
        yield first
        show("teardown", random.random())

    async def test_one(jararaca_app, bus, drawing):
        show("fixture", drawing)
        show("module", random.random(), random.choice("abcdefgh"))
        show("entropy", uuid.uuid4(), secrets.token_hex(), os.urandom(4).hex(), random.SystemRandom().random())
        show("message", await bus.publish(Order(id=1), "order.placed"))
        await jararaca_app.settle()
        show("execution", bus.handled(Orders.charge).one().execution)

    async def test_two(bus):
        show("other", random.random(), uuid.uuid4(), await bus.publish(Order(id=1), "order.placed"))

    def test_plain():
        show("plain", random.random(), uuid.uuid4())
"""


def drawn_in(result: pytest.RunResult) -> dict[str, str]:
    """What a suite said that it drew, under each name."""
    return dict(re.findall(r"drawn (\w+) (.*)", result.stdout.str()))


def test_a_seed_gives_the_same_in_every_run_and_another_one_something_else(run: Run) -> None:
    """Messages, executions, `random`, and what comes from the operating system; tests of others stay random."""
    first, again, other = (drawn_in(run(DRAWING, "-s", f"--jararaca-seed={seed}")) for seed in (1, 1, 2))

    ours = {"fixture", "module", "entropy", "message", "execution", "teardown", "other"}
    assert set(first) == ours | {"plain"}
    assert {name for name in first if first[name] == again[name]} == ours
    assert {name for name in first if first[name] == other[name]} == set()


def test_what_a_test_draws_depends_neither_on_others_nor_on_their_order(run: Run) -> None:
    together, alone = (drawn_in(run(DRAWING, "-s", "--jararaca-seed=1", "-k", chosen)) for chosen in ("test", "two"))

    assert alone == {"other": together["other"]}
    assert not set(together["other"].split()) & set(" ".join([together["module"], together["entropy"]]).split())


@pytest.mark.parametrize("theirs", ["1", "2"])
def test_pytest_randomly_may_have_another_seed(shop: pytest.Pytester, run: Run, theirs: str) -> None:
    """It begins each phase of each test with a seed of its own; ours is for tests of the harness."""
    expected = drawn_in(run(DRAWING, "-s", "--jararaca-seed=1"))

    result = shop.runpytest_inprocess("-s", f"--randomly-seed={theirs}", "--jararaca-seed=1")

    found = drawn_in(result)
    result.assert_outcomes(passed=3)
    assert {name for name in found if found[name] == expected[name]} == set(found) - {"plain", "teardown"}


def test_everybody_elses_randomness_goes_on_where_it_was(run: Run) -> None:
    random.seed(5)
    expected, urandom = random.random(), os.urandom
    random.seed(5)

    run(DRAWING, "-k", "one or two", "--jararaca-seed=1").assert_outcomes(passed=2, deselected=1)

    assert random.random() == expected
    assert os.urandom is urandom


@pytest.mark.processes
def test_a_test_that_is_interrupted_leaves_nothing_behind(shop: pytest.Pytester) -> None:
    shop.makeconftest(
        """
        import os
        import pytest

        urandom = os.urandom

        @pytest.hookimpl(trylast=True)
        def pytest_unconfigure():
            print("restored:", os.urandom is urandom)
        """
    )
    shop.makepyfile("import os\nasync def test_it(http):\n    print(os.urandom)\n    raise KeyboardInterrupt")

    result = shop.runpytest_subprocess("-s", "-p", "no:cacheprovider")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*<function _entropy_from.*", "restored: True"])


def test_the_loop_of_a_test_that_is_interrupted_is_closed(shop: pytest.Pytester) -> None:
    shop.makepyfile("async def test_it(http):\n    raise KeyboardInterrupt")

    result = shop.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:randomly", no_reraise_ctrlc=True)

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert not [each for each in gc.get_objects() if isinstance(each, VirtualLoop) and not each.is_closed()]


def test_the_session_draws_a_seed_of_its_own_and_the_header_says_it(run: Run) -> None:
    def seed(*arguments: str) -> str:
        (line,) = [line for line in run("", *arguments).outlines if "--jararaca-seed" in line]
        return line

    assert seed("--jararaca-seed=17") == "jararaca: --jararaca-seed=17"
    assert re.fullmatch(r"jararaca: --jararaca-seed=\d+", seed())
    assert seed() != seed()


def test_jitter_is_off_unless_a_test_asks_for_it(run: Run) -> None:
    """The first attempt comes back after a minute; with jitter after a part of it that follows from the seed."""
    result = run(
        """
        import pytest
        from storefront import Gateway, Order, Orders

        class Broken(Gateway):
            async def charge(self, order):
                raise ConnectionError("no gateway")

        async def pause(bus, override, clock):
            override[Gateway] = Broken()
            bus.expect_errors(ConnectionError)
            await bus.publish(Order(id=1), "order.placed")
            await clock.advance(minutes=5)
            first, second, _third = bus.handled(Orders.charge)
            bus.dead_lettered("order.placed").one()
            return second.at - first.at

        async def test_exact(bus, override, clock):
            assert await pause(bus, override, clock) == 60

        @pytest.mark.jararaca(app="storefront:http_app", jitter=True)
        class TestJitter:
            @pytest.mark.jararaca(app="storefront:app")
            async def test_jitter(self, bus, override, clock):
                assert 0 < await pause(bus, override, clock) < 60

            @pytest.mark.jararaca(jitter=False)
            async def test_none(self, bus, override, clock):
                assert await pause(bus, override, clock) == 60
        """,
        "--jararaca-seed=1",
    )

    result.assert_outcomes(passed=3)


FAILING = """
    import pytest

    @pytest.mark.parametrize("text", ["it's"])
    async def test_ours(http, text):
        assert False

    def test_plain():
        assert False

    @pytest.fixture
    def broken(http):
        raise ValueError

    def test_error(broken): ...
"""


def test_a_failing_test_of_ours_says_how_to_repeat_it_and_others_do_not(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "3")

    lines = run(FAILING, "--jararaca-seed=17").outlines

    heading = "- to repeat this test -"
    following = [lines[index + 1] for index, line in enumerate(lines) if heading in line]
    assert sorted(following) == [
        """PYTHONHASHSEED=3 pytest 'test_storefront.py::test_ours[it'"'"'s]' --jararaca-seed=17""",
        "PYTHONHASHSEED=3 pytest test_storefront.py::test_error --jararaca-seed=17",
    ]


def test_the_command_has_whatever_this_run_was_told_and_the_seeds_of_others(
    shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JARARACA_TEST_PATIENCE", "5")
    monkeypatch.setenv("PYTHONHASHSEED", "random")
    (shop.path / "below").mkdir()
    (shop.path / "below" / "test_it.py").write_text("async def test_it(http):\n    assert False\n")
    monkeypatch.chdir(shop.path / "below")

    result = shop.runpytest_inprocess(
        "-p", "no:cacheprovider", "--randomly-seed=4", "--hypothesis-seed=6", "--jararaca-wall-clock=time-machine",
        "--jararaca-seed=17", "--jararaca-coverage",
    )  # fmt: skip

    result.stdout.fnmatch_lines(
        [
            "pytest test_it.py::test_it --jararaca-seed=17 --jararaca-patience=5 --jararaca-wall-clock=time-machine "
            "--randomly-seed=4 --hypothesis-seed=6",
            "*",
        ]
    )


@pytest.mark.parametrize(("seed", "times"), [("random", 1), ("3", 0)])
def test_what_the_commands_cannot_repeat_is_said_once_for_all_tests_that_failed(
    run: Run, monkeypatch: pytest.MonkeyPatch, seed: str, times: int
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", seed)

    text = run(FAILING).stdout.str()

    assert text.count("jararaca: PYTHONHASHSEED was not set, so that the order of a set of strings may be") == times


def test_where_no_test_of_ours_failed_nothing_is_said_of_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "random")

    assert "PYTHONHASHSEED" not in run("def test_it(): assert False\nasync def test_ours(http): ...").stdout.str()


def test_the_command_repeats_what_failed(run: Run, shop: pytest.Pytester) -> None:
    """One of several, without a seed of the first run's own: what it prints decides."""
    tests = """
        import random, uuid
        import pytest

        @pytest.mark.parametrize("number", range(3))
        async def test_it(http, number):
            pytest.fail(f"drew {random.random()} {uuid.uuid4()}", pytrace=False)
        """
    failed = run(tests).stdout.str()
    (command,) = re.findall(r"pytest (.*\[1\].*)", failed)

    words = shlex.split(command)
    repeated = shop.runpytest_inprocess(*words, "-p", "no:randomly", "-p", "no:cacheprovider").stdout.str()

    (drawn,) = re.findall(r"^drew (.*)$", repeated, flags=re.MULTILINE)
    assert f"drew {drawn}" in failed


@pytest.mark.processes
def test_workers_of_xdist_have_the_seed_of_the_session_and_hash_as_it_says(
    shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where xdist appends the name of a group to the id of a test."""
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    shop.makepyfile(
        test_it="""
        import random
        import pytest

        @pytest.mark.xdist_group("together")
        @pytest.mark.parametrize("number", range(2))
        async def test_it(http, number):
            pytest.fail(f"drew {random.random()} {hash('text')}", pytrace=False)
        """
    )

    arguments = ("-p", "no:randomly", "-p", "no:cacheprovider", "--jararaca-seed=4294967299")

    spread = shop.runpytest_subprocess("-n2", "--dist=loadgroup", *arguments).stdout.str()
    monkeypatch.setenv("PYTHONHASHSEED", "3")
    alone = shop.runpytest_subprocess(*arguments).stdout.str()

    drawn = [set(re.findall(r"^drew (.*)$", shown, flags=re.MULTILINE)) for shown in (spread, alone)]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 2
    assert set(re.findall(r"^.*pytest '.*$", spread, flags=re.MULTILINE)) == {
        f"PYTHONHASHSEED=3 pytest 'test_it.py::test_it[{number}]' --jararaca-seed=4294967299" for number in (0, 1)
    }


@pytest.mark.needs_servers
def test_on_servers_identities_of_messages_are_repeated_and_entropy_stays_real(run: Run) -> None:
    """What user code names after a `uuid4` must not meet there what another run has left."""
    first, again = (
        drawn_in(run(DRAWING, "-s", "-k", "two", "--jararaca-seed=1", "--jararaca-profile=services")) for _ in range(2)
    )

    (number, uuid, message), (same_number, other_uuid, same_message) = first["other"].split(), again["other"].split()
    assert (number, message) == (same_number, same_message)
    assert uuid != other_uuid
