"""State machines with asynchronous rules: an application for each example, bugs that are found and made small."""

import importlib
import itertools
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from jararaca import Get, Microservice, Post, RestController, ScheduledAction
from jararaca_testing.stateful import Bundle, HarnessStateMachine, consumes, initialize, invariant, precondition, rule

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.opening", "clock", "wallclock", "target"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]


class Rack:
    def __init__(self) -> None:
        self.coats: dict[int, str] = {}


@RestController("/coats")
class Cloakroom:
    def __init__(self, rack: Rack) -> None:
        self.rack = rack

    @Post("/{name}")
    async def hang(self, name: str) -> int:
        number = max(self.rack.coats, default=0) + 1
        self.rack.coats[number] = name
        return number

    @Post("/{number}/fetch")
    async def fetch(self, number: int) -> str:
        return self.rack.coats.pop(number)

    @Get()
    async def count(self) -> int:
        return len(self.rack.coats)

    @ScheduledAction("0 3 * * *")
    async def clear(self) -> None:
        self.rack.coats.clear()


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(controllers=[Cloakroom])


class Guests(HarnessStateMachine):
    tickets = Bundle("tickets")
    hung = 0

    @initialize(target=tickets)
    async def first(self) -> tuple[int, str]:
        assert self.hung == 0
        return await self.hang_coat("first")

    async def hang_coat(self, name: str) -> tuple[int, str]:
        number = (await self.app.http.post(f"/coats/{name}")).json()
        self.hung += 1
        return number, name

    @rule(target=tickets, name=st.sampled_from(["ada", "bob"]))
    async def hang(self, name: str) -> tuple[int, str]:
        return await self.hang_coat(name)

    @rule(ticket=consumes(tickets))
    @precondition(lambda self: self.hung > 0)
    async def fetch(self, ticket: tuple[int, str]) -> None:
        number, name = ticket
        assert (await self.app.http.post(f"/coats/{number}/fetch")).json() == name
        self.hung -= 1

    @rule()
    def nothing(self) -> None:
        """A rule need not be a coroutine."""

    @invariant()
    async def no_coat_is_lost(self) -> None:
        assert (await self.app.http.get("/coats")).json() == self.hung


TestGuests = Guests.TestCase
TestGuests.settings = settings(TestGuests.settings, max_examples=5, stateful_step_count=10)


def test_a_machine_has_one_test_case() -> None:
    assert Guests.TestCase is TestGuests


def test_a_decorator_that_would_drop_the_coroutine_is_refused() -> None:
    from hypothesis import stateful

    def declare() -> None:
        class Wrong(HarnessStateMachine):
            @stateful.rule()  # type: ignore[arg-type] # that is the mistake
            async def step(self) -> None: ...

    with pytest.raises(TypeError, match=r"Wrong.step is a coroutine.*from jararaca_testing.stateful"):
        declare()


PLANTED = """
    import asyncio
    import pytest
    from hypothesis import Phase, settings, strategies as st
    from jararaca import Get, IncomingHandler, Message, MessageBusController, Microservice, Post, RestController
    from jararaca.core.context import use_clock
    from jararaca_testing.stateful import HarnessStateMachine, invariant, rule
    from storefront import Order

    class Account:
        balance = 0

    @MessageBusController()
    @RestController("/account")
    class Accounts:
        def __init__(self, account: Account) -> None:
            self.account = account

        @Post("/{amount}")
        async def pay_in(self, amount: int) -> None:
            self.account.balance += amount

        @Post("/out/{amount}")
        async def pay_out(self, amount: int) -> None:
            if amount <= self.account.balance + 1:  # the bug
                self.account.balance -= amount

        @IncomingHandler("audit")
        async def audit(self, message: Message[Order]) -> None:
            if message.payload().id > 3:
                raise ArithmeticError("too many")

    @pytest.fixture
    def jararaca_microservice():
        return Microservice(controllers=[Accounts])

    class Bank(HarnessStateMachine):
        @rule(amount=st.integers(0, 9))
        async def pay_in(self, amount):
            await self.app.http.post(f"/account/{amount}")

        @rule(amount=st.integers(0, 9))
        async def pay_out(self, amount):
            await self.app.http.post(f"/account/out/{amount}")

        @invariant()
        async def never_below_zero(self):
            assert (await self.app.environment.container.resolve(Account)).balance >= 0

    class Audit(HarnessStateMachine):
        @rule(number=st.integers(0, 9))
        async def audit(self, number):
            await self.app.bus.publish(Order(id=number), "audit")
            await self.app.settle()

    class Waiting(HarnessStateMachine):
        @rule()
        async def wait(self):
            await asyncio.Event().wait()

    TestBank, TestAudit, TestWaiting = Bank.TestCase, Audit.TestCase, Waiting.TestCase
    for case in (TestBank, TestAudit, TestWaiting):
        case.settings = settings(
            case.settings,
            database=None,
            derandomize=True,
            max_examples=20,
            phases=[Phase.generate, Phase.shrink],
            stateful_step_count=5,
        )
"""


@pytest.mark.slow
def test_a_planted_bug_is_found_and_shown_with_the_fewest_steps(run: Run) -> None:
    """Whatever finds it: an invariant, what a handler raised, or a rule that nothing can wake."""
    result = run(PLANTED)

    result.assert_outcomes(failed=3)
    text = result.stdout.str()
    assert steps_in(text, "Bank") == ["never_below_zero()", "pay_out(amount=1)", "never_below_zero()", "teardown()"]
    assert steps_in(text, "Audit") == ["audit(number=4)", "teardown()"]
    assert steps_in(text, "Waiting") == ["wait()", "teardown()"]
    result.stdout.fnmatch_lines(["E*HandlerFailed: handlers raised what this test did not expect:"])
    result.stdout.fnmatch_lines(["E*Deadlock: Nothing can ever happen*"])


def steps_in(text: str, machine: str) -> list[str]:
    _before, _found, after = text.partition(f"state = {machine}()\n")
    steps = itertools.takewhile(lambda line: "state." in line, after.splitlines())
    return [step.partition("state.")[2] for step in steps]
