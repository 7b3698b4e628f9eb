"""Writes dead letters down as a test, which fails as long as the handler does. Pure."""

import pprint
import re
from collections.abc import Sequence

from jararaca.messagebus.copies import revived_copy
from jararaca.messagebus.dead_letters import DeadLetter

_HEAD = '''"""Dead letters of {handler}, as they came: each test fails until the handler can do with its message."""
{imports}
HANDLER = {handler!r}
'''

_IMPORTS = {"datetime.datetime(": "import datetime\n", "Decimal(": "from decimal import Decimal\n"}
"""What the values of headers need, by how they are written."""

_TEST = '''

async def test_{name}(jararaca_app, bus):
    """{told}"""
    await bus.deliver(
        HANDLER,
        {body!r},
        topic={topic!r},
        message_id={message_id!r},
        content_type={content_type!r},
        type={type!r},
        headers={headers},
    )
    await jararaca_app.settle()
    bus.handled(HANDLER).one()
    bus.dead_lettered({topic!r}).none()
'''


def as_test(handler: str, letters: Sequence[DeadLetter]) -> str:
    """The source of a pytest module with one test for each dead letter, for the project's own suite."""
    tests = "".join(_test(number, each) for number, each in enumerate(letters, 1))
    imports = "".join(line for use, line in _IMPORTS.items() if use in tests)
    return _HEAD.format(handler=handler, imports=f"\n{imports}" if imports else "") + tests


def _test(number: int, letter: DeadLetter) -> str:
    copy = revived_copy(letter.envelope, letter.topic)
    headers = {name: value for name, value in copy.headers.items() if not name.startswith("x-jararaca-original")}
    return _TEST.format(
        name=f"{number}_{_identifier(letter.message_id or 'without_id')}",
        told=_told(letter),
        body=copy.body,
        topic=letter.topic,
        message_id=letter.message_id,
        content_type=copy.content_type,
        type=copy.type,
        headers=pprint.pformat(headers, indent=4, width=100, compact=False).replace("\n", "\n        "),
    )


def _identifier(text: str) -> str:
    return re.sub(r"\W+", "_", text)[:60]


def _told(letter: DeadLetter) -> str:
    """Why it is one, in a docstring: what ends one early is taken out."""
    error = ": ".join(part for part in (letter.error_type, letter.error) if part)
    told = letter.reason if not error else f"{letter.reason}: {error}"
    return told.replace("\\", "/").replace('"', "'")
