"""What the environment says about this process, read once."""

from dataclasses import fields, replace
from typing import Annotated, Any

from pydantic import Field, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from jararaca.errors import ConfigurationError
from jararaca.messagebus.config import CONSUMER_TIMEOUT, SHORTEST_RETENTION, MessageBusConfig, QueueType, TopologyMode
from jararaca.scheduler.config import SchedulerConfig

DEFAULT_BROKER_URL = "amqp://guest:guest@localhost/"
"""Where worker and scheduler look for a broker when nobody says where it is."""


class Settings(BaseSettings):
    """The `JARARACA_*` variables. One that is not set, or empty, leaves the decision to the declaration."""

    model_config = SettingsConfigDict(env_prefix="JARARACA_", env_ignore_empty=True, extra="ignore", frozen=True)

    broker_url: SecretStr | None = None
    exchange: Annotated[str, Field(max_length=200)] | None = None
    concurrency: PositiveInt | None = None
    prefetch: Annotated[int, Field(ge=1, le=65_535)] | None = None
    handler_timeout: Annotated[float, Field(gt=0, lt=CONSUMER_TIMEOUT)] | None = None
    delivery_limit: PositiveInt | None = None
    max_message_bytes: PositiveInt | None = None
    queue_type: QueueType | None = None
    topology: TopologyMode | None = None
    max_hops: PositiveInt | None = None
    outbox_attempts: PositiveInt | None = None
    inbox_retention: Annotated[float, Field(ge=SHORTEST_RETENTION)] | None = None
    schedule_store_url: SecretStr | None = None

    def bus_config(self, declared: MessageBusConfig | None = None) -> MessageBusConfig:
        """The configuration of the message bus: what was declared, with what the environment says put over it."""
        config = declared or MessageBusConfig()
        said: dict[str, Any] = {
            field.name: getattr(self, field.name, None) for field in fields(config) if field.name != "url"
        }
        said = {name: value for name, value in said.items() if value is not None}
        if self.broker_url is not None:
            said["url"] = self.broker_url.get_secret_value()
        return replace(config, **said)

    def scheduler_config(self, declared: SchedulerConfig | None = None) -> SchedulerConfig:
        """The configuration of schedulers: what was declared, with what the environment says put over it."""
        if self.schedule_store_url is None:
            return declared or SchedulerConfig()
        return SchedulerConfig(store_url=self.schedule_store_url.get_secret_value())


def read_settings(**over: Any) -> Settings:
    """The settings of this process; keywords that are not None win over the environment.

    Raises:
        ConfigurationError: variables have values that cannot be used; all of them are named, no value is shown.
    """
    try:
        return Settings(**{name: value for name, value in over.items() if value is not None})
    except ValidationError as error:
        wrong = [f"JARARACA_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors(include_input=False)]
        raise ConfigurationError(
            "the environment cannot be used: " + "; ".join(wrong) + ". Set or unset them."
        ) from None
