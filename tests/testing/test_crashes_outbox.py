"""With outbox and inbox a process may die anywhere: nothing is lost, and no effect happens twice."""

import pytest
from outbox_handlers import BookedRow, Day, SaleRow, sales
from sqlalchemy import select

from jararaca import Microservice
from jararaca_testing import RunningApplication, crash_everywhere, explore_crashes
from jararaca_testing.contracts import proves

pytestmark = [pytest.mark.virtual_only, pytest.mark.slow]


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return sales(Day())


async def numbers(app: RunningApplication, entity: type[SaleRow] | type[BookedRow]) -> list[int]:
    async with app.db.session() as session:
        return sorted(await session.scalars(select(entity.number)))


async def every_sale_is_booked_once_and_heard_of(app: RunningApplication) -> None:
    sold = await numbers(app, SaleRow)
    assert await numbers(app, BookedRow) == sold
    heard = {record.payload.number for record in app.bus.handled("hear") if record.outcome == "ok"}
    assert heard == set(sold)


async def sell(app: RunningApplication) -> None:
    await app.db.create_all(SaleRow.metadata)
    await app.http.post("/sales/1")
    await app.http.post("/sales/2", params={"customer": "ada"})
    await app.settle()


@proves("F-7", "F-10", "F-13", "F-16")
@crash_everywhere(invariant=every_sale_is_booked_once_and_heard_of, http=1, worker=2)
async def test_nothing_is_lost_and_nothing_doubled_wherever_a_process_dies(app: RunningApplication) -> None:
    """Every boundary of the scenario, among them the one between confirm and mark."""
    await sell(app)


async def test_the_mark_of_the_relay_is_a_boundary(harness: RunningApplication) -> None:
    async def whatever(_app: RunningApplication) -> None: ...

    crashes = await explore_crashes(harness, sell, whatever, processes={"http": 1, "worker": 1}, recovery=1.0)

    points = {str(each.point) for each in crashes.tried}
    assert {"http before mark sale.made", "worker before mark sale.booked", "http before confirm sale.made"} <= points
