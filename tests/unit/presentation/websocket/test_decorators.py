"""What `@WebSocketEndpoint` refuses where it is written."""

from typing import Any

import pytest
from fastapi import WebSocket

from jararaca import WebSocketEndpoint
from jararaca.errors import InvalidOption


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("ws",), "@WebSocketEndpoint('ws'): a path starts with '/'. Write '/ws'"),
        (("",), "@WebSocketEndpoint(''): a path starts with '/'. Write '/'"),
        (("/ws{",), "@WebSocketEndpoint('/ws{'): a parameter in a path is a name in braces. Write it as '/{name}'"),
        (
            (print,),
            f"@WebSocketEndpoint({print!r}): the first argument is a path. Write the decorator with parentheses",
        ),
        (("/ws", {"nam": "x"}), "@WebSocketEndpoint('/ws') has no option 'nam'. Did you mean 'name'"),
    ],
)
def test_what_cannot_be_a_route_is_refused_with_a_way_out(arguments: tuple[Any, ...], advice: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        WebSocketEndpoint(*arguments)

    assert str(refused.value).startswith(advice)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"queue_size": 0}, "queue_size=0 must be a whole number of at least 1"),
        ({"queue_size": "8"}, "queue_size='8' must be a whole number of at least 1"),
        ({"overflow": "wait"}, "overflow='wait' must be 'close', 'drop_oldest' or 'drop_newest'"),
    ],
)
def test_an_option_that_cannot_work_is_refused_with_its_value_and_its_method(
    options: dict[str, Any], advice: str
) -> None:
    with pytest.raises(InvalidOption) as refused:

        class Feed:
            @WebSocketEndpoint("/ws", **options)
            async def listen(self, websocket: WebSocket) -> None: ...

    assert str(refused.value).startswith(f"@WebSocketEndpoint('/ws') of Feed.listen: {advice}")
