"""What clients send in headers is used when it is well formed, and is as if it were not there when it is not."""

import logging

import pytest
from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from jararaca import Get, Microservice, RestController, use_publisher
from jararaca.core.context import current_execution
from jararaca.presentation.execution_route import identities
from jararaca_testing import Bus

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Note(BaseModel):
    text: str


@RestController("/context")
class Context:
    @Get("/")
    async def get(self) -> list[str | None]:
        execution = current_execution()
        return [execution.correlation_id, execution.traceparent]

    @Get("/publish")
    async def publish(self) -> None:
        await use_publisher().publish(message=Note(text="x"), topic="noted")

    @Get("/failing")
    async def failing(self) -> None:
        raise ValueError("not the client's words")


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(controllers=[Context])


async def test_a_well_formed_correlation_and_trace_are_taken_over(http: AsyncClient) -> None:
    headers = {"X-Correlation-Id": "order-7", "traceparent": TRACE}

    assert (await http.get("/context", headers=headers)).json() == ["order-7", TRACE]


async def test_they_travel_with_what_is_published(http: AsyncClient, bus: Bus) -> None:
    await http.get("/context/publish", headers={"X-Correlation-Id": "order-7", "traceparent": TRACE})

    headers = bus.published("noted").one().headers
    assert (headers["correlation_id"], headers["traceparent"]) == ("order-7", TRACE)


async def test_without_them_an_execution_is_its_own_correlation(http: AsyncClient) -> None:
    first, second = [(await http.get("/context")).json() for _ in range(2)]

    assert first[0] != second[0]
    assert first[1] is None


HOSTILE = [
    b"",
    b"a" * 129,
    b"a" * 10_240,
    b"order\x00seven",
    b"order\r\nX-Admin: yes",
    b"order seven",
    b"\xff\xfe",
    "\u202eorder".encode(),
    b"\x1b[31mred",
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_hostile_correlation_is_neither_used_nor_logged(
    http: AsyncClient, caplog: pytest.LogCaptureFixture, value: bytes
) -> None:
    caplog.set_level(logging.DEBUG, "jararaca")
    response = await http.get("/context", headers=[(b"x-correlation-id", value)])
    with pytest.raises(ValueError, match="not the client's words"):
        await http.get("/context/failing", headers=[(b"x-correlation-id", value), (b"traceparent", value)])

    assert response.json()[0] != value.decode("latin-1")
    assert response.json()[0].isprintable()
    assert [record for record in caplog.records if "order" in str(record.__dict__)] == []


@pytest.mark.parametrize(
    "value",
    [
        TRACE.upper(),
        TRACE[:-1],
        f"{TRACE}-extra",
        f"ff{TRACE[2:]}",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        "x" * 10_240,
    ],
    ids=range(7),
)
async def test_a_malformed_trace_is_ignored(http: AsyncClient, value: str) -> None:
    assert (await http.get("/context", headers={"traceparent": value})).json()[1] is None


@given(st.lists(st.tuples(st.sampled_from([b"x-correlation-id", b"traceparent", b"host"]), st.binary(max_size=300))))
def test_what_is_taken_from_any_headers_is_short_and_printable(headers: list[tuple[bytes, bytes]]) -> None:
    for taken in identities({"headers": headers}):
        assert (taken or "").isascii()
        assert (taken or "").isprintable()
        assert len(taken or "") <= 128
