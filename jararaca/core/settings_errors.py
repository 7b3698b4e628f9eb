"""What pydantic refuses, in words that name variables and fields, and never show a value: it may be a secret.

A text is rendered anew from pydantic's template, with the parts that the model declares. A part that may come from the
value is left out, and so is a name that no model knows: keys of a dictionary are input as well.
"""

import re
import traceback
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeGuard, Union, get_args, get_origin

from pydantic import AliasChoices, AliasPath, BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticKnownError
from pydantic_settings import BaseSettings
from pydantic_settings.exceptions import SettingsError

from jararaca.core.places import place_of
from jararaca.errors import ConfigurationError, DeclarationError, InvalidProvider

Refusal = ValidationError | SettingsError

_DECLARED = frozenset(
    {
        *("class", "class_name", "field_type", "method_name", "attribute", "discriminator", "encoding"),
        *("expected", "expected_plural", "expected_schemes", "expected_tags", "expected_version", "pattern"),
        *("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length"),
        *("max_digits", "decimal_places", "whole_digits", "tz_expected"),
        "actual_length",  # how many items: nothing of what they are
    }
)
"""What templates say of the model. Everything else may be the value, or what a parser or validator says about it."""

_REFUSED = "its validator refuses the value"


def problems_of(error: Refusal, settings: type[BaseSettings]) -> list[str]:
    """One text for each problem, which begins with the variable that `settings` reads."""
    if isinstance(error, ValidationError):
        return [f"{_variable(settings, each['loc'])}: {_text(each)}" for each in _details(error)]
    field = _field_in(error)
    if field is None:
        return [f"{settings.__name__}: a source of its values cannot be read"]
    return [f"{_variable(settings, (field,))}: Input should be valid JSON"]


def lacking(who: str, problems: Sequence[str], env_file: object) -> ConfigurationError:
    """The environment does not give what `who` needs."""
    alternative = f", or write them into {env_file}" if env_file else ""
    return ConfigurationError(
        f"the environment lacks what {who} needs: {'; '.join(problems)}. Set these variables{alternative}."
    )


def refusal_of(error: Refusal, owner: str) -> DeclarationError:
    """What to raise in place of `error`, which `owner` raised while it built something."""
    model = _model_of(error)
    if model is not None and issubclass(model, BaseSettings):
        return lacking(owner, problems_of(error, model), _env_file(model))
    problems = ["a source of settings cannot be read"]
    if isinstance(error, ValidationError):
        problems = [
            f"{'.'.join([error.title, *_known(model, each['loc'])])}: {_text(each)}" for each in _details(error)
        ]
    return InvalidProvider(
        f"{owner} failed at {place_of(error)}, because pydantic refuses what it is given there: {'; '.join(problems)}. "
        "Correct that."
    )


def _env_file(model: type[BaseSettings]) -> str:
    files = model.model_config.get("env_file") or ()
    return " or ".join(map(str, files if isinstance(files, list | tuple) else [files]))


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_input=False, include_url=False)


def _field_in(error: SettingsError) -> str | None:
    """The field whose text is not what a source can parse."""
    found = re.match(r'error parsing value for field "(\w+)"', str(error))
    return found and found[1]


def _text(error: ErrorDetails) -> str:
    context = {name: value if name in _DECLARED else "..." for name, value in error.get("ctx", {}).items()}
    if error["type"] in ("value_error", "assertion_error"):
        return _REFUSED
    try:
        return PydanticKnownError(error["type"], context or None).message()  # type: ignore[arg-type] # any text may come
    except (KeyError, TypeError):  # of a validator's own making, or a number was left out
        return _REFUSED


def _model_of(error: Refusal) -> type[BaseModel] | None:
    """The model that refuses. An error only has its name, which others may share, but its traceback passes by it."""
    seen = [value for frame, _ in traceback.walk_tb(error.__traceback__) for value in frame.f_locals.values()]
    models = [each for each in (value if isinstance(value, type) else type(value) for value in seen) if _is_model(each)]
    if isinstance(error, ValidationError):
        models = [model for model in models if (model.model_config.get("title") or model.__name__) == error.title]
    return models[-1] if models else None


def _is_model(cls: type[Any]) -> TypeGuard[type[BaseModel]]:
    return issubclass(cls, BaseModel) and cls is not BaseModel and cls is not BaseSettings


def _variable(settings: type[BaseSettings], loc: Sequence[int | str]) -> str:
    """The variable that is read for a place in the settings, or their name if it is none that they know."""
    known = _known(settings, loc)
    if not known:
        return settings.__name__
    config = settings.model_config
    name, field = next((name, field) for name, field in settings.model_fields.items() if known[0] in _keys(name, field))
    delimiter = config.get("env_nested_delimiter")
    inner = known[1:]
    names = [
        f"{each}{''.join(f'{delimiter}{part}' for part in inner if delimiter)}" for each in _read(name, field, config)
    ]
    said = " or ".join(names if config.get("case_sensitive") else map(str.upper, names))
    return said if delimiter or not inner else f"{said} ({'.'.join(inner)})"


def _read(name: str, field: FieldInfo, config: Any) -> list[str]:
    """The variables that are looked at for a field, as they are written in the declaration."""
    aliases = [] if config.get("validate_by_alias") is False else _aliases(field)
    prefix, target = config.get("env_prefix") or "", config.get("env_prefix_target", "variable")
    if aliases:
        return [f"{prefix if target in ('alias', 'all') else ''}{alias}" for alias in aliases]
    return [f"{prefix if target in ('variable', 'all') else ''}{name}"]


def _known(model: type[BaseModel] | None, loc: Sequence[int | str]) -> list[str]:
    """The part of a place that models declare: fields, or aliases, from the outside in."""
    known: list[str] = []
    models = [model] if model else []
    for part in loc:
        fields = [field for each in models for name, field in each.model_fields.items() if part in _keys(name, field)]
        if fields:
            known.append(str(part))
            models = [nested for field in fields for nested in _models(field.annotation)]
        # anything else is a member of a union, or the way into something that has no fields
    return known


def _keys(name: str, field: FieldInfo) -> list[str]:
    return [name, *_aliases(field)]


def _aliases(field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [] if alias is None else [alias]
    return [str(each.path[0]) if isinstance(each, AliasPath) else each for each in choices]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a value of this type may be, and not those in a list or a dictionary."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, types.UnionType):
        for each in get_args(annotation):
            yield from _models(each)
    elif get_origin(annotation) is Annotated:
        yield from _models(get_args(annotation)[0])
