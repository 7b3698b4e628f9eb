"""What may wrap an application as a whole, and every unit of work in it."""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeGuard, runtime_checkable

from jararaca.core.container import Container
from jararaca.core.context import Execution
from jararaca.core.microservice import Microservice, described
from jararaca.core.tokens import ProviderSpec
from jararaca.errors import InvalidOption


@runtime_checkable
class AppInterceptor(Protocol):
    """Wraps the body of every unit of work, whatever triggered it.

    It is entered inside the unit of work, so it may use sessions and publish; what it raises rolls back. It sees the
    body's exception, but cannot swallow it.
    """

    def intercept(self, ctx: Execution) -> AbstractAsyncContextManager[None]: ...


@runtime_checkable
class AppInterceptorWithLifecycle(Protocol):
    """Lives as long as the application runs: entered in list order at start, left in reverse at the end, always."""

    def lifecycle(self, app: Microservice, container: Container) -> AbstractAsyncContextManager[None]:
        """What to hold open around the running `app`; its `Environment` is in the container."""
        ...


@runtime_checkable
class ProvidingInterceptor(Protocol):
    """Brings providers along: an application that lists the interceptor can inject what it offers."""

    def providers(self, app: Microservice) -> Iterable[ProviderSpec]:
        """What to register; a provider that the application declares itself under the same key wins."""
        ...


@runtime_checkable
class CheckingInterceptor(Protocol):
    """Can say before anything starts that the application will not work."""

    def check(self, app: Microservice, container: Container) -> None:
        """Raise a `DeclarationError` if so; no I/O but reading the environment."""
        ...


# Asking these is asked of every interceptor of every application: `isinstance` would take ten times as long.


def wraps_work(each: object) -> TypeGuard[AppInterceptor]:
    """Whether it is an `AppInterceptor`."""
    return getattr(each, "intercept", None) is not None


def has_lifecycle(each: object) -> TypeGuard[AppInterceptorWithLifecycle]:
    """Whether it is an `AppInterceptorWithLifecycle`."""
    return getattr(each, "lifecycle", None) is not None


def provides(each: object) -> TypeGuard[ProvidingInterceptor]:
    """Whether it is a `ProvidingInterceptor`."""
    return getattr(each, "providers", None) is not None


def checks(each: object) -> TypeGuard[CheckingInterceptor]:
    """Whether it is a `CheckingInterceptor`."""
    return getattr(each, "check", None) is not None


def check_interceptors(app: Microservice) -> None:
    """See to it that everything in the list of interceptors is one.

    Raises:
        InvalidOption: something is a class, or has none of the methods of an interceptor; the text names it.
    """
    for each in app.interceptors:
        if isinstance(each, type):
            raise InvalidOption(f"{_where(each)}, and takes objects. Write {each.__qualname__}(...).")
        if not (wraps_work(each) or has_lifecycle(each) or provides(each) or checks(each)):
            raise InvalidOption(
                f"{_where(each)}, which has none of the methods intercept, lifecycle, providers and check, and would "
                "do nothing. Give it one, or leave it out."
            )


def _where(interceptor: object) -> str:
    return f"Microservice(interceptors=[...]) has {described(interceptor)}"
