"""Which execution code runs in, and what is said where there is none."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jararaca import Microservice, use_current_container
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.application import Application
from jararaca.core.context import (
    Execution,
    Trigger,
    current_execution,
    current_execution_or_none,
    enter,
    leave,
    use_clock,
    use_unit_of_work,
)
from jararaca.core.invocation import new_execution, unit_of_work
from jararaca.errors import NoUnitOfWork, OutsideExecution


@pytest.fixture
def application() -> Application:
    return Application(Microservice(), embedded_ports())


@pytest.fixture
def execution(application: Application) -> Iterator[Execution]:
    execution = application.execution(Trigger("manual", "test"))
    token = enter(execution)
    yield execution
    leave(token)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (use_unit_of_work, r"use_unit_of_work\(\)"),
        (use_current_container, r"use_current_container\(\)"),
        (use_clock, r"use_clock\(\)"),
        (current_execution, "this"),
    ],
)
def test_outside_of_any_execution_the_error_names_the_call(call: Callable[[], Any], name: str) -> None:
    with pytest.raises(OutsideExecution, match=f"^{name} works only while something is being handled"):
        call()


def test_outside_of_any_execution_there_is_none() -> None:
    assert current_execution_or_none() is None


def test_inside_everything_is_that_of_the_application(execution: Execution, application: Application) -> None:
    assert current_execution() is current_execution_or_none() is execution
    assert use_current_container() is application.environment.container
    assert use_clock() is application.environment.clock


def test_an_execution_without_a_transaction_says_how_to_open_one(execution: Execution) -> None:
    with pytest.raises(NoUnitOfWork, match=r"Open one: async with unit_of_work\(\)"):
        use_unit_of_work()


@pytest.mark.asyncio
async def test_a_finished_transaction_is_none(application: Application) -> None:
    token = enter(application.execution(Trigger("manual", "test")))
    async with unit_of_work() as work:
        inner = current_execution()
        assert inner.open_unit_of_work is use_unit_of_work() is work
    leave(token)

    assert inner.open_unit_of_work is None


def test_leaving_goes_back_to_what_was_current_before(execution: Execution, application: Application) -> None:
    inner = application.execution(Trigger("manual", "inner"))
    token = enter(inner)
    leave(token)

    assert current_execution() is execution


def test_an_execution_cannot_be_changed(execution: Execution) -> None:
    with pytest.raises(AttributeError):
        execution.hops = 3  # type: ignore[misc] # the mistake that is shown


def test_an_execution_is_its_own_correlation_unless_one_is_handed_on(application: Application) -> None:
    trigger = Trigger("delivery", "Billing.charge")
    own = new_execution(application.environment, trigger)
    handed_on = new_execution(
        application.environment,
        trigger,
        correlation_id="order-7",
        cause="m-1",
        causation_id="m-1",
        hops=2,
        traceparent="00-1-2-01",
    )

    assert own.correlation_id == own.id
    assert own.id != handed_on.id
    assert handed_on[3:8] == ("order-7", "m-1", "m-1", 2, "00-1-2-01")
    assert (own.scope, own.unit_of_work) == (None, None)


def test_within_a_unit_of_work_everything_else_stays(application: Application) -> None:
    from jararaca.core.unit_of_work import UnitOfWork

    outer = new_execution(application.environment, Trigger("manual", "x"), correlation_id="c", hops=1)
    scope = application.environment.container.open_scope()
    work = UnitOfWork(application.environment.steps, outer)

    inner = outer.within(work, scope)

    assert isinstance(inner, Execution)
    assert inner[:-2] == outer[:-2]
    assert (inner.scope, inner.unit_of_work) == (scope, work)
