"""Who declares what, and which queues a message comes to."""

import pytest
from order_handlers import GatewayDown, Order
from processes import System
from script import Desk, PatientDesk, Script, Scripted, raising
from shopping import connection_of, ends, lose_once_confirmed, ready, serving, take_all, until

from jararaca import IncomingHandler, Message, MessageBusController, Microservice, ProviderSpec
from jararaca.core.steps import Kind
from jararaca.errors import TopologyMismatch, UnroutableMessage
from jararaca.ports.broker import Envelope
from jararaca_testing import Bus, RunningApplication
from jararaca_testing.contracts import proves


@MessageBusController()
class Patterns(Scripted):
    @IncomingHandler("order.placed")
    async def exact(self, message: Message[Order]) -> None: ...

    @IncomingHandler("order.*")
    async def one_word(self, message: Message[Order]) -> None: ...

    @IncomingHandler("order.#")
    async def any_words(self, message: Message[Order]) -> None: ...

    @IncomingHandler("#.placed.*")
    async def in_the_middle(self, message: Message[Order]) -> None: ...


@MessageBusController()
class Mail(Scripted):
    @IncomingHandler("order.placed")
    async def send(self, message: Message[Order]) -> None:
        await self.script.run(message)


@serving(Desk)
async def test_what_is_published_before_the_first_worker_runs_waits_for_it(system: System, script: Script) -> None:
    server = await system.start(working=False)
    await server.publish(Order(number=1), "order.placed")
    await until(system, lambda: True)
    assert (script.numbers, await ready(system, "Desk.handle")) == ([], 1)

    await system.start()
    await until(system, lambda: ends(system))

    assert (script.numbers, ends(system)) == ([1], [("ack", None)])


@serving(Desk, Mail)
async def test_each_handler_gets_a_copy_of_its_own(bus: Bus, jararaca_app: RunningApplication, script: Script) -> None:
    await bus.publish(Order(number=1), "order.placed")
    await jararaca_app.settle()

    assert script.numbers == [1, 1]
    assert {record.handler for record in bus.handled()} == {"Desk.handle", "Mail.send"}


@serving(Desk)
async def test_replicas_compete(system: System, script: Script) -> None:
    first, second = await system.start(), await system.start()
    for number in range(20):
        await first.publish(Order(number=number), "order.placed")

    await until(system, lambda: len(ends(system)) == 20)

    assert sorted(script.numbers) == list(range(20))
    workers = {str(record.execution).split("-")[0] for record in system.ledger.of_kind(Kind.ATTEMPT)}
    assert workers == {first.environment.instance, second.environment.instance}


@serving(Desk)
async def test_applications_meet_on_the_shared_exchange(system: System, script: Script) -> None:
    """Each has queues of its own, and hears what the others publish."""
    post = Microservice(name="post", providers=[ProviderSpec(Script, use_value=script)], controllers=[Mail])
    shop = await system.start()
    await system.start(declaration=post)

    await shop.publish(Order(number=1), "order.placed")
    await until(system, lambda: len(system.ledger.of_kind(Kind.SETTLE)) == 2)

    assert script.numbers == [1, 1]


@serving(Patterns)
@pytest.mark.parametrize(
    ("topic", "methods"),
    [
        ("order.placed", {"exact", "one_word", "any_words"}),
        ("order.paid", {"one_word", "any_words"}),
        ("order.eu.paid", {"any_words"}),
        ("order", {"any_words"}),
        ("order.placed.eu", {"any_words", "in_the_middle"}),
        ("placed.eu", {"in_the_middle"}),
        ("invoice.paid", set()),
    ],
)
async def test_a_topic_comes_to_every_pattern_that_matches_it(
    bus: Bus, jararaca_app: RunningApplication, topic: str, methods: set[str]
) -> None:
    bus.expect_leftover("invoice.paid", kind="unroutable")

    await bus.publish(Order(number=1), topic)
    await jararaca_app.settle()

    assert {str(record.handler).removeprefix("Patterns.") for record in bus.handled()} == methods


@proves("F-33")
@serving(Desk)
async def test_a_message_that_no_queue_takes_is_counted_and_logged_once_per_topic(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    await bus.publish(Order(number=1), "order.lost")
    await bus.publish(Order(number=2), "order.lost")

    assert [record.payload.number for record in bus.unroutable("order.lost")] == [1, 2]
    logged = [record for record in caplog.records if "no queue took" in record.message]
    assert [vars(record)["topic"] for record in logged] == ["order.lost"]


@proves("F-33")
@serving(Desk)
async def test_mandatory_raises_and_names_the_nearest_topic(bus: Bus) -> None:
    with pytest.raises(UnroutableMessage, match=r"'order\.place' .*nearest topic .* is 'order\.placed'") as caught:
        await bus.publish(Order(number=1), "order.place", mandatory=True)

    assert (caught.value.topic, caught.value.exchange.rpartition(".")[2]) == ("order.place", "events")
    bus.unroutable("order.place").one()


@proves("F-39")
@serving(PatientDesk)
@pytest.mark.parametrize("queue_type", ["quorum", "classic"])
async def test_messages_are_retried_and_dead_lettered_on_queues_of_both_types(
    system: System, script: Script, queue_type: str
) -> None:
    process = await system.start(queue_type=queue_type)
    script.body = raising(GatewayDown("no answer"))

    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: len(ends(system)) == 4)

    assert ends(system) == [("wait", "retry")] * 3 + [("dead-letter", "retries-exhausted")]
    assert len(await take_all(system, "PatientDesk.handle.dlq")) == 1


@proves("F-20")
@serving(Desk)
async def test_a_message_that_kills_its_workers_connection_ends_in_the_dead_letters(
    system: System, script: Script
) -> None:
    async def kill(_message: Message[Order]) -> None:
        await lose_once_confirmed(system)

    process = await system.start(delivery_limit=3)
    script.body = kill
    await process.publish(Order(number=1), "order.placed")

    await until(system, lambda: len(script.messages) == 4)
    await until(system, lambda: connection_of(system).ready)

    (letter,) = await take_all(system, "Desk.handle.dlq")
    assert letter.headers["x-death"][0]["reason"] == "delivery_limit"
    assert [message.redelivered for message in script.messages] == [False, True, True, True]
    assert [message.attempt for message in script.messages] == [1, 1, 1, 1]


DIFFERS = """\
the broker has other arguments than this application declares, and nothing was started:

                              argument          server   ours
  queue app.Desk.handle.dlq  x-queue-type      classic  quorum
  queue app.Desk.handle      x-overflow        not set  reject-publish
  queue app.Desk.handle      x-queue-type      classic  quorum

There are three ways out:
  1. Go back to what the server has: JARARACA_QUEUE_TYPE=classic.
  2. Let consumers drain it, delete it, and start again, which declares it anew: rabbitmqctl delete_queue \
app.Desk.handle.dlq; rabbitmqctl delete_queue app.Desk.handle.
  3. Take another name, and leave this one behind: name= of the handler."""


@proves("F-32")
@serving(Desk)
@pytest.mark.parametrize("topology", ["declare", "verify"])
async def test_queues_that_exist_with_other_arguments_stop_the_start_and_are_explained(
    system: System, topology: str
) -> None:
    await system.start(working=False, queue_type="classic")
    namespace = system.environment.ports.namespace

    with pytest.raises(TopologyMismatch) as caught:
        await system.start(working=False, queue_type="quorum", topology=topology)

    said = str(caught.value).replace(namespace, "").partition("\n\nthe exchange")[0]  # which may be missing as well
    assert " ".join(said.split()) == " ".join(DIFFERS.split())


@proves("F-32")
@serving(Desk)
async def test_a_process_that_verifies_starts_on_what_another_one_declared(system: System, script: Script) -> None:
    await system.start(working=False)
    connection = connection_of(system)
    with pytest.raises(TopologyMismatch) as caught:
        await system.start(topology="verify")  # nobody has declared the wait
    assert {kind for kind, _ in caught.value.missing} == {"exchange", "queue"}

    await connection.send_to_wait(Envelope(b""), "nobody", 0.125)
    process = await system.start(topology="verify")
    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: ends(system))

    assert script.numbers == [1]


@serving(Desk)
async def test_a_passive_process_declares_nothing_and_says_what_is_missing(system: System) -> None:
    with pytest.raises(TopologyMismatch, match="do not exist on the broker"):
        await system.start(working=False, topology="passive")


@serving(PatientDesk)
async def test_a_passive_process_needs_the_waits_of_its_retries_and_then_retries(
    system: System, script: Script
) -> None:
    """It may not declare them at the first failure, so it must find them at its start."""
    owner = await system.start(working=False)
    connection = connection_of(system)
    with pytest.raises(TopologyMismatch, match=r"wait\.4000' do not exist on the broker"):
        await system.start(topology="passive")

    for seconds in (0.125, 0.25, 0.5, 1.0, 2.0, 4.0):
        await connection.send_to_wait(Envelope(b""), "nobody", seconds)
    await system.start(topology="passive")
    script.body = raising(GatewayDown("no answer"))
    await owner.publish(Order(number=1), "order.placed")
    await until(system, lambda: len(ends(system)) == 4)

    assert ends(system) == [("wait", "retry")] * 3 + [("dead-letter", "retries-exhausted")]


@proves("F-4")
@serving(Desk)
async def test_a_queue_deleted_under_its_consumer_is_declared_and_consumed_again(
    system: System, script: Script
) -> None:
    process = await system.start()
    connection = connection_of(system)
    await connection.broker.delete_queue(connection.names.queue("Desk.handle"))

    await system.clock.advance(5.0)
    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: ends(system))

    assert script.numbers == [1]


@proves("F-4")
@pytest.mark.parametrize("topology", ["passive", "verify"])
@serving(Desk)
async def test_a_queue_that_its_worker_may_not_declare_is_looked_for_until_somebody_does(
    system: System, script: Script, caplog: pytest.LogCaptureFixture, topology: str
) -> None:
    """Meanwhile the worker is not ready, and says what is missing. Had it ended, who declares the queue
    would have to start it, too."""
    owner = await system.start(working=False)
    declaring = connection_of(system)
    await declaring.send_to_wait(Envelope(b""), "nobody", 0.125)
    process = await system.start(topology=topology)
    queue = declaring.names.queue("Desk.handle")
    await declaring.broker.delete_queue(queue)
    await until(system, lambda: told_missing(caplog, queue))
    assert process.worker is not None
    assert not process.worker.ready

    await declaring.declare()
    await owner.publish(Order(number=1), "order.placed")
    await until(system, lambda: ends(system))

    assert script.numbers == [1]
    assert process.worker.ready


def told_missing(caplog: pytest.LogCaptureFixture, queue: str) -> bool:
    """Whether somebody said that there is no such queue."""
    said = [vars(each)["error"] for each in caplog.records if each.message == "the topology cannot be declared"]
    return any(f"queue {queue} does not exist" in error for error in said)


@proves("F-36")
@serving(Desk)
async def test_a_dead_letter_whose_queue_was_deleted_stays_until_there_is_one_again(
    system: System, script: Script
) -> None:
    process = await system.start()
    connection = connection_of(system)
    await connection.broker.delete_queue(connection.names.queue("Desk.handle.dlq"))
    script.body = raising(GatewayDown("no answer"))
    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: ends(system))
    assert set(ends(system)) == {("requeue", "copy-failed")}

    await connection.declare()
    await until(system, lambda: ("dead-letter", "error") in ends(system))

    assert len(await take_all(system, "Desk.handle.dlq")) == 1
