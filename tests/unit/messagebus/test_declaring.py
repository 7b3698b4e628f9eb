"""What the broker's refusals of a declaration mean, in the words that RabbitMQ 3.10.8 was heard to use."""

import pytest

from jararaca.errors import ChannelClosed, TopologyMismatch
from jararaca.messagebus.declaring import explained
from jararaca_testing.contracts import proves


def mismatch(argument: str, said: str) -> ChannelClosed:
    return ChannelClosed(
        406, f"PRECONDITION_FAILED - inequivalent arg '{argument}' for queue 'q' in vhost '/': received {said}"
    )


@pytest.mark.parametrize(
    ("argument", "said", "server", "ours"),
    [
        ("x-delivery-limit", "'10' but current is '20'", "20", "10"),
        ("x-delivery-limit", "none but current is the value '20' of type 'byte'", "20", None),
        ("x-dead-letter-exchange", "the value '' of type 'longstr' but current is none", None, ""),
        ("x-queue-type", "'classic' but current is 'quorum'", "quorum", "classic"),
        ("durable", "'false' but current is 'true'", "true", "false"),
        ("x", "something new but current is 'a'", "a", "something new"),
    ],
)
def test_a_mismatch_is_taken_apart(argument: str, said: str, server: str | None, ours: str | None) -> None:
    error = explained(mismatch(argument, said), "queue", "q")
    assert isinstance(error, TopologyMismatch)
    assert (error.name, error.argument, error.server, error.ours) == ("q", argument, server, ours)


@proves("F-32")
def test_a_mismatch_is_explained_with_three_ways_out() -> None:
    assert str(explained(mismatch("x-delivery-limit", "'10' but current is '20'"), "queue", "q")) == (
        "the queue 'q' exists with other arguments than this application declares: x-delivery-limit is 20 on the "
        "server, and 10 here. Change the configuration back to what the server has; or drain the queue and delete it, "
        "so that it is declared anew; or use another name (name= of the handler)."
    )


def test_what_is_missing_and_may_not_be_declared_is_named() -> None:
    missing = explained(ChannelClosed(404, "NOT_FOUND - no queue 'q' in vhost '/'"), "queue", "q")
    assert isinstance(missing, TopologyMismatch)
    assert (missing.name, missing.argument) == ("q", None)
    assert 'set topology="declare"' in str(missing)


@pytest.mark.parametrize("code", [403, 405, 406])
def test_any_other_refusal_keeps_its_code_and_says_what_it_was_for(code: int) -> None:
    refusal = explained(ChannelClosed(code, "ACCESS_REFUSED - no"), "exchange", "x")
    assert isinstance(refusal, ChannelClosed)
    assert (refusal.code, "when declaring the exchange 'x'" in refusal.text) == (code, True)
