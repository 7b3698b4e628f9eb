"""What a test prints when the application under test is declared wrongly: the one line that the command line prints."""

import importlib
import re
from collections.abc import Callable

import pytest

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.opening", "clock", "wallclock", "target"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]


def said_of_the_test(result: pytest.RunResult) -> list[str]:
    """The lines that pytest prints between the name of the only test and the first section below it."""
    text = result.stdout.str().partition("ERROR at setup of")[2].partition("\n")[2]
    return [line for line in re.split(r"^[-=]{4,}", text, flags=re.MULTILINE)[0].splitlines() if line]


PARTS = """
    from jararaca import (
        IncomingHandler, MessageBusController, Microservice, RestController, ScheduledAction
    )

    class Ledger: ...

    class First:
        def __init__(self, second: "Second") -> None: ...

    class Second:
        def __init__(self, first: First) -> None: ...
"""

NEEDS_A_PROVIDER = """
    @RestController("/limits")
    class Limits:
        def __init__(self, limit: int) -> None: ...

    app = Microservice(name="limits", controllers=[Limits])
"""

GOES_IN_A_CIRCLE = """
    @RestController("/circles")
    class Circles:
        def __init__(self, first: First) -> None: ...

    app = Microservice(name="circles", controllers=[Circles])
"""

HAS_A_SIGNATURE_THAT_CANNOT_BE_CALLED = """
    @MessageBusController()
    class Billing:
        @IncomingHandler("order.placed")
        async def charge(self, message: int, when: int) -> None: ...

    app = Microservice(name="billing", controllers=[Billing])
"""

HAS_A_WRONG_CRON_EXPRESSION = """
    class Nightly:
        @ScheduledAction("0 25 * * *")
        async def run(self) -> None: ...

    app = Microservice(name="nightly", controllers=[Nightly])
"""


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        (NEEDS_A_PROVIDER, "*Limits.__init__(limit)*int*"),
        (GOES_IN_A_CIRCLE, "*First*Second*First*"),
        (HAS_A_SIGNATURE_THAT_CANNOT_BE_CALLED, "*Billing.charge*"),
        (HAS_A_WRONG_CRON_EXPRESSION, "*'0 25 * * *'*storefront.py:*"),
    ],
)
def test_what_is_declared_wrongly_is_an_error_of_one_line(
    run: Run, shop: pytest.Pytester, declaration: str, said: str
) -> None:
    """As the command line says it: how the framework came to see it helps nobody."""
    shop.makepyfile(storefront=PARTS + declaration)

    result = run("async def test_it(http): ...")

    result.assert_outcomes(errors=1)
    assert len(said_of_the_test(result)) == 1, result.stdout.str()
    pytest.LineMatcher(said_of_the_test(result)).fnmatch_lines([said])


def test_what_a_factory_of_the_project_raises_keeps_its_traceback(run: Run, shop: pytest.Pytester) -> None:
    shop.makepyfile(
        storefront=PARTS
        + """
    def opened() -> Ledger:
        raise OSError("the ledger is locked")

    @MessageBusController()
    class Billing:
        def __init__(self, ledger: Ledger) -> None: ...

    class Opens:
        from contextlib import asynccontextmanager

        @asynccontextmanager
        async def lifecycle(self, app, container):
            opened()
            yield

    app = Microservice(name="billing", controllers=[Billing], interceptors=[Opens()])
    """
    )

    result = run("async def test_it(http): ...")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*raise OSError("the ledger is locked")', "E*OSError: the ledger is locked"])
