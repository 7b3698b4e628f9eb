"""Who may change tasks: whoever knows the token that the application is configured with."""

import hmac
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import HTTPException, Request
from pydantic import BaseModel, SecretStr

from jararaca import Token
from jararaca.presentation.middleware import HttpMiddleware


class AuthConfig(BaseModel):
    """What a bearer token is compared with."""

    token: SecretStr


AUTH_CONFIG = Token(AuthConfig, "AUTH_CONFIG")


class Authenticated(HttpMiddleware):
    """Answers 401 unless the request carries the configured bearer token."""

    def __init__(self, config: Annotated[AuthConfig, AUTH_CONFIG]) -> None:
        self._expected = f"Bearer {config.token.get_secret_value()}".encode()

    async def intercept(self, request: Request) -> AsyncIterator[None]:
        """Let the request pass, or refuse it."""
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, self._expected):
            raise HTTPException(401, "a bearer token is needed", headers={"WWW-Authenticate": "Bearer"})
        yield
