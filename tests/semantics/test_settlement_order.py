"""In which order an attempt ends: nothing is acknowledged before its effects are safe, nothing leaves before them."""

from collections.abc import Awaitable

import order_handlers as orders
import pytest
from journal import Journal
from order_handlers import Audit, GatewayDown, Order, book
from shopping import Shop, serving, until

from jararaca import IncomingHandler, Message, MessageBusController
from jararaca.core.context import use_unit_of_work
from jararaca.core.steps import Kind, Step
from jararaca_testing import Bus, RunningApplication
from jararaca_testing.contracts import proves


@MessageBusController()
class Noted:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        work = use_unit_of_work()
        work.before_commit(lambda: self.journal.note("prepare"))
        work.after_commit(lambda: self.journal.note("announced"))
        work.after_rollback(lambda: self.journal.note("undone"))
        self.journal.note("handled")


@MessageBusController()
class NotedFailure(Noted):
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await super().handle(message)
        raise GatewayDown("no answer")


class RowsAtPublish:
    """Counts, whenever something is about to be published, the rows that everybody can see."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.seen: list[list[int]] = []

    def observe(self, step: Step) -> Awaitable[None] | None:
        return self._look() if (step.kind, step.phase) == (Kind.PUBLISH, "before") else None

    async def _look(self) -> None:
        self.seen.append(await self.shop.rows())


@pytest.fixture
def journal(jararaca_app: RunningApplication) -> Journal:
    journal = jararaca_app.environment.container.get_by_type(Journal)
    jararaca_app.environment.steps.add(journal)
    return journal


@proves("F-13")
@serving(Noted, Audit)
async def test_handler_prepare_commit_confirmed_publish_and_ack_follow_each_other(shop: Shop, journal: Journal) -> None:
    await shop.place()

    assert journal.of_attempt() == [
        "attempt begins",
        "handled",
        "prepare",
        "commit begins",
        "commit",
        "publish begins",
        "publish",
        "confirm",
        "announced",
        "attempt",
        "settle begins",
        "settle",
    ]


@proves("F-13")
@serving(NotedFailure, Audit)
async def test_a_failed_attempt_is_undone_and_its_copy_confirmed_before_the_original_is_acknowledged(
    shop: Shop, journal: Journal, bus: Bus
) -> None:
    bus.expect_errors(GatewayDown)
    bus.expect_leftover("order.placed", kind="dead-letter")

    await shop.place()

    assert journal.of_attempt() == [
        "attempt begins",
        "handled",
        "rollback",
        "undone",
        "attempt",
        "settle begins",
        "copy begins",
        "copy",
        "settle",
    ]


EXITS = [
    (orders.Returns, 7),
    (orders.Acks, 7),
    (orders.LeavesItOpen, 7),
    (orders.NacksOnce, 7),
    (orders.Rejects, 7),
    (orders.RetriesOnce, 7),
    (orders.Fails, 7),
    (orders.FailsUnderPolicy, 1),
    (orders.FailsUnderPolicy, 2),
    (orders.FailsUnderPolicy, 3),
    (orders.FailsOnceAndNacks, 7),
    (orders.NeverEnds, 7),
    (orders.CannotCommit, 7),
    (orders.CannotAnnounceOnce, 7),
    (orders.DecidesAndFails, 7),
]


@proves("F-13")
@pytest.mark.parametrize(
    ("number", "exit_"),
    [
        pytest.param(number, exit_, marks=serving(exit_, Audit), id=f"{exit_.__name__}-{number}")
        for exit_, number in EXITS
    ],
)
async def test_however_an_attempt_ends_its_settlement_is_the_last_of_it(
    shop: Shop, bus: Bus, number: int, exit_: type
) -> None:
    """After the commit or the rollback, and after everything that was published for it was confirmed."""
    bus.expect_errors(Exception)
    bus.expect_leftover("order.placed", kind="dead-letter")
    await shop.place(number)
    await until(shop.app, lambda: shop.ends and shop.ends[-1][0] in ("ack", "dead-letter"))

    attempts = shop.app.ledger.of_kind(Kind.ATTEMPT)
    handled = [attempt for attempt in attempts if str(attempt.handler) == f"{exit_.__name__}.handle"]
    for attempt in handled:
        own = [record for record in shop.app.ledger if record.execution == attempt.execution]
        ends = [record.kind for record in sorted(own, key=lambda record: record.ended or record.seq)]
        assert {Kind.COMMIT, Kind.ROLLBACK} & set(ends)
        assert ends[-1] == Kind.SETTLE
        assert ends.count(Kind.SETTLE) == 1


@serving(Noted, Audit)
async def test_whoever_hears_of_an_order_finds_its_row(shop: Shop, jararaca_app: RunningApplication) -> None:
    """The row is visible to others before the first byte of the announcement leaves."""
    watcher = RowsAtPublish(shop)
    jararaca_app.environment.steps.add(watcher)

    await shop.place(7)

    assert watcher.seen == [[], [7]]
