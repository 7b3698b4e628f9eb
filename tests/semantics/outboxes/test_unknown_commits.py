"""The link to the database is lost within a commit: nobody knows what became of it, and the rows decide."""

import httpx
import pytest
from faults import rows_of
from outbox_handlers import BookedRow, Sale, SaleRow
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from jararaca_testing import Bus, Faults, RunningApplication, VirtualClock
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.virtual_only


@proves("F-54")
async def test_a_handler_whose_commit_was_not_answered_is_not_called_again(
    faults: Faults, bus: Bus, clock: VirtualClock, jararaca_app: RunningApplication
) -> None:
    """The message comes again, and the row of the inbox tells that it was committed; so do its messages."""
    bus.expect_errors(OperationalError)
    faults.fail_commit("Bookkeeper.book", unknown=True)

    await bus.publish(Sale(number=1), "sale.made")
    await clock.advance(minutes=1)

    assert [record.outcome for record in bus.handled("book")] == ["error", "duplicate"]
    async with jararaca_app.db.session() as session:
        assert list(await session.scalars(select(BookedRow.number))) == [1]
    bus.handled("hear").one()
    assert await rows_of(jararaca_app) == []


async def test_what_a_request_published_arrives_although_its_commit_was_not_answered(
    faults: Faults, http: httpx.AsyncClient, bus: Bus, clock: VirtualClock, jararaca_app: RunningApplication
) -> None:
    faults.fail_commit(unknown=True)

    with pytest.raises(OperationalError):
        await http.post("/sales/1")
    await clock.advance(minutes=1)

    async with jararaca_app.db.session() as session:
        assert list(await session.scalars(select(SaleRow.number))) == [1]
    bus.handled("hear").one()
