"""The example of dependency injection that opens the documentation."""

import pytest
from pydantic import BaseModel

from jararaca.core.container import Container
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec, Token


class AuthConfig(BaseModel):
    secret: str
    identity_refresh_token_expires_delta_seconds: int
    identity_token_expires_delta_seconds: int


class AppConfig(BaseModel):
    title: str = "tasks"

    @classmethod
    def provider(cls) -> "AppConfig":
        return cls(title="from the provider")


class TokenBlackListService:
    pass


class InMemoryTokenBlackListService(TokenBlackListService):
    pass


class TasksController:
    def __init__(self, blacklist: TokenBlackListService, container: Container) -> None:
        self.blacklist = blacklist
        self.container = container


@pytest.fixture
def container() -> Container:
    app = Microservice(
        providers=[
            ProviderSpec(
                provide=Token(AuthConfig, "AUTH_CONFIG"),
                use_value=AuthConfig(
                    secret="secret",
                    identity_refresh_token_expires_delta_seconds=60 * 60 * 24 * 30,
                    identity_token_expires_delta_seconds=60 * 60,
                ),
            ),
            ProviderSpec(
                provide=Token(AppConfig, "APP_CONFIG"),
                use_factory=AppConfig.provider,
            ),
            ProviderSpec(
                provide=Token[AppConfig],
                use_factory=AppConfig.provider,
            ),
            ProviderSpec(
                provide=TokenBlackListService,
                use_value=InMemoryTokenBlackListService(),
            ),
        ],
        controllers=[TasksController],
    )
    return Container(app)


def test_the_declaration_is_valid(container: Container) -> None:
    container.validate()


def test_a_named_token_gives_its_value(container: Container) -> None:
    assert container.get_by_token(Token(AuthConfig, "AUTH_CONFIG")).secret == "secret"


def test_a_class_method_serves_as_factory(container: Container) -> None:
    assert container.get_by_token(Token(AppConfig, "APP_CONFIG")).title == "from the provider"


def test_a_token_without_name_and_its_class_give_the_same_object(container: Container) -> None:
    assert container.get_by_token(Token[AppConfig]) is container.get_by_type(AppConfig)


def test_a_controller_gets_what_its_constructor_is_annotated_with(container: Container) -> None:
    controller = container.get_by_type(TasksController)
    assert isinstance(controller.blacklist, InMemoryTokenBlackListService)
    assert controller.container is container
