"""Which application these tests are about."""

import pytest

from jararaca import Microservice
from tasks.main import app


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return app
