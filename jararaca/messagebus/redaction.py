"""What may be told of a validation that failed: where and how, never a value.

A payload is nobody's business but the handler's, whoever quotes it. Pydantic quotes what it was given in its text, and
names the keys of dictionaries in its paths; both come from outside, and neither may reach a log or a header.
"""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError

from jararaca.core.disclosure import NOTHING, Given, given_to

MOST_PROBLEMS = 20

_WORD = re.compile(r"\w+")
_MARKERS = frozenset({"key"})  # pydantic marks a key that is wrong itself as [key]


class WithoutValues(Exception):
    """Stands in for an exception in a log, because the text of that one, or of its cause, quotes its input."""


def names_in(model: Any) -> frozenset[str]:
    """Every word by which the schema of a type can name a place: fields, aliases, members of unions.

    Words that the code does not know are keys of dictionaries.
    """
    try:
        pending: list[Any] = [TypeAdapter(model).core_schema]
    except PydanticUserError:
        return _MARKERS
    words: set[str] = set(_MARKERS)
    seen: set[int] = set()
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, str):
            words.update(_WORD.findall(part))
        elif isinstance(part, type):
            words.add(part.__name__)
        elif isinstance(part, dict):
            pending += [*part.keys(), *part.values()]
        elif isinstance(part, (list, tuple)):
            pending += part
    return frozenset(words)


def paths(error: ValidationError, known: frozenset[str], *, positions: bool) -> str:
    """Where the input is wrong and how, with `*` for whatever is not `known`.

    `positions`: numbers are places in a list, as in JSON; otherwise they may be keys, and are not shown.
    """
    problems = error.errors(include_url=False, include_context=False, include_input=False)

    def shown(step: int | str) -> str:
        if isinstance(step, int):
            return str(step) if positions else "*"
        words = _WORD.findall(step)
        return step if words and known.issuperset(words) else "*"

    return "; ".join(
        f"{'.'.join(map(shown, each['loc'])) or 'payload'}: {each['type']}" for each in problems[:MOST_PROBLEMS]
    )


def paths_of_any(error: ValidationError) -> str:
    """As `paths`, for an error of unknown origin: the models of its title tell which names are no keys."""
    known = frozenset[str]().union(*(names_in(model) for model in _models_titled(error.title)))
    return paths(error, known, positions=False)


def _models_titled(title: str) -> Iterable[type[BaseModel]]:
    models = [BaseModel]
    for model in models:  # grows under the loop
        models += model.__subclasses__()
    return [model for model in models if title in (model.__name__, model.model_config.get("title"))]


def without_values(error: BaseException) -> BaseException:
    """An exception that can be logged with its traceback: itself, if nothing in it quotes an input.

    What its call was given, see `note_given`, counts as input, and so do passwords of URLs.
    """
    given = _given_to_any(error)
    return _stand_in(error, given) if any(_quotes(each, given) for each in _linked(error)) else error


def _quotes(error: BaseException, given: Given) -> bool:
    if isinstance(error, ValidationError):
        return True
    texts = [_said(error), *getattr(error, "__notes__", ())]
    return any(given.hidden_in(text) != text for text in texts)


def _given_to_any(error: BaseException) -> Given:
    """What was noted on it, or on what led to it: whoever wraps an error loses the note."""
    return next((given for given in map(given_to, _linked(error)) if given is not NOTHING), NOTHING)


def _linked(error: BaseException) -> list[BaseException]:
    """The exception, its causes and contexts, and the members of groups, each once."""
    found: list[BaseException] = [error]
    for each in found:  # grows under the loop
        near = [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
        found += [other for other in near if other is not None and not any(other is known for known in found)]
    return found


def _stand_in(error: BaseException, given: Given) -> BaseException:
    copies: dict[int, WithoutValues] = {id(each): WithoutValues(_text(each, given)) for each in _linked(error)}
    for each in _linked(error):
        copy = copies[id(each)].with_traceback(each.__traceback__)
        copy.__cause__ = copies[id(each.__cause__)] if each.__cause__ is not None else None
        copy.__context__ = copies[id(each.__context__)] if each.__context__ is not None else None
        copy.__suppress_context__ = each.__suppress_context__
    return copies[id(error)]


def _text(error: BaseException, given: Given) -> str:
    notes = [f"\n{given.hidden_in(note)}" for note in getattr(error, "__notes__", ())]
    return f"{type(error).__qualname__}: {_text_of(error, given)}{''.join(notes)}"


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 -- a __str__ of the user's; the message must be settled anyway
        return f"its text cannot be shown ({type(broken).__name__})"


def text_of(error: BaseException) -> str:
    """What an exception says, without the inputs that it, or the text of its cause within it, quotes."""
    return _text_of(error, _given_to_any(error))


def _text_of(error: BaseException, given: Given) -> str:
    if isinstance(error, ValidationError):
        return paths_of_any(error)
    text = _said(error)
    for each in _linked(error):
        if isinstance(each, ValidationError):
            for quoted in (str(each), repr(str(each))):  # KeyError shows what it is given as it would be written
                text = text.replace(quoted.strip("'\""), paths_of_any(each))
    return given.hidden_in(text)
