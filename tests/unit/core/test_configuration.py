"""Configuration from the environment: what is read, what is said when it is wrong, and what is never shown."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jararaca import AppConfigurationInterceptor, Microservice, ProviderSpec, Token
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.application import Application
from jararaca.core.configuration import RequiresConfig
from jararaca.errors import ConfigurationError

SECRET = "hunter2"


class Pool(BaseModel):
    size: int = 5
    timeout: float = 1.0


class DatabaseConfig(BaseModel):
    database_url: str
    password: SecretStr = SecretStr("")
    pool: Pool = Pool()


class MailConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sender: str = Field(validation_alias="MAIL_FROM")
    retries: int = 3
    hosts: list[str] = []

    @field_validator("retries")
    @classmethod
    def _few(cls, value: int) -> int:
        if value > 10:
            raise ValueError(f"{value} are too many")
        return value

    @model_validator(mode="after")
    def _known(self) -> "MailConfig":
        if self.sender == SECRET:
            raise ValueError(f"{self.sender} is nobody")
        return self


class PrefixedConfig(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")

    currency: str


DATABASE = Token(DatabaseConfig, "DATABASE")
MAIL = Token(MailConfig, "MAIL")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PASSWORD", "POOL__SIZE", "MAIL_FROM", "RETRIES", "HOSTS", "SHOP_CURRENCY"):
        monkeypatch.delenv(name, raising=False)


def application(*configs: tuple[Any, type[BaseModel]], **declared: Any) -> Application:
    interceptor = AppConfigurationInterceptor(global_configs=configs)
    return Application(Microservice(interceptors=[interceptor], **declared), embedded_ports())


def get(app: Application, token: Any) -> Any:
    app.validate()
    return app.environment.container.get_by_token(token)


def test_fields_are_read_from_variables_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("database_url", "sqlite://")
    monkeypatch.setenv("PASSWORD", SECRET)

    found = get(application((DATABASE, DatabaseConfig)), DATABASE)

    assert found == DatabaseConfig(database_url="sqlite://", password=SecretStr(SECRET))
    assert type(found) is DatabaseConfig


def test_nested_models_are_read_with_two_underscores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite://")
    monkeypatch.setenv("POOL__SIZE", "9")

    assert get(application((DATABASE, DatabaseConfig)), DATABASE).pool == Pool(size=9)


def test_aliases_and_the_models_own_rules_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_FROM", "me@example.org")
    monkeypatch.setenv("HOSTS", '["a", "b"]')

    found = get(application((MAIL, MailConfig)), MAIL)

    assert (found.sender, found.hosts, found.model_fields_set) == ("me@example.org", ["a", "b"], {"sender", "hosts"})


def test_settings_of_pydantics_keep_their_own_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_CURRENCY", "BRL")

    assert get(application((Token(PrefixedConfig), PrefixedConfig)), PrefixedConfig).currency == "BRL"


def test_a_variable_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(f"DATABASE_URL=from the file\nPASSWORD={SECRET}\nUNRELATED=1\n")
    monkeypatch.setenv("DATABASE_URL", "from the environment")

    found = get(application((DATABASE, DatabaseConfig)), DATABASE)

    assert (found.database_url, found.password.get_secret_value()) == ("from the environment", SECRET)


def test_another_file_or_none_can_be_named() -> None:
    Path(".env").write_text("DATABASE_URL=default\n")
    Path("other.env").write_text("DATABASE_URL=other\n")

    def read(env_file: str | None) -> Any:
        interceptor = AppConfigurationInterceptor([(DATABASE, DatabaseConfig)], env_file=env_file)
        return get(Application(Microservice(interceptors=[interceptor]), embedded_ports()), DATABASE).database_url

    assert read("other.env") == "other"
    with pytest.raises(ConfigurationError, match=r"Set these variables\.$"):
        read(None)


def test_every_problem_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOL__SIZE", SECRET)

    with pytest.raises(ConfigurationError) as raised:
        application((DATABASE, DatabaseConfig), (MAIL, MailConfig), name="shop").validate()

    text = str(raised.value)
    assert text.startswith("the environment lacks what shop needs: ")
    assert "DATABASE_URL: Field required" in text
    assert "POOL__SIZE: Input should be a valid integer" in text
    assert "MAIL_FROM: Field required" in text
    assert text.endswith("Set these variables, or write them into .env.")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"MAIL_FROM": SECRET}, "MailConfig: its validator refuses the value"),
        ({"MAIL_FROM": "me", "RETRIES": "777"}, "RETRIES: its validator refuses the value"),
        ({"MAIL_FROM": "me", "HOSTS": SECRET}, "HOSTS: Input should be valid JSON"),
        ({"MAIL_FROM": "me", "RETRIES": SECRET}, "RETRIES: Input should be a valid integer"),
    ],
    ids=["model-validator", "field-validator", "not-json", "not-a-number"],
)
def test_values_are_never_shown(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as raised:
        application((MAIL, MailConfig)).validate()

    assert said in str(raised.value)
    assert SECRET not in str(raised.value)
    assert "777" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@RequiresConfig(DATABASE, DatabaseConfig)
class Base: ...


@RequiresConfig(MAIL, MailConfig)
class Derived(Base): ...


def test_what_controllers_and_their_bases_require_is_read_too() -> None:
    with pytest.raises(ConfigurationError, match=r"MAIL_FROM: Field required.*DATABASE_URL: Field required"):
        application(controllers=[Derived]).validate()


def test_what_the_application_provides_itself_is_not_read() -> None:
    mine = DatabaseConfig(database_url="mine")

    app = application((DATABASE, DatabaseConfig), providers=[ProviderSpec(DATABASE, use_value=mine)])

    assert get(app, DATABASE) is mine


def test_what_is_overridden_is_not_read_until_the_override_ends() -> None:
    app = application((DATABASE, DatabaseConfig))
    mine = DatabaseConfig(database_url="mine")

    with app.environment.container.override(DATABASE, mine):
        assert get(app, DATABASE) is mine
    with pytest.raises(ConfigurationError):
        app.validate()


@pytest.mark.asyncio
async def test_a_wrong_environment_keeps_the_application_from_starting() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        await application((DATABASE, DatabaseConfig)).start()
