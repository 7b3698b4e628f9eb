"""Middlewares: classes built by injection whose `intercept` surrounds a method, wired as FastAPI dependencies.

Being dependencies, their parameters are parsed, validated and documented as a method's own.
"""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, Request, params
from starlette.requests import HTTPConnection

from jararaca.core.context import current_execution
from jararaca.errors import InvalidHandler


class HttpMiddleware:
    """Derive from this, and write `async def intercept(self, request: Request, ...)` with exactly one `yield`.

    What runs before the `yield` is part of the unit of work, and may raise, which answers instead of the method. What
    runs after it comes after the unit of work and before the first byte, and sees the method's exception at the
    `yield`: it may raise another one instead, and otherwise the exception goes on. Parameters are FastAPI's, so they
    appear in OpenAPI. Before a websocket endpoint it runs before the handshake is accepted, without a unit of work;
    there `request` is the `WebSocket`, which has headers, cookies, query and path parameters as a request has.
    """

    intercept: Callable[..., AsyncIterator[None]]


def middleware_dependency(middleware: Any) -> params.Depends:
    """The FastAPI dependency that runs `middleware` around whatever depends on it.

    Raises:
        InvalidHandler: it is not a class, or `intercept` is missing or not an async generator method.
    """
    intercept = getattr(middleware, "intercept", None)
    if not isinstance(middleware, type) or not inspect.isasyncgenfunction(intercept):
        name = middleware.__qualname__ if isinstance(middleware, type) else repr(middleware)
        raise InvalidHandler(
            f"{name} is used as a middleware, but is not a class with `async def intercept(self, ...)` and one `yield` "
            "in it. Write one that yields where the method should run, and name the class: injection builds it."
        )

    async def intercepted(*args: Any, **kwargs: Any) -> AsyncIterator[None]:
        instance = await resolve_here(middleware)
        failure: BaseException | None = None
        async with asynccontextmanager(instance.intercept)(*args, **kwargs):
            try:
                yield
            except BaseException as error:
                failure = error
                raise
        if failure is not None:  # swallowed; but nothing was answered, so it must go on
            raise failure

    intercepted.__name__ = middleware.__name__
    intercepted.__signature__ = _for_any_connection(intercept)  # type: ignore[attr-defined] # functions take attributes
    intercepted.__wrapped__ = intercept  # type: ignore[attr-defined] # where FastAPI looks names of annotations up
    dependency: params.Depends = Depends(intercepted, scope="function")
    return dependency


async def resolve_here(key: type) -> Any:
    """Build or find `key` in the unit of work at hand, or in the application where there is none."""
    execution = current_execution("a middleware")
    if execution.scope is not None:
        return await execution.scope.resolve(key)
    return await execution.environment.container.resolve(key)


def without_self(method: Callable[..., Any]) -> inspect.Signature:
    """The signature of a method as its callers see it."""
    signature = inspect.signature(method)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def _for_any_connection(intercept: Callable[..., Any]) -> inspect.Signature:
    """The signature in which `Request` also stands for a websocket: FastAPI hands out either as `HTTPConnection`."""
    signature = without_self(intercept)
    names = inspect.unwrap(intercept).__globals__

    def widened(parameter: inspect.Parameter) -> inspect.Parameter:
        said = parameter.annotation
        meant = names.get(said) if isinstance(said, str) else said
        return parameter.replace(annotation=HTTPConnection) if meant is Request else parameter

    return signature.replace(parameters=[widened(parameter) for parameter in signature.parameters.values()])
