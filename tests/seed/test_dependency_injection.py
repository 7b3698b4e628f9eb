"""The section "Dependency Injection" of the specification."""

from dataclasses import dataclass

from jararaca import Container, Microservice, ProviderSpec, Token


@dataclass
class AuthConfig:
    secret: str
    identity_refresh_token_expires_delta_seconds: int
    identity_token_expires_delta_seconds: int


@dataclass
class AppConfig:
    name: str

    @staticmethod
    def provider() -> "AppConfig":
        return AppConfig("from the factory")


class TokenBlackListService: ...


class InMemoryTokenBlackListService(TokenBlackListService): ...


def test_the_snippet_resolves() -> None:
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
                provide=TokenBlackListService,
                use_value=InMemoryTokenBlackListService(),
            ),
        ],
    )

    container = Container(app)

    assert container.get_by_token(Token(AuthConfig, "AUTH_CONFIG")).secret == "secret"
    assert container.get_by_token(Token(AppConfig, "APP_CONFIG")).name == "from the factory"
    assert isinstance(container.get_by_type(TokenBlackListService), InMemoryTokenBlackListService)
