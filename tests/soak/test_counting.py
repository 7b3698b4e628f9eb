"""The soak's own counts: by ids, so that nothing hides a loss, and of recoveries that no further kill makes shorter."""

from collections import Counter

from counting import Recovery, account


def test_a_dead_letter_of_an_order_that_was_handled_hides_no_other_that_is_lost() -> None:
    found = account({1, 2}, Counter({1: 1}), {"order-1"})

    assert found.lost == [("order-2", "Orders.handle")]


def test_an_order_that_was_given_up_is_not_lost() -> None:
    found = account({1, 2}, Counter({1: 1}), {"order-2"})

    assert (found.lost, found.dead, found.handled) == ([], [("order-2", "Orders.handle")], 1)


def test_an_order_whose_client_was_not_told_may_not_be_doubled_either() -> None:
    found = account({1}, Counter({1: 1, 2: 2}), set())

    assert found.doubled == [("order-2", "Orders.handle")]


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_a_recovery_lasts_from_when_the_server_is_up_to_the_next_sign_of_life() -> None:
    hand = Hand()
    recovery = Recovery(hand)
    recovery.down()
    hand.time = 8.0
    recovery.up()
    hand.time = 11.0
    recovery.gone_on()
    hand.time = 100.0

    assert recovery.longest == 3.0


def test_a_kill_in_the_middle_of_a_recovery_does_not_start_it_anew() -> None:
    hand = Hand()
    recovery = Recovery(hand)
    recovery.up()
    hand.time = 4.0
    recovery.down()
    hand.time = 20.0
    recovery.up()
    hand.time = 25.0
    recovery.gone_on()

    assert recovery.longest == 9.0


def test_a_recovery_that_does_not_end_counts() -> None:
    hand = Hand()
    recovery = Recovery(hand)
    recovery.up()
    hand.time = 30.0

    assert recovery.longest == 30.0
