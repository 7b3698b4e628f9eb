"""The hand-written part of every client: TypeScript that is included as it is."""

import re
from functools import cache
from importlib.resources import files

_DECLARED = re.compile(
    r"^(?:export )?(?:declare )?(?:abstract )?(?:async )?(?:class|interface|type|const|let|enum|function\*?) (\w+)",
    re.MULTILINE,
)


@cache
def runtime_text(name: str) -> str:
    """`http`, `websocket` or `query`: the text of that file."""
    return files("jararaca.typescript").joinpath("runtime", f"{name}.ts").read_text(encoding="utf-8").strip()


@cache
def declared_names(*names: str) -> frozenset[str]:
    """What these files declare at their top."""
    return frozenset(each for name in names for each in _DECLARED.findall(runtime_text(name)))
