"""Where specs are: files as the user names them, and the shipped ones.

`extends` may only reach files below the spec's own folder and shipped specs, so that checking a foreign
spec never opens anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from netdsl.diagnostics import Diagnostic, Faults, Source, Span, fault, nearest
from netdsl.language.yaml_text import LARGEST_FILE


@cache
def shipped_folder() -> Path:
    """The folder of the shipped specs: inside an installed package, beside it in a checkout."""
    inside = Path(__file__).parent / "shipped_specs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "specs"


def shipped_specs() -> tuple[str, ...]:
    """The names of the shipped specs."""
    return tuple(sorted(path.stem for path in shipped_folder().glob("*.yaml")))


def find_spec(spec: str | Path) -> Source:
    """The text of a file, or of the shipped spec of that name.

    Raises:
        Faults: there is neither, or it cannot be read.
    """
    path = Path(spec)
    if _holds(path.is_file):
        return _read(path, str(spec))
    shipped = shipped_folder() / f"{spec}.yaml"
    if str(spec).isidentifier() and _holds(shipped.is_file):
        return _read(shipped, _shown(shipped))
    if _holds(path.is_dir):
        raise fault("missing-spec", f"`{spec}` is a folder, not a spec", help="name a file in it")
    near = nearest(path.stem, shipped_specs())
    help = f"did you mean `{near}`?" if near else "name a file, or a shipped spec: `netdsl specs` lists them"
    raise fault("missing-spec", f"there is no file `{spec}` and no shipped spec of that name", help=help)


def open_extended(name: str, span: Span) -> Source:
    """The spec that an `extends` names.

    Raises:
        Faults: it lies outside of the folders that may be read, or cannot be read.
    """

    def refuse(code: str, message: str, help: str) -> Faults:
        return Faults([Diagnostic(code=code, message=message, span=span, help=help)])

    folder = Path(span.source.name).parent.resolve()
    candidate = folder / name
    allowed = "only files below the spec's own folder and shipped specs can be extended"
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise refuse("extends-outside", f"`{name}` lies outside of the spec's folder", allowed)
    if _holds(candidate.is_file):
        if not candidate.resolve().is_relative_to(folder):
            raise refuse("extends-outside", f"`{name}` leads outside of the spec's folder", allowed)
        return _read(candidate, str(Path(span.source.name).parent / name))
    shipped = shipped_folder() / (name if name.endswith(".yaml") else f"{name}.yaml")
    if _holds(shipped.is_file) and shipped.parent == shipped_folder():
        return _read(shipped, _shown(shipped))
    raise refuse("missing-spec", f"there is no file `{name}` to extend", allowed)


def _holds(test: Callable[[], bool]) -> bool:
    """Whether a path is a file or a folder; a name that none can have, such as one too long, is neither."""
    try:
        return test()
    except OSError:
        return False


def _shown(path: Path) -> str:
    """A path as short as it can be from where the user stands."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _read(path: Path, name: str) -> Source:
    try:
        if path.stat().st_size > LARGEST_FILE:
            message = f"`{name}` has more than {LARGEST_FILE:,} bytes"
            raise fault("file-too-large", message, exit_code=1, help="name what repeats as a block")
        return Source(name, path.read_text("utf-8-sig"))
    except UnicodeDecodeError:
        help = "save it as UTF-8"
        raise fault("not-text", f"`{name}` is not text in UTF-8", exit_code=1, help=help) from None
    except OSError as error:
        raise fault("unreadable-spec", f"`{name}` cannot be read: {error.strerror}") from None
