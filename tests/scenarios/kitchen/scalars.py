"""What JSON has as a string, a number, a boolean or null."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AnyUrl,
    BaseModel,
    ByteSize,
    EmailStr,
    Field,
    HttpUrl,
    Json,
    JsonValue,
    PositiveInt,
    SecretStr,
    StringConstraints,
)


class Scalars(BaseModel):
    """One field for each kind of scalar."""

    text: str
    whole: int
    fraction: float
    yes: bool
    nothing: None
    raw: bytes
    price: Decimal
    identity: UUID
    day: date
    moment: datetime
    clock: time
    lasting: timedelta
    file: Path
    address: IPv4Address
    network: IPv6Network
    page: HttpUrl
    anywhere: AnyUrl
    mail: EmailStr
    secret: SecretStr
    size: ByteSize
    parsed: Json[list[int]]
    positive: PositiveInt
    short: Annotated[str, StringConstraints(max_length=3, pattern="^[a-z]*$")]
    between: Annotated[int, Field(ge=1, le=9)]
    anything: Any
    json_value: JsonValue
