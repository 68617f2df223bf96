"""What a function does, as text that can be compared and shown as a difference.

The text has a section for the function, for each function and class of the notebook it reaches and for each
local module it uses; under each stand the values it takes along, by content. It never depends on pickled
bytes: those change with every restart of the kernel and with every comment.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib import metadata
from types import FunctionType, MethodType, ModuleType
from typing import Any

from .digest import Encoder, Unidentifiable
from .sources import function_text, global_names, is_local, module_text, normalised

_SHOWN = 80
"""Characters of a plain value that are shown as they are; longer ones by type and digest."""
_ATOMS = (int, float, str, bytes, bool, type(None), complex)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a function does.

    Parameters
    ----------
    text
        What is compared.
    unchecked
        Names of captured values whose content cannot be told, with their types.
    versions
        Versions of the packages it uses; reported, never compared.
    """

    text: str
    unchecked: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return text_digest(self.text)


def text_digest(text: str) -> str:
    """Return the digest of an epoch's text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def difference(old: str, new: str) -> str:
    """Return a unified diff of two fingerprints."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "stored", "now", lineterm="", n=2)
    return "\n".join(lines)


def fingerprint(
    function: Callable[..., Any],
    *,
    call: str = "item",
    kwargs: Mapping[str, Any] | None = None,
    seed: int | None = None,
    text: str = "",
) -> Fingerprint:
    """Read what a function does.

    Parameters
    ----------
    function
        Any callable.
    call
        How it is called; a function of whole chunks is not the same as one of items.
    kwargs, seed
        Belong to what it does.
    text
        Its source, where no file has it.
    """
    reader = _Reader()
    reader.root(function, text)
    values = dict(kwargs or {})
    settings = [f"called with one {call}", f"seed = {seed}"]
    settings += [f"{name}={reader.value(name, held)}" for name, held in sorted(values.items())]
    reader.work_off()
    body = "\n\n".join([*reader.sections.values(), "\n".join(settings)])
    return Fingerprint(body, tuple(dict.fromkeys(reader.unchecked)), _versions(reader.packages))


class _Reader:
    """Walks from a function to all that it reaches."""

    def __init__(self) -> None:
        self.sections: dict[Any, str] = {}
        self.unchecked: list[str] = []
        self.packages: set[str] = set()
        self._pending: list[Callable[[], None]] = []
        self._held: list[Any] = []

    def root(self, function: Callable[..., Any], text: str) -> None:
        if isinstance(function, FunctionType):
            self._function(function, normalised(text) if text else "")
        else:
            self.sections["root"] = f"function = {self.value('function', function)}"
        self.work_off()

    def work_off(self) -> None:
        while self._pending:
            self._pending.pop(0)()

    # Functions and classes --------------------------------------------------------------------

    def _function(self, function: FunctionType, text: str = "") -> None:
        if id(function) in self.sections:
            return
        self._held.append(function)
        self.sections[id(function)] = ""
        lines = [text or function_text(function)]
        for name, value in _taken(function):
            told = self.value(name, value)
            if told:
                lines.append(f"    # {name} = {told}")
        self.sections[id(function)] = "\n".join(lines)

    def _class(self, kind: type) -> None:
        if id(kind) in self.sections:
            return
        self._held.append(kind)
        bases = ", ".join(base.__qualname__ for base in kind.__bases__)
        lines = [f"class {kind.__qualname__}({bases}):"]
        self.sections[id(kind)] = ""
        lines += [f"    {name}: {told}" for name, told in _annotations(kind)]
        for name, member in sorted(vars(kind).items(), key=lambda pair: pair[0]):
            lines += [f"    {line}" for line in self._member(name, member)]
        for base in kind.__bases__:
            self.reach(base)
        self.sections[id(kind)] = "\n".join(lines)

    def _member(self, name: str, member: Any) -> list[str]:
        if name in _BOILERPLATE:
            return []
        functions = [one for one in _functions_of(member) if _has_source(one)]
        if functions:
            self._pending += [lambda one=one: self._function(one) for one in functions]  # type: ignore[misc]
            return [f"# {name}: {type(member).__name__}"]
        if isinstance(member, FunctionType) or type(member).__name__ in _DESCRIPTORS:
            return []
        told = self.value(name, member)
        return [f"{name} = {told}"] if told else []

    def reach(self, thing: Any) -> bool:
        """Follow what may be code of the user's; return whether it is named rather than compared by value."""
        if isinstance(thing, ModuleType):
            self._module(thing)
            return True
        if not isinstance(thing, FunctionType | type):
            return False
        home = sys.modules.get(thing.__module__ or "")
        own = thing.__module__ == "__main__" or "<locals>" in thing.__qualname__
        if own and not _is_ours(thing):
            follow = self._class if isinstance(thing, type) else self._function
            self._pending.append(lambda: follow(thing))  # type: ignore[arg-type]
        elif home is not None:
            self._module(home)
        return True

    def _module(self, module: ModuleType) -> None:
        if not is_local(module) or module.__name__ == "__main__":
            self.packages.add(module.__name__.partition(".")[0])
            return
        if module.__name__ in self.sections:
            return
        self.sections[module.__name__] = f"# module {module.__name__}\n{module_text(module)}"
        for value in list(vars(module).values()):
            home = (
                value
                if isinstance(value, ModuleType)
                else sys.modules.get(getattr(value, "__module__", "") or "")
            )
            if home is not None and home is not module:
                self._module(home)

    # Values -----------------------------------------------------------------------------------

    def value(self, name: str, value: Any) -> str:
        """Return what stands for a captured value, or an empty text for what has a section of its own."""
        if self.reach(value):
            return "" if isinstance(value, ModuleType) else f"{value.__module__}.{value.__qualname__}"
        if type(value) in _ATOMS and len(repr(value)) <= _SHOWN:
            return repr(value)
        kind = type(value)
        named = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        for part in _parts(value):
            self.reach(part)
        encoder = Encoder(self._described)
        try:
            content = blake2b(encoder.encode(value), digest_size=8).hexdigest()
        except (Unidentifiable, RecursionError) as error:
            self.unchecked.append(
                f"{name} ({named})" if str(error) in named else f"{name} ({named}: {error})"
            )
            return f"{named}, not checked"
        for held in encoder.classes:
            self.reach(held)
        return f"{named} {content}"

    def _described(self, function: FunctionType) -> bytes:
        self.reach(function)
        return function_text(function).encode()


def _taken(function: FunctionType) -> Iterable[tuple[str, Any]]:
    """Yield what a function takes along: globals and closure it reads, values of its defaults."""
    for name in sorted(set(global_names(function.__code__))):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # assigned only later
            yield name, cell.cell_contents
    for number, value in enumerate(function.__defaults__ or ()):
        yield f"default {number}", value
    yield from sorted((function.__kwdefaults__ or {}).items())


def _functions_of(member: Any) -> list[FunctionType]:
    found = [member, getattr(member, "__func__", None)]
    found += [getattr(member, name, None) for name in ("fget", "fset", "fdel", "func")]
    return [one for one in found if isinstance(one, FunctionType)]


def _parts(value: Any) -> list[Any]:
    """Return the functions that a callable value is made of."""
    if isinstance(value, functools.partial):
        return [value.func]
    return [value.__func__] if isinstance(value, MethodType) else []


def _has_source(function: FunctionType) -> bool:
    # What a decorator such as ``dataclass`` wrote follows from annotations and defaults.
    return not function.__code__.co_filename.startswith("<string>")


def _annotations(kind: type) -> list[tuple[str, str]]:
    try:
        found = vars(kind).get("__annotations__") or {}
    except Exception:
        found = {}
    return [
        (name, told if isinstance(told, str) else getattr(told, "__qualname__", repr(told)))
        for name, told in dict(found).items()
    ]


def _is_ours(thing: Any) -> bool:
    return str(thing.__module__).partition(".")[0] == __name__.partition(".")[0]


_BOILERPLATE = frozenset(
    "__module__ __qualname__ __doc__ __dict__ __weakref__ __annotations__ __firstlineno__"
    " __static_attributes__ __match_args__ __dataclass_params__ __dataclass_fields__ __hash__"
    " __abstractmethods__ _abc_impl __parameters__ __orig_bases__ __annotate__ __annotate_func__"
    " __annotations_cache__ __slots__ _member_map_ _member_names_ _value2member_map_ __classcell__".split()
)
_DESCRIPTORS = frozenset(
    {"member_descriptor", "getset_descriptor", "wrapper_descriptor", "method_descriptor"}
)


def _versions(packages: Iterable[str]) -> dict[str, str]:
    found = {"python": sys.version.partition(" ")[0]}
    for name in sorted(packages):
        module = sys.modules.get(name)
        version = getattr(module, "__version__", None)
        if not isinstance(version, str) and name not in sys.stdlib_module_names:
            with contextlib.suppress(metadata.PackageNotFoundError, ValueError):
                version = metadata.version(name)
        if isinstance(version, str):
            found[name] = version
    return found
