"""The HTTP side of a declaration, for those who want more than the defaults."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI

from jararaca.core.microservice import Microservice, described, listed
from jararaca.errors import InvalidOption

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]
"""What a factory must hand to `FastAPI(lifespan=...)`: it starts and stops the application."""


class HttpMicroservice:
    """A `Microservice` with what only its HTTP server needs.

    Args:
        app: the declaration.
        factory: makes the FastAPI object; it must pass the lifespan on, or the application never starts.
        middlewares: `HttpMiddleware` classes around every method and websocket endpoint of every controller.
        health_path: where `{health_path}/live` and `{health_path}/ready` answer; None turns both off.

    Raises:
        InvalidOption: one of these has a wrong type, or the path does not start with `/`.
    """

    def __init__(
        self,
        app: Microservice,
        factory: Callable[[Lifespan], FastAPI] | None = None,
        middlewares: Sequence[type] = (),
        *,
        health_path: str | None = "/health",
    ) -> None:
        if not isinstance(app, Microservice):
            raise InvalidOption(
                f"HttpMicroservice() takes a Microservice, and got {described(app)}. Give it the declaration."
            )
        if factory is not None and not callable(factory):
            raise InvalidOption(
                f"HttpMicroservice(factory=...) takes a function, and got {described(factory)}. Write "
                "lambda lifespan: FastAPI(lifespan=lifespan)."
            )
        if health_path is not None and not str(health_path).startswith("/"):
            raise InvalidOption(
                f"HttpMicroservice(health_path={health_path!r}): a path starts with '/'. Write '/health', or None."
            )
        self.app = app
        self.factory = factory
        self.middlewares = listed(middlewares, "HttpMicroservice(middlewares=...)")
        self.health_path = health_path
