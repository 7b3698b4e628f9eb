"""Files that commands write: below one directory, each whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from jararaca.errors import InvalidOption


def destination(file: str, *, root: str, suffix: str) -> Path:
    """Where `file` really is, links followed.

    Raises:
        InvalidOption: it is not below `root`, is no place for a file, or does not end with `suffix`.
    """
    if "\0" in file or not file.endswith(suffix) or Path(file).name == suffix:
        raise InvalidOption(f"{file!r} is no name for the file. Write one that ends with {suffix}.")
    path, top = Path(file).resolve(), Path(root).resolve()
    for name in (Path(file).name, path.name):
        if suffix == ".ts" and ".d." in name:
            raise InvalidOption(
                f"{name!r} is a name for declarations, and a client is more. Write {name.replace('.d.', '.')}, "
                "for example."
            )
    if not path.is_relative_to(top):
        raise InvalidOption(
            f"{file} is not below {'the current directory' if top == Path.cwd() else root}. If it is meant, name a "
            "directory above it with --root."
        )
    if not path.parent.is_dir():
        raise InvalidOption(f"{path.parent} is no directory. Make it, or write elsewhere.")
    if path.exists() and not path.is_file():
        raise InvalidOption(f"{path} is no file. Write elsewhere.")
    return path


def write_all(texts: Mapping[Path, str]) -> None:
    """Write files in UTF-8. Nobody ever sees half of one, and one that would not change is not touched.

    Raises:
        InvalidOption: the system refuses; the files are as they were.
    """
    written: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            if not path.is_file() or path.read_bytes() != text.encode():
                written[path] = _beside(path, text)
        for path, whole in written.items():
            os.replace(whole, path)
    except OSError as error:
        raise InvalidOption(
            f"{error.filename} cannot be written: {error.strerror}. Give it other permissions, or write elsewhere."
        ) from error
    finally:
        for whole in written.values():
            whole.unlink(missing_ok=True)


def _beside(path: Path, text: str) -> Path:
    """A whole file in the directory of another, with its permissions or those of any new file."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with open(number, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    if path.exists():
        mode = path.stat().st_mode
    else:
        os.umask(mask := os.umask(0))
        mode = 0o666 & ~mask
    os.chmod(name, mode)
    return Path(name)
