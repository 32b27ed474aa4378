"""Lazy package doors: public names that are imported on first use (PEP 562)."""

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def attach(
    package: str, home: "Mapping[str, str]"
) -> "tuple[Callable[[str], object], Callable[[], list[str]]]":
    """Return ``__getattr__`` and ``__dir__`` of a package that imports its names on first use.

    Parameters
    ----------
    package
        The package's ``__name__``.
    home
        The full name of the module that defines each public name. A name must not be that of a
        module in the package: the import system would put the module in its place.
    """

    def import_name(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home[name]), name)

    return import_name, lambda: sorted(home)
