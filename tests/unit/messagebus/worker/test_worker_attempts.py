"""One attempt: what surrounds it, what is told about it, and what runs after it failed."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from jararaca.core.context import Execution, current_execution, use_unit_of_work
from jararaca.core.steps import Kind, Step
from jararaca.errors import AlreadySettled
from jararaca.messagebus.messages import Message
from jararaca.messagebus.retry import RetryPolicy
from jararaca.ports.broker import Envelope

if TYPE_CHECKING:
    from tests.unit.messagebus.worker.conftest import Rig

pytestmark = pytest.mark.asyncio

LEAK: ContextVar[str] = ContextVar("leak", default="clean")


class Strict(BaseModel):
    pin: int


async def raises(message: Message[Any]) -> None:
    raise OSError("disk full")


async def returns(message: Message[Any]) -> None:
    pass


async def test_an_attempt_is_an_execution_that_its_message_caused(rig: "Rig") -> None:
    seen: list[Execution] = []

    async def looks(message: Message[Any]) -> None:
        seen.append(current_execution())

    await rig.serve(rig.controller(looks))
    await rig.publish(
        correlation_id="c-1", headers={"x-jararaca-hops": 3, "traceparent": "00-1-2-01", "causation_id": "m-0"}
    )
    await rig.publish(message_id=None)
    await rig.settle()
    caused, orphan = seen
    assert (caused.trigger.kind, caused.trigger.name) == ("delivery", "Orders.handle")
    assert (caused.correlation_id, caused.cause, caused.causation_id) == ("c-1", "m-1", "m-1")
    assert (caused.hops, caused.traceparent) == (3, "00-1-2-01")
    assert (orphan.correlation_id, orphan.cause, orphan.hops) == (orphan.id, None, 0)


async def test_what_a_handler_sets_in_its_context_no_other_attempt_sees(rig: "Rig") -> None:
    seen: list[str] = []

    async def leaks(message: Message[Any]) -> None:
        seen.append(LEAK.get())
        LEAK.set("dirty")

    await rig.serve(rig.controller(leaks))
    await rig.publish()
    await rig.settle()
    await rig.publish()
    await rig.settle()
    assert seen == ["clean", "clean"]


async def test_the_steps_of_a_delivery_tell_what_became_of_it(rig: "Rig") -> None:
    await rig.run(raises)
    common = {"handler": "Orders.handle", "message_id": "m-1", "attempt": 1, "topic": "order.placed"}
    (delivery,) = rig.facts(Kind.DELIVERY)
    assert delivery == {**common, "queue": "app.Orders.handle", "redelivered": False}
    (before,) = rig.facts(Kind.ATTEMPT, "before")
    (after,) = rig.facts(Kind.ATTEMPT)
    assert before == {**common, "message": rig.messages[0]}
    assert {**after, "exception": str(after["exception"])} == {
        **before,
        "outcome": "error",
        "error": "OSError",
        "exception": "disk full",
        "decision": None,
    }
    (settled,) = rig.facts(Kind.SETTLE)
    settling = {**common, "queue": "app.Orders.handle", "verb": "dead-letter", "reason": "error"}
    assert rig.facts(Kind.SETTLE, "before") == [settling]
    assert settled == {**settling, "stale": False}


async def test_an_observer_may_stand_in_for_a_failing_handler(rig: "Rig") -> None:
    class Crash:
        def observe(self, step: Step) -> None:
            {("attempt", "before"): _raise}.get((step.kind.value, step.phase), _nothing)()

    await rig.serve(rig.controller(returns))
    rig.application.environment.steps.add(Crash())
    await rig.publish()
    await rig.settle()
    assert rig.messages == []
    assert [facts["outcome"] for facts in rig.facts(Kind.ATTEMPT)] == ["error"]
    assert rig.settlements() == [("dead-letter", "error")]


async def test_an_observer_that_fails_at_the_settlement_leaves_the_message_to_the_broker(rig: "Rig") -> None:
    failures = iter([_raise])

    class Crash:
        def observe(self, step: Step) -> None:
            fails = (step.kind.value, step.phase) == ("settle", "before")
            (next(failures, _nothing) if fails else _nothing)()

    await rig.serve(rig.controller(returns))
    rig.application.environment.steps.add(Crash())
    await rig.publish()
    await rig.loop.advance(1)
    assert rig.settlements() == [("requeue", "failed"), ("ack", None)]
    assert [message.redelivered for message in rig.messages] == [False, True]


async def test_the_exception_handler_runs_after_the_rollback_in_a_unit_of_work_of_its_own(rig: "Rig") -> None:
    async def announce(error: Exception, message: Message[Any]) -> None:
        rig.log.append(f"announce {error} of {message.message_id}, will retry: {message.will_retry}")
        use_unit_of_work().after_commit(lambda: rig.log.append("announced"))

    await rig.run(raises, exception_handler=announce, retry=RetryPolicy(max_attempts=2))
    await rig.loop.advance(5)
    assert rig.log == [
        *["rollback", "announce disk full of m-1, will retry: True", "announced", "wait"],
        *["rollback", "announce disk full of m-1, will retry: False", "announced", "dead-letter"],
    ]


async def test_the_exception_handler_is_an_execution_that_the_failed_attempt_caused(rig: "Rig") -> None:
    """Its messages still name the one that could not be handled as theirs."""
    seen: list[Execution] = []

    async def fails(message: Message[Any]) -> None:
        seen.append(current_execution())
        raise OSError("disk full")

    def announce(error: Exception, message: Message[Any]) -> None:
        seen.append(current_execution())

    await rig.run(fails, exception_handler=announce)

    attempt, announcement = seen
    assert announcement.cause == attempt.id != announcement.id
    assert announcement.causation_id == attempt.causation_id == "m-1"
    assert announcement.correlation_id == attempt.correlation_id


async def test_an_exception_handler_may_be_a_plain_function_and_cannot_change_the_settlement(
    rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    async def change(error: Exception, message: Message[Any]) -> None:
        await message.ack()

    def plain(error: Exception, message: Message[Any]) -> Any:
        rig.log.append("plain")
        return change(error, message)

    await rig.run(raises, exception_handler=plain)
    assert rig.log == ["rollback", "plain", "dead-letter"]
    (failure,) = [record for record in caplog.records if record.getMessage() == "an exception handler failed"]
    assert failure.exc_info is not None
    assert failure.exc_info[0] is AlreadySettled


async def test_an_exception_handler_is_not_called_when_the_effects_stand(rig: "Rig") -> None:
    rig.fails["announce"] = OSError("lost")
    called: list[Exception] = []

    async def recovers(message: Message[Any]) -> None:
        rig.log.append("body")
        [rig.fails.pop("announce") for _ in range(len(rig.messages) - 1)]

    await rig.run(recovers, exception_handler=lambda error, message: called.append(error))
    await rig.clock.advance(1.0)
    assert called == []
    assert [facts["outcome"] for facts in rig.facts(Kind.ATTEMPT)] == ["published_failed", "ok"]


async def test_a_validation_error_in_a_handler_is_dead_lettered_without_the_value(rig: "Rig") -> None:
    async def validates(message: Message[Any]) -> None:
        Strict.model_validate({"pin": "secret"})

    await rig.run(validates)
    (dead,) = await rig.dead_letters()
    assert dead.headers["x-jararaca-error"] == "pin: int_parsing"


async def test_headers_of_a_stranger_cannot_keep_a_message_from_being_settled(rig: "Rig") -> None:
    hostile: dict[str, Any] = {
        "x-jararaca-attempt": {"nested": [1]},
        "x-jararaca-not-before": "tomorrow",
        "x-jararaca-key": 7,
        "x-jararaca-hops": -1,
        "x-jararaca-original": b"\xff",
    }
    await rig.serve(rig.controller(raises))
    await rig.publish(headers=hostile)
    await rig.settle()
    assert rig.settlements() == [("dead-letter", "error")]


async def test_a_message_that_is_due_later_waits_without_an_attempt(rig: "Rig") -> None:
    await rig.serve(rig.controller(returns))
    due = int(rig.clock.now().timestamp() * 1000) + 3_000
    await rig.publish(headers={"x-jararaca-not-before": due})
    await rig.settle()
    await rig.loop.advance(2.999)
    assert rig.facts(Kind.ATTEMPT) == []
    await rig.loop.advance(0.126)
    assert [(message.attempt, message.topic) for message in rig.messages] == [(1, "order.placed")]


async def test_a_copy_that_the_broker_does_not_take_sends_the_original_back_after_a_pause(rig: "Rig") -> None:
    """Without dead letters to go to, the message stays where it is, and not in a hot loop."""
    await rig.serve(rig.controller(raises))
    await rig.outside.connect()
    await rig.outside.delete_queue("app.Orders.handle.dlq")
    await rig.publish()
    await rig.loop.advance(2.5)
    assert len(rig.messages) == 3
    assert set(rig.settlements()) == {("requeue", "copy-failed")}


async def test_what_is_not_settled_by_a_lost_channel_is_a_counted_no_op(rig: "Rig") -> None:
    async def drops(message: Message[Any]) -> None:
        for broker in rig.brokers[len(rig.messages) - 1 :]:
            broker.drop()

    await rig.run(drops)
    await rig.loop.advance(10)
    assert [facts["stale"] for facts in rig.facts(Kind.SETTLE)] == [True, False]
    assert [message.redelivered for message in rig.messages] == [False, True]
    assert isinstance(rig.messages[0].envelope, Envelope)


def _raise() -> None:
    raise OSError("crash")


def _nothing() -> None:
    pass
