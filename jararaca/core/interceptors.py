"""What may wrap an application as a whole, and every unit of work in it."""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

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


def check_interceptors(app: Microservice) -> None:
    """See to it that everything in the list of interceptors is one.

    Raises:
        InvalidOption: something is a class, or has none of the methods of an interceptor; the text names it.
    """
    for each in app.interceptors:
        where = f"Microservice(interceptors=[...]) has {described(each)}"
        if isinstance(each, type):
            raise InvalidOption(f"{where}, and takes objects. Write {each.__qualname__}(...).")
        if not isinstance(each, _KINDS):
            raise InvalidOption(
                f"{where}, which has none of the methods intercept, lifecycle, providers and check, and would do "
                "nothing. Give it one, or leave it out."
            )


_KINDS = (AppInterceptor, AppInterceptorWithLifecycle, ProvidingInterceptor, CheckingInterceptor)
