"""What an operator may decide, and what cannot work."""

from datetime import timedelta
from typing import Any

import pytest

from jararaca.errors import InvalidOption
from jararaca.messagebus.config import MessageBusConfig
from jararaca_testing.contracts import proves


@proves("F-31", "F-41")
@pytest.mark.parametrize(
    ("option", "advice"),
    [
        ({"exchange": ""}, "1 to 200 bytes"),
        ({"exchange": "x" * 201}, "1 to 200 bytes"),
        ({"concurrency": 0}, "1 or more"),
        ({"prefetch": 0}, "0 would mean no limit"),
        ({"prefetch": 65_536}, "1 to 65535"),
        ({"handler_timeout": 0}, "above 0 and below 1800"),
        ({"handler_timeout": 1800}, "Split longer work"),
        ({"delivery_limit": 0}, "1 or more"),
        ({"max_message_bytes": 0}, "at least 1"),
        ({"queue_type": "stream"}, 'Use "quorum" or "classic"'),
        ({"topology": "active"}, 'Use "declare", "passive" or "verify"'),
        ({"max_hops": 0}, "or None"),
        ({"concurrency": "3"}, "Use a whole number"),
        ({"concurrency": None}, "Use a whole number"),
        ({"prefetch": 1.5}, "Use a whole number"),
        ({"max_hops": True}, "Use a whole number"),
        ({"handler_timeout": timedelta(seconds=5)}, r"Use a number; a timedelta has its seconds in total_seconds\(\)"),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_the_ones_that_can(option: dict[str, Any], advice: str) -> None:
    (name,) = option
    with pytest.raises(InvalidOption, match=rf"MessageBusConfig\({name}=.*{advice}"):
        MessageBusConfig(**option)


def test_showing_a_configuration_shows_no_url() -> None:
    assert "s3cret" not in repr(MessageBusConfig(url="amqp://user:s3cret@host/"))
