"""What decorators take for a path, checked where it is written."""

import re

from jararaca.errors import InvalidOption

_PARAMETER = re.compile(r"\{[a-zA-Z_]\w*(:[a-zA-Z_]\w*)?\}", re.ASCII)


def checked_path(path: object, *, where: str) -> str:
    """The path as it is.

    Raises:
        InvalidOption: it is no string, does not start with `/`, or has a brace that belongs to no parameter.
    """
    if not isinstance(path, str):
        raise InvalidOption(f"{where}: the first argument is a path. Write the decorator with parentheses.")
    if path and not path.startswith("/"):
        raise InvalidOption(f"{where}: a path starts with '/'. Write {'/' + path!r}.")
    if any(brace in _PARAMETER.sub("", path) for brace in "{}"):
        raise InvalidOption(f"{where}: a parameter in a path is a name in braces. Write it as '/{{name}}'.")
    return path
