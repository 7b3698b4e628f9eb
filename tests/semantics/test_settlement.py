"""The settlement table, row by row: what becomes of the database, of staged messages, and of the delivery."""

import order_handlers as orders
from order_handlers import Audit, GatewayDown
from shopping import Shop, serving, until

from jararaca.core.steps import Kind
from jararaca.errors import CommittedNotAnnounced, HandlerTimeout, UnroutableMessage
from jararaca_testing import Bus
from jararaca_testing.contracts import proves


@serving(orders.Returns, Audit)
async def test_a_return_commits_publishes_and_acknowledges(shop: Shop) -> None:
    await shop.place(7)

    assert (await shop.rows(), shop.announced, shop.ends) == ([7], [7], [("ack", None)])


@serving(orders.Acks, Audit)
async def test_ack_commits_publishes_and_acknowledges(shop: Shop) -> None:
    await shop.place(7)

    assert (await shop.rows(), shop.announced, shop.ends) == ([7], [7], [("ack", None)])


@serving(orders.LeavesItOpen, Audit)
async def test_an_undecided_return_without_auto_ack_is_rolled_back_and_dead_lettered(shop: Shop) -> None:
    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "unsettled")])


@serving(orders.NacksOnce, Audit)
async def test_nack_rolls_back_and_brings_the_message_back_as_the_same_attempt(shop: Shop, bus: Bus) -> None:
    await shop.place(7)

    await until(shop.app, lambda: len(shop.ends) == 2)

    assert (await shop.rows(), shop.announced) == ([7], [7])
    assert shop.ends == [("wait", "nack"), ("ack", None)]
    assert [record.attempt for record in bus.handled("handle").attempts(2)] == [1, 1]


@serving(orders.RequeuesOnce, Audit)
async def test_reject_with_requeue_is_a_nack(shop: Shop, bus: Bus) -> None:
    await shop.place(7)

    await until(shop.app, lambda: len(shop.ends) == 2)

    assert (await shop.rows(), shop.announced) == ([7], [7])
    assert shop.ends == [("wait", "nack"), ("ack", None)]


@serving(orders.Rejects, Audit)
async def test_reject_rolls_back_and_dead_letters_with_the_reason_given(shop: Shop) -> None:
    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "rejected")])
    assert (await shop.dead_letter()).headers["x-jararaca-error"] == "out of stock"


@serving(orders.NacksForGood, Audit)
async def test_nack_without_requeue_is_a_reject(shop: Shop) -> None:
    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "rejected")])


@serving(orders.RetriesOnce, Audit)
async def test_retry_rolls_back_and_brings_the_message_back_as_the_next_attempt(shop: Shop, bus: Bus) -> None:
    await shop.place(7)

    await until(shop.app, lambda: len(shop.ends) == 2)

    assert (await shop.rows(), shop.announced) == ([7], [7])
    assert shop.ends == [("wait", "retry"), ("ack", None)]
    assert [record.attempt for record in bus.handled("handle").attempts(2)] == [1, 2]


@serving(orders.FailsUnderPolicy, Audit)
async def test_an_exception_to_be_retried_is_dead_lettered_once_its_attempts_are_spent(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(GatewayDown)
    await shop.place(1)

    await until(shop.app, lambda: len(shop.ends) == 3)

    assert shop.ends == [("wait", "retry"), ("wait", "retry"), ("dead-letter", "retries-exhausted")]
    assert [record.attempt for record in bus.handled("handle").attempts(3)] == [1, 2, 3]
    assert (await shop.rows(), shop.announced) == ([], [])


@serving(orders.FailsUnderPolicy, Audit)
async def test_an_exception_that_is_not_worth_a_retry_is_dead_lettered_at_once(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(orders.CardDeclined)

    await shop.place(2)

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "error")])


@serving(orders.Fails, Audit)
async def test_an_exception_without_policy_is_dead_lettered_at_once(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(GatewayDown)

    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "error")])


@serving(orders.FailsUnderPolicy, Audit)
async def test_an_exception_to_be_ignored_rolls_back_and_acknowledges(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(orders.AlreadyPaid)

    await shop.place(3)

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("ack", "ignored")])


@serving(orders.FailsOnceAndNacks, Audit)
async def test_an_exception_under_nack_on_exception_brings_the_message_back_as_the_same_attempt(
    shop: Shop, bus: Bus
) -> None:
    bus.expect_errors(GatewayDown)
    await shop.place(7)

    await until(shop.app, lambda: len(shop.ends) == 2)

    assert (await shop.rows(), shop.announced) == ([7], [7])
    assert shop.ends == [("wait", "nack"), ("ack", None)]
    first, second = bus.handled("handle").attempts(2)
    assert (first.attempt, second.attempt) == (1, 1)
    assert second.at - first.at >= 1.0


@proves("F-29")
@serving(orders.NeverEnds, Audit)
async def test_a_timeout_cancels_the_handler_and_dead_letters(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(HandlerTimeout)

    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "timeout")])
    assert bus.failed("handle").one().outcome == "timeout"


@proves("F-11")
@serving(orders.CannotCommit, Audit)
async def test_a_commit_that_fails_counts_as_an_exception_and_nothing_leaves(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(GatewayDown)

    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "error")])
    bus.published("order.booked").none()


@serving(orders.CannotAnnounceOnce, Audit)
async def test_a_publish_that_fails_after_the_commit_requeues_and_the_commit_stands(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(CommittedNotAnnounced)
    await shop.place(7)

    await until(shop.app, lambda: len(shop.ends) == 2)

    assert shop.ends == [("requeue", "not-announced"), ("ack", None)]
    assert (await shop.rows(), shop.announced) == ([7, 7], [7, 7])
    first, second = bus.handled("handle").attempts(2)
    assert isinstance(first.error, CommittedNotAnnounced)
    assert isinstance(first.error.__cause__, UnroutableMessage)
    assert (first.attempt, second.attempt) == (1, 1)
    assert second.at - first.at >= 1.0


@serving(orders.DecidesAndFails, Audit)
async def test_an_exception_wins_over_a_decision(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(GatewayDown)

    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "error")])
    assert bus.failed().one().facts["decision"] == "ack"  # the record says what the handler had decided


@proves("F-13")
@serving(orders.AcksEarly, Audit)
async def test_an_early_ack_is_sent_before_the_commit_and_nothing_after_it(shop: Shop) -> None:
    await shop.place(7)

    assert (await shop.rows(), shop.announced, shop.ends) == ([7], [7], [("ack", "early-ack")])
    (settled,) = [record for record in shop.app.ledger.of_kind(Kind.SETTLE) if record.reason == "early-ack"]
    committed = next(record for record in shop.app.ledger.of_kind(Kind.COMMIT))
    assert settled.seq < committed.seq


@serving(orders.AcksEarlyAndFails, Audit)
async def test_a_failure_after_an_early_ack_is_rolled_back_and_the_message_is_gone(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(GatewayDown)

    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("ack", "early-ack")])
