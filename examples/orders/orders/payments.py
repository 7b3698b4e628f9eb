"""The way to whoever moves the money. Nothing else in the service knows who that is."""

from typing import Protocol

from jararaca import Token
from orders.schemas import Order


class GatewayTimeout(Exception):
    """The gateway did not answer; whether it took the money is not known, so asking again must be harmless."""


class CardRefused(Exception):
    """The gateway answered, and asking again would be answered the same."""


class PaymentGateway(Protocol):
    """Charges an order once, however often it is asked for the same one."""

    async def charge(self, order: Order) -> None:
        """Take the money.

        Raises:
            GatewayTimeout: there was no answer.
            CardRefused: it was refused.
        """
        ...


PAYMENTS = Token(PaymentGateway, "PAYMENTS")


class DemoGateway:
    """Takes every payment up to a limit, for demonstrations."""

    def __init__(self, limit: int = 1_000) -> None:
        self._limit = limit

    async def charge(self, order: Order) -> None:
        if order.amount > self._limit:
            raise CardRefused(f"more than {self._limit}")
