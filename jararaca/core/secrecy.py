"""Errors that show the values they are about, and what is raised or said in their place."""

from jararaca.errors import DeclarationError


def without_values(error: BaseException, owner: str) -> DeclarationError | None:
    """What says the same as an error of pydantic's that `owner` raised, with names only; None for any other error.

    Pydantic is imported if the error is its own: most applications never get here.
    """
    if type(error).__module__.partition(".")[0] not in ("pydantic_core", "pydantic_settings"):
        return None
    from jararaca.core.settings_errors import Refusal, refusal_of

    return refusal_of(error, owner) if isinstance(error, Refusal) else None
