"""Configuration of an application from its environment, parsed when it starts and injected by token."""

import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from jararaca.core.container import Container
from jararaca.core.environment import Environment
from jararaca.core.metadata import attach, own_facts
from jararaca.core.microservice import Microservice
from jararaca.core.settings_errors import lacking, problems_of
from jararaca.core.tokens import ProviderSpec, key_of

C = TypeVar("C", bound=type)


@dataclass(frozen=True, slots=True)
class RequiredConfig:
    """Left on a class by `RequiresConfig`."""

    token: Any
    model: type[BaseModel]


def RequiresConfig(token: Any, model: type[BaseModel]) -> Callable[[C], C]:  # noqa: N802 -- read as a noun
    """Say that a controller needs `token`: a `model` filled from the environment when the application starts."""
    return lambda cls: attach(cls, RequiredConfig(token, model))


def check_settings(app: Microservice) -> None:
    """Read the settings that providers of `app` read by themselves, and throw the result away.

    These are the classes of pydantic-settings among them, and their class methods that need no argument; what other
    factories do is not tried.

    Raises:
        ConfigurationError: variables are missing or have values that do not fit; all are named, no value is shown.
    """
    problems: dict[str, None] = {}
    for provider in app.providers:
        read, settings = _reading(provider)
        try:
            read()
        except (ValidationError, SettingsError) as error:
            problems |= dict.fromkeys(problems_of(error, settings))
    if problems:
        raise lacking(app.name, tuple(problems), None)


def _reading(provider: ProviderSpec | type) -> tuple[Callable[[], Any], type[BaseSettings]]:
    """What a provider calls to get settings from the environment, if it does nothing else, and the class of them."""
    source: Any = provider.use_class or provider.use_factory if isinstance(provider, ProviderSpec) else provider
    settings = getattr(source, "__self__", source)
    if not isinstance(settings, type) or not issubclass(settings, BaseSettings):
        return _nothing, BaseSettings
    if source is not settings and (inspect.signature(source).parameters or any(kind(source) for kind in _OTHER_KINDS)):
        return _nothing, settings
    return source, settings


def _nothing() -> None: ...


_OTHER_KINDS = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)


class AppConfigurationInterceptor:
    """Fills models from environment variables and `.env`, and lets injection hand them out under their tokens.

    A field is read from the variable of its name or alias, in any case: `database_url` from `DATABASE_URL`. A variable
    wins over `.env`. A nested model is read from `OUTER__INNER`. A token that the application provides itself, or that
    a test overrides, is not read.

    Args:
        global_configs: pairs of a token and the model it stands for; those of `RequiresConfig` are added.
        env_file: where to look beside the environment; None for nowhere. A `BaseSettings` model has its own.
    """

    def __init__(
        self, global_configs: Sequence[tuple[Any, type[BaseModel]]] = (), *, env_file: str | None = ".env"
    ) -> None:
        self._configs = [RequiredConfig(token, model) for token, model in global_configs]
        self._env_file = env_file

    def providers(self, app: Microservice) -> Iterable[ProviderSpec]:
        """One provider per token; each value is parsed when it is built, at the start."""
        for config in self._wanted(app):
            yield ProviderSpec(config.token, use_factory=self._factory(config.model))

    def check(self, app: Microservice, container: Container) -> None:
        """Parse every model that is used and throw the result away.

        Raises:
            ConfigurationError: variables are missing or have values that do not fit. All of them are named at once,
                and no value is shown: it may be a secret.
        """
        declared = {key_of(getattr(provider, "provide", provider)) for provider in app.providers}
        problems: dict[str, None] = {}
        for config in self._wanted(app):
            if key_of(config.token) not in declared and not container.is_overridden(config.token):
                problems |= dict.fromkeys(self._problems(config.model))
        if problems:
            raise lacking(app.name, tuple(problems), self._env_file)

    def _wanted(self, app: Microservice) -> list[RequiredConfig]:
        classes = [base for controller in app.controllers for base in controller.__mro__]
        return [*self._configs, *(fact for each in classes for fact in own_facts(each, RequiredConfig))]

    def _factory(self, model: type[BaseModel]) -> Callable[[Environment], BaseModel]:
        def read(environment: Environment) -> BaseModel:
            values = self._read(model)
            environment.secrets.update(_secrets_of(values))
            return values

        return read

    def _read(self, model: type[BaseModel]) -> BaseModel:
        reader = self._reader(model)
        read: BaseModel = reader()
        if reader is model:
            return read
        values = {name: getattr(read, name) for name in model.model_fields}
        return model.model_construct(_fields_set=read.model_fields_set, **values)

    def _reader(self, model: type[BaseModel]) -> type[BaseSettings]:
        if issubclass(model, BaseSettings):
            return model
        config = SettingsConfigDict(env_file=self._env_file, extra="ignore", env_nested_delimiter="__")
        return types.new_class(
            model.__name__, (BaseSettings, model), exec_body=lambda body: body.update(model_config=config)
        )

    def _problems(self, model: type[BaseModel]) -> Sequence[str]:
        reader = self._reader(model)
        try:
            reader()
        except (ValidationError, SettingsError) as error:
            return problems_of(error, reader)
        return ()


def _secrets_of(model: BaseModel) -> Iterator[str]:
    for value in vars(model).values():
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, SecretBytes):
            yield value.get_secret_value().decode("utf-8", "replace")
        elif isinstance(value, BaseModel):
            yield from _secrets_of(value)
