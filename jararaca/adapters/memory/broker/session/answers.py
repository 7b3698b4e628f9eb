"""How a method of a channel that has an answer in AMQP is carried out: answered first, its consequences after."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from jararaca.adapters.memory.broker.session.lifetime import ChannelLifetime
from jararaca.errors import ChannelClosed, ConnectionClosed

P = ParamSpec("P")
Answer = TypeVar("Answer")
C = TypeVar("C", bound=ChannelLifetime)


def answered(
    class_id: int, method_id: int
) -> Callable[[Callable[Concatenate[C, P], Answer]], Callable[Concatenate[C, P], Answer]]:
    """Make a method of a channel the AMQP method with these ids."""

    def decorate(method: Callable[Concatenate[C, P], Answer]) -> Callable[Concatenate[C, P], Answer]:
        @wraps(method)
        def call(channel: C, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
            channel.begin(class_id, method_id)
            try:
                answer = method(channel, *args, **kwargs)
            except ChannelClosed as refusal:
                raise channel.refuse(refusal, class_id, method_id) from None
            except ConnectionClosed as refusal:
                raise channel.refuse_connection(refusal, class_id, method_id) from None
            except BaseException:
                channel.abandon()
                raise
            channel.finish(answer)
            return answer

        return call

    return decorate
