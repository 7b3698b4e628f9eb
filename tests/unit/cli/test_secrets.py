"""A canary is planted wherever a secret may stand, and then searched for in all that the process says."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from jararaca_testing.contracts import proves

pytestmark = pytest.mark.processes

CANARY = "c4n4ry-hunter2"

APP = """
import os
from fastapi import Form, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, SecretStr
from sqlalchemy import text
from jararaca import *

class Keys(BaseModel):
    gateway_key: SecretStr

class Card(BaseModel):
    number: int
    owner: str = ""

class Stored(BaseModel):
    limit: int

class Votes(BaseModel):
    votes: dict[str, int]

KEYS = Token(Keys, "KEYS")
URL = os.environ["JARARACA_BROKER_URL"].partition("?")[0]

@MessageBusController()
@RestController("/")
class C:
    def __init__(self, keys: "Annotated[Keys, KEYS]") -> None:
        self.keys = keys

    @Post("/cards")
    async def pay(self, card: Card, request: Request) -> str:
        assert request.headers["authorization"] == self.keys.gateway_key.get_secret_value()
        await use_publisher().publish(card, topic="paid", headers={"authorization": card.owner})
        return "paid"

    @Post("/invalid")
    async def invalid(self, card: Card) -> None:
        Stored.model_validate({"limit": card.owner})

    @Post("/database")
    async def database(self, card: Card) -> None:
        await use_session().execute(text("INSERT INTO missing VALUES (:owner)"), {"owner": card.owner})

    @Post("/quoted/{place}")
    async def quoted(self, card: Card, place: str, request: Request, token: str) -> None:
        given = [request.headers["authorization"], request.headers["cookie"], card.owner, token, place]
        error = LookupError(f"gateway {self.keys.gateway_key.get_secret_value()} at {URL}: {given}")
        error.add_note(f"asked with {token}")
        raise RuntimeError("no way") from error

    @Post("/streamed")
    async def streamed(self, card: Card, token: str) -> StreamingResponse:
        async def body():
            yield "begun"
            raise LookupError(f"stopped for {token}")

        return StreamingResponse(body())

    @Post("/forms")
    async def form(self, owner: Annotated[str, Form()]) -> None:
        raise LookupError(f"who is {owner}?")

    @ScheduledAction("* * * * * *", allow_overlap=True)
    async def renew(self) -> None:
        raise LookupError(f"no key {self.keys.gateway_key.get_secret_value()}")

    @IncomingHandler("paid")
    async def quote(self, message: Message[Card]) -> None:
        raise LookupError(f"no account of {message.payload().owner}, {message.headers['authorization']}")

    @Post("/votes")
    async def vote(self, votes: Votes) -> None: ...

    @IncomingHandler("paid")
    async def handle(self, message: Message[Card]) -> None:
        print("handled", self.keys, flush=True)
        Stored.model_validate({"limit": message.payload().owner})

    @IncomingHandler("paid")
    async def misread(self, message: Message[Stored]) -> None: ...

app = Microservice(
    controllers=[C],
    interceptors=[
        AppConfigurationInterceptor([(KEYS, Keys)]),
        AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///shop.db")),
    ],
)
"""


@proves("F-91")
def test_no_secret_is_in_anything_that_a_process_says(tmp_path: Path, start: Callable[..., Any]) -> None:
    """Nor in an answer, but for one that tells its own sender which field of what was sent is wrong (422)."""
    (tmp_path / "app.py").write_text(APP.replace("import os\n", "import os\nfrom typing import Annotated\n"))
    environment = {"GATEWAY_KEY": CANARY, "JARARACA_BROKER_URL": f"amqp://bob:{CANARY}@127.0.0.1:1/?key={CANARY}"}
    child = start("jararaca", "dev", "app:app", "--port", "0", environment=environment)
    url = "http" + child.until("http://").partition("http")[2].strip()
    headers = {"authorization": CANARY, "cookie": f"session={CANARY}"}

    def post(path: str, body: Any) -> httpx.Response:
        return httpx.post(f"{url}{path}?token={CANARY}", json=body, headers=headers)

    said = [
        post("/cards", {"number": 1, "owner": CANARY}),
        post("/cards", {"number": CANARY}),
        post("/invalid", {"number": 1, "owner": CANARY}),
        post("/database", {"number": 1, "owner": CANARY}),
        post("/votes", {"votes": {CANARY: "many"}}),
        post(f"/quoted/{CANARY}", {"number": 1, "owner": CANARY}),
        httpx.post(f"{url}/forms", data={"owner": CANARY}),
    ]
    with pytest.raises(httpx.RemoteProtocolError):
        post("/streamed", {"number": 1})
    child.until("a message handler failed", times=2)
    child.until("a scheduled action failed")
    child.until("a message was refused")
    child.ask(signal.SIGTERM)
    server = start("jararaca", "worker", "app:app", "--wait-for-broker", "0.2", environment=environment)

    assert (child.end(), server.end()) == (0, 3)
    assert [answer.status_code for answer in said] == [200, 422, 500, 500, 422, 500, 500]
    told = [child.output, server.output, *(answer.text for answer in said if answer.status_code != 422)]
    assert [text for text in told if CANARY in text] == []
    for words in ("gateway *** at amqp://bob:***@", "asked with ***", "stopped for ***", "who is ***?", "no key ***"):
        assert words in child.output
    assert "no account of ***, ***" in child.output
