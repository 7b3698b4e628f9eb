"""A test of one GET: the harness's client on the test's loop, and Starlette's TestClient, each entered per test."""

from measuring import chosen
from suites import run_suite

HARNESS = """
    from pydantic import BaseModel
    from jararaca import Get, Microservice, RestController

    class Item(BaseModel):
        id: int

    @RestController("/items")
    class Items:
        @Get("/{item_id}")
        async def get(self, item_id: int) -> Item:
            return Item(id=item_id)

    @pytest.fixture
    def jararaca_microservice():
        return Microservice(name="shop", controllers=[Items])
"""

HARNESS_TEST = """
    async def test_it(http, number):
        assert (await http.get(f"/items/{number}")).json() == {"id": number}
"""

STARLETTE = """
    from fastapi import FastAPI
    from pydantic import BaseModel
    from starlette.testclient import TestClient

    class Item(BaseModel):
        id: int

    app = FastAPI()

    @app.get("/items/{item_id}")
    async def get(item_id: int) -> Item:
        return Item(id=item_id)
"""

STARLETTE_TEST = """
    def test_it(number):
        with TestClient(app) as client:
            assert client.get(f"/items/{number}").json() == {"id": number}
"""


def harness() -> None:
    run_suite(HARNESS_TEST, header=HARNESS)


def test_client() -> None:
    run_suite(STARLETTE_TEST, header=STARLETTE)


if __name__ == "__main__":
    chosen({"harness": harness, "TestClient": test_client})()
