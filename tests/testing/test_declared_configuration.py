"""The application under test runs with the message bus configuration that it declares."""

import pytest
from pydantic import BaseModel

from jararaca import IncomingHandler, Message, MessageBusController, Microservice, ProviderSpec
from jararaca.core.context import use_clock
from jararaca.errors import HandlerTimeout
from jararaca.messagebus.config import MessageBusConfig
from jararaca_testing import Bus, RunningApplication


class Job(BaseModel):
    seconds: int


@MessageBusController()
class Jobs:
    @IncomingHandler("job")
    async def work(self, message: Message[Job]) -> None:
        await use_clock().sleep(message.payload().seconds)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    config = MessageBusConfig(handler_timeout=5)
    return Microservice(controllers=[Jobs], providers=[ProviderSpec(MessageBusConfig, use_value=config)])


async def test_a_declared_handler_timeout_is_in_effect(bus: Bus, jararaca_app: RunningApplication) -> None:
    """A test of defaults would be green where production times out."""
    bus.expect_errors(HandlerTimeout)

    await bus.publish(Job(seconds=300), "job")
    await jararaca_app.settle()

    assert bus.dead_lettered("job").one().reason == "timeout"


@pytest.fixture
def hurried_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARARACA_HANDLER_TIMEOUT", "1")


@pytest.mark.usefixtures("hurried_machine")
async def test_what_the_environment_says_is_not(bus: Bus, jararaca_app: RunningApplication) -> None:
    """The same test must say the same on every machine."""
    await bus.publish(Job(seconds=4), "job")
    await jararaca_app.settle()

    assert bus.handled(Jobs.work).one().outcome == "ok"
