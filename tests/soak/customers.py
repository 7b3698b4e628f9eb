"""The clients of a soaked application: some post orders, and one listens to what is told of them."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Set
from contextlib import suppress

import httpx
from websockets import WebSocketException
from websockets.asyncio.client import connect

PAUSE = 0.05
SILENT = 1.0
"""Seconds in which a connection that is opened has to be accepted."""


async def post(port: int, accepted: set[int], numbers: random.Random) -> None:
    """Post orders, one after the other, until cancelled; whatever fails is not accepted, and never posted again."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10.0) as client:
        while True:
            number = numbers.randrange(2**31)
            try:
                response = await client.post("/orders", json={"number": number})
            except httpx.HTTPError:
                response = None
            if response is not None and response.status_code == 201:
                accepted.add(number)
            await asyncio.sleep(PAUSE)


async def listen(port: int, frames: Counter[int]) -> None:
    """Count the frames of each order, until cancelled; a connection that is lost is opened again."""
    while True:
        with suppress(OSError, TimeoutError, WebSocketException):
            async with connect(f"ws://127.0.0.1:{port}/orders/feed", open_timeout=SILENT, proxy=None) as feed:
                async for frame in feed:
                    frames[json.loads(frame)["number"]] += 1
        await asyncio.sleep(PAUSE)


async def heard_again(known: Set[int], accepted: Set[int], frames: Mapping[int, int], within: float) -> bool:
    """Whether the listener is told of an accepted order beyond those that were known before."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if (accepted - known) & frames.keys():
            return True
        await asyncio.sleep(0.1)
    return False
