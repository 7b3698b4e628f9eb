"""The hand-written part of every client: TypeScript that is included as it is."""

import re
from functools import cache
from importlib.resources import files

_DECLARED = re.compile(
    r"^(?:export )?(?:declare )?(?:abstract )?(?:async )?(?:class|interface|type|const|let|enum|function\*?) (\w+)",
    re.MULTILINE,
)

_IMPORTED = re.compile(r"^import (?:type )?{([^}]*)}", re.MULTILINE)


@cache
def runtime_text(name: str) -> str:
    """`http`, `websocket` or `query`: the text of that file."""
    return files("jararaca.typescript").joinpath("runtime", f"{name}.ts").read_text(encoding="utf-8").strip()


@cache
def declared_names() -> frozenset[str]:
    """What these files declare or import at their top: no declaration of an application can be called the same."""
    texts = [runtime_text(name) for name in ("http", "websocket", "query")]
    imported = [name for text in texts for clause in _IMPORTED.findall(text) for name in re.findall(r"\w+", clause)]
    return frozenset([*imported, *(each for text in texts for each in _DECLARED.findall(text))])
