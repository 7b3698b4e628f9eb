"""What the type variables of a generic controller stand for in a class that fills them in.

    class Crud(Generic[T]):
        @Post()
        async def create(self, item: T) -> T: ...

    @RestController("/tasks")
    class Tasks(Crud[Task]): ...

FastAPI reads signatures, and knows nothing of the class: it is given one in which `T` is `Task`.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Bindings = Mapping[Any, Any]


def filled_in(signature: inspect.Signature, method: Callable[..., Any], controller: type) -> inspect.Signature:
    """The signature with every type variable that `controller` fills in replaced.

    Annotations that are strings are looked up, and left as they are if that fails: FastAPI then says what it lacks.
    """
    bindings = _bindings_where(method, controller)
    if not bindings:
        return signature
    try:
        hints = get_type_hints(method, include_extras=True)
    except NameError:
        hints = {}
    parameters = [
        each.replace(annotation=_replaced(hints.get(each.name, each.annotation), bindings))
        for each in signature.parameters.values()
    ]
    returned = signature.return_annotation
    if returned not in (None, inspect.Signature.empty):
        returned = _replaced(hints.get("return", returned), bindings)
    return signature.replace(parameters=parameters, return_annotation=returned)


def _bindings_where(method: Callable[..., Any], controller: type) -> Bindings:
    """What the variables of the class that defines the method stand for in `controller`."""
    found: dict[type, dict[Any, Any]] = {controller: {}}
    for cls in controller.__mro__:
        for base in getattr(cls, "__orig_bases__", ()) if "__orig_bases__" in vars(cls) else ():
            origin = get_origin(base)
            variables = getattr(origin, "__parameters__", ())
            if isinstance(origin, type) and variables:
                outer = found.get(cls, {})
                found[origin] = {
                    variable: _replaced(argument, outer)
                    for variable, argument in zip(variables, get_args(base), strict=False)
                }
    owner = next((cls for cls in controller.__mro__ if _defines(cls, method)), controller)
    return {variable: value for variable, value in found.get(owner, {}).items() if variable is not value}


def _defines(cls: type, method: Callable[..., Any]) -> bool:
    return any(getattr(member, "__func__", member) is method for member in vars(cls).values())


def _replaced(annotation: Any, bindings: Bindings) -> Any:
    if isinstance(annotation, TypeVar):
        return bindings.get(annotation, annotation)
    generic: Mapping[str, Any] = getattr(annotation, "__pydantic_generic_metadata__", {})
    variables = generic.get("parameters") or getattr(annotation, "__parameters__", ())
    if not variables or not any(variable in bindings for variable in variables):
        return annotation
    return annotation[tuple(bindings.get(variable, variable) for variable in variables)]
