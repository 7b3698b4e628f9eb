"""Payloads that want more than to be read."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from order_handlers import Returns
from shopping import Shop, publish_raw, serving, until

from jararaca.ports.broker import Envelope
from jararaca_testing.contracts import proves


class Planted:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.open, (str(self._path), os.O_CREAT | os.O_WRONLY)


def pickled(path: Path) -> bytes:
    return pickle.dumps(Planted(path))


def yaml(path: Path) -> bytes:
    return f"!!python/object/apply:os.mkdir ['{path}']".encode()


def code(path: Path) -> bytes:
    return f"__import__('os').mkdir({str(path)!r})".encode()


@proves("F-92")
@serving(Returns)
@pytest.mark.parametrize("attack", [pickled, yaml, code])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-python-serialize", "application/yaml"])
async def test_a_payload_that_would_run_code_is_dead_lettered_and_nothing_ran(
    shop: Shop, tmp_path: Path, attack: Callable[[Path], bytes], content_type: str
) -> None:
    """Whatever it says that it is, it is read as JSON; a type from outside only compares, and imports nothing."""
    canary = tmp_path / "ran"
    body = attack(canary)
    envelope = Envelope(body, content_type=content_type, message_id="m-1", type="posix.mkdir")

    await publish_raw(shop.app, envelope, "order.placed")
    await until(shop.app, lambda: shop.ends)

    assert shop.ends == [("dead-letter", "invalid-payload")]
    assert (await shop.dead_letter()).body == body
    assert not canary.exists()
