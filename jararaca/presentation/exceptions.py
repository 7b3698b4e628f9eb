"""What HTTP answers to the framework's own errors, unless the application answers them itself."""

import json
import logging

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from jararaca.errors import CommittedNotAnnounced, InvalidSort, LoginRefused, NotFound, ServerUnavailable

logger = logging.getLogger("jararaca.presentation")

RETRY_AFTER = "5"
"""Seconds."""


async def committed_not_announced(_request: Request, error: Exception) -> JSONResponse:
    """503, and the word that repeating the request would do the work twice."""
    logger.error(
        "committed, but not announced",
        exc_info=error,
        extra={"message_ids": getattr(error, "message_ids", ())},
    )
    return JSONResponse({"detail": "committed, but not announced", "committed": True}, status_code=503)


async def not_found(_request: Request, error: Exception) -> JSONResponse:
    """404 for an entity that is not in the database."""
    return JSONResponse({"detail": str(error)}, status_code=404)


async def invalid_sort(_request: Request, error: Exception) -> JSONResponse:
    """422 for an order that a client asked for and nobody can give."""
    return JSONResponse({"detail": str(error)}, status_code=422)


async def server_unavailable(_request: Request, error: Exception) -> JSONResponse:
    """503 when a server behind this one cannot be reached, or a connection to it is not free.

    Which one is for the log, not for the client, who is told when to come again unless that cannot help.
    """
    logger.error("a server this request needs is not available", exc_info=error)
    headers = None if isinstance(error, LoginRefused) else {"retry-after": RETRY_AFTER}
    return JSONResponse({"detail": "a server behind this one is not available"}, status_code=503, headers=headers)


async def request_invalid(request: Request, error: Exception) -> Response:
    """FastAPI's 422, also for a request that JSON cannot repeat.

    FastAPI's answer repeats what was sent. Lone surrogates, bytes that are not UTF-8 and NaN get as far as the request,
    but not into a response: then the answer says what is wrong with what, and does not show it.
    """
    assert isinstance(error, RequestValidationError)
    try:
        return await request_validation_exception_handler(request, error)
    except ValueError:
        told = [{name: each[name] for name in ("type", "loc", "msg")} for each in error.errors()]
        return Response(json.dumps({"detail": told}), status_code=422, media_type="application/json")


def add_exception_handlers(app: FastAPI) -> None:
    """Register the answers above for every error that the application does not answer itself."""
    if app.exception_handlers.get(RequestValidationError) is request_validation_exception_handler:
        app.exception_handlers[RequestValidationError] = request_invalid
    app.exception_handlers.setdefault(CommittedNotAnnounced, committed_not_announced)
    app.exception_handlers.setdefault(InvalidSort, invalid_sort)
    app.exception_handlers.setdefault(NotFound, not_found)
    app.exception_handlers.setdefault(ServerUnavailable, server_unavailable)
