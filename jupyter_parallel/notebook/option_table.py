"""The table of options: what each is called, how its value is read, what its help says."""

from __future__ import annotations

import difflib
import keyword
import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ..engine.plan import SUFFIXES, parse_size
from ..errors import UnknownBackend, UsageError

Evaluate = Callable[[str], Any]
Form = Literal["cell", "line", "config"]

BACKENDS = ("loky", "serial", "thread")
JOBLIB_NAMES = {"threading": "thread", "sequential": "serial", "multiprocessing": "loky"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row of the table. Without ``metavar`` the option takes no value and means ``constant``."""

    long: str
    help: str
    short: str = ""
    keyword: str = ""
    metavar: str = ""
    convert: Callable[[str, str, Evaluate], Any] | None = None
    values: tuple[str, ...] = ()
    constant: Any = None
    forms: tuple[Form, ...] = ("cell", "line", "config")

    @property
    def flags(self) -> tuple[str, ...]:
        return (self.short, self.long) if self.short else (self.long,)


# Converters: (flag as typed, text of the value, evaluate) -> value.


def _whole(flag: str, text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,100}", text):
        raise UsageError(f"{flag} {text[:30]}: that is not a whole number; write for example {flag} 4")
    return int(text)


def _jobs(flag: str, text: str, evaluate: Evaluate) -> int:
    number = _whole(flag, text)
    if number == 0:
        raise UsageError(f"{flag} 0 would run nothing; all CPUs is -1, one worker is 1: write {flag} -1")
    return number


def _count(flag: str, text: str, evaluate: Evaluate) -> int:
    number = _whole(flag, text)
    if number < 0:
        raise UsageError(f"{flag} {text} must be a whole number from 0")
    return number


def _chunk_size(flag: str, text: str, evaluate: Evaluate) -> int | str:
    if text == "auto":
        return text
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) == 0:
        raise UsageError(f"{flag} {text} must be a whole number from 1, or auto")
    return int(text)


def _seconds(flag: str, text: str, evaluate: Evaluate) -> float:
    number = r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
    if not re.fullmatch(number, text) or not 0 < float(text) < math.inf:
        raise UsageError(f"{flag} {text} must be a finite number of seconds above 0, for example {flag} 2.5")
    return float(text)


def _failures(flag: str, text: str, evaluate: Evaluate) -> int | str:
    share = re.fullmatch(r"([0-9]+)%", text)
    if share and int(share[1]) <= 100:
        return text
    if share or not re.fullmatch(r"[0-9]+", text):
        raise UsageError(f"{flag} {text} must be a whole number from 0, or a share of the items such as 5%")
    return int(text)


def _size(flag: str, text: str, evaluate: Evaluate) -> str:
    try:
        if parse_size(text) > 0:
            return text
    except ValueError:
        pass
    raise UsageError(f"{flag} {text} must be a size above 0, such as {flag} 500MB or {flag} 2GiB")


def _on_error(flag: str, text: str, evaluate: Evaluate) -> str:
    if text not in ("raise", "collect", "stop"):
        raise UsageError(f"{flag} {text} must be raise, collect or stop")
    return text


def _on_change(flag: str, text: str, evaluate: Evaluate) -> str:
    if text not in ("fail", "keep", "rerun"):
        raise UsageError(f"{flag} {text} must be fail, keep or rerun")
    return text


def _positive(flag: str, text: str, evaluate: Evaluate) -> int:
    number = _whole(flag, text)
    if number < 1:
        raise UsageError(f"{flag} {text} must be a whole number from 1")
    return number


def _path(flag: str, text: str, evaluate: Evaluate) -> str:
    if not text.lower().endswith(SUFFIXES):
        raise UsageError(f"{flag} {text}: the path must end in {', '.join(SUFFIXES)}")
    return text


def _text(flag: str, text: str, evaluate: Evaluate) -> str:
    if not text.strip():
        raise UsageError(f"{flag} needs a text that is not empty, for example {flag} 'first try'")
    return text


def _variable(flag: str, text: str, evaluate: Evaluate) -> str:
    name = unicodedata.normalize("NFKC", text)
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"{flag} {text}: that cannot be a variable; write for example {flag} areas")
    return name


def value_of(flag: str, text: str, evaluate: Evaluate) -> Any:
    try:
        return evaluate(text)
    except (NameError, SyntaxError) as error:
        raise UsageError(
            f"{flag} {text} is not a Python expression that can be evaluated here ({error}); "
            f'quotes only hold the value together: a text is {flag} "{text!r}"'
        ) from error
    except Exception as error:
        raise UsageError(f"{flag} {text} raised {type(error).__name__}: {error}") from error


def backend_of(flag: str, text: str, evaluate: Evaluate) -> Any:
    name = JOBLIB_NAMES.get(text, text)
    if name in BACKENDS:
        return name
    try:
        value = evaluate(text)
    except Exception as error:
        raise _unknown_backend(flag, text) from error
    if not isinstance(value, str):
        return value
    name = JOBLIB_NAMES.get(value, value)
    if name not in BACKENDS:
        raise _unknown_backend(flag, value)
    return name


def _unknown_backend(flag: str, text: str) -> UnknownBackend:
    close = difflib.get_close_matches(text, [*BACKENDS, *JOBLIB_NAMES], 1)
    meant = f" Did you mean {flag} {close[0]}?" if close else ""
    return UnknownBackend(
        f"{flag} {text}: there is no such backend; "
        f"it is {', '.join(BACKENDS)}, or an object of the notebook.{meant}"
    )


TABLE = (
    Option(
        long="--out",
        short="-o",
        metavar="NAME",
        convert=_variable,
        help="notebook variable for the run, bound before the first item starts",
        forms=("cell",),
    ),
    Option(
        long="--backend",
        short="-b",
        keyword="backend",
        metavar="NAME",
        convert=backend_of,
        help="loky (default), serial, thread, or an object of the notebook",
        values=BACKENDS,
    ),
    Option(
        long="--jobs",
        short="-j",
        keyword="n_jobs",
        metavar="N",
        convert=_jobs,
        help="workers: N; -1 all CPUs, -2 all but one; default: all that may be used",
        values=("-1", "-2", "1", "2", "4", "8"),
    ),
    Option(
        long="--chunk-size",
        short="-c",
        keyword="chunk_size",
        metavar="N",
        convert=_chunk_size,
        help="items sent together, or auto (default)",
        values=("auto",),
    ),
    Option(
        long="--timeout",
        keyword="timeout",
        metavar="S",
        convert=_seconds,
        help="hard limit per item in seconds",
    ),
    Option(
        long="--time-limit",
        keyword="time_limit",
        metavar="S",
        convert=_seconds,
        help="budget of the whole run in seconds; finished results are kept",
    ),
    Option(
        long="--retries",
        keyword="retries",
        metavar="N",
        convert=_count,
        help="run an item that raised again, at most N times (0)",
    ),
    Option(
        long="--on-error",
        keyword="on_error",
        metavar="HOW",
        convert=_on_error,
        help="raise (default: finish the rest, then raise), collect (never raise) or stop (at the first)",
        values=("raise", "collect", "stop"),
    ),
    Option(
        long="--max-failures",
        keyword="max_failures",
        metavar="N|P%",
        convert=_failures,
        help="stop when more items failed (without it: when the first 32 outcomes are failures)",
        values=("5%", "100%"),
    ),
    Option(
        long="--memory-limit",
        keyword="memory_limit",
        metavar="SIZE",
        convert=_size,
        help="memory of a worker, such as 2GB; over it the item fails, and nothing else",
    ),
    Option(
        long="--default",
        keyword="default",
        metavar="EXPR",
        convert=value_of,
        help="value that stands in for items without one",
    ),
    Option(
        long="--seed",
        keyword="seed",
        metavar="N",
        convert=_count,
        help="the same random numbers with any backend, chunk size and number of workers",
    ),
    Option(
        long="--checkpoint",
        keyword="checkpoint",
        metavar="NAME",
        convert=_text,
        help="keep results under this name; run again, only what is missing runs",
        forms=("cell", "line"),
    ),
    Option(
        long="--on-change",
        keyword="on_change",
        metavar="HOW",
        convert=_on_change,
        help="function changed since the checkpoint: fail (default: show the difference), keep or rerun",
        values=("fail", "keep", "rerun"),
    ),
    Option(
        long="--fresh",
        keyword="fresh",
        constant=True,
        help="with --checkpoint: use no stored results; they are not deleted",
        forms=("cell", "line"),
    ),
    Option(
        long="--save",
        keyword="saver",
        metavar="PATH",
        convert=_path,
        help="write values in the order of the items while running: .jsonl, .csv, .parquet or .npy",
        forms=("cell", "line"),
    ),
    Option(
        long="--save-every",
        keyword="save_every",
        metavar="N",
        convert=_positive,
        help="values written together (1000)",
    ),
    Option(long="--name", keyword="name", metavar="TITLE", convert=_text, help="title of the run"),
    Option(
        long="--only",
        keyword="only",
        metavar="I",
        convert=_count,
        help="run just item I, in the kernel, for debugging",
    ),
    Option(
        long="--bg",
        keyword="wait",
        constant=False,
        help="return at once; the run goes on in the background",
    ),
    Option(long="--quiet", keyword="display", constant=False, help="no widget, no text"),
    Option(long="--help", short="-h", constant=True, help="show this help"),
)

BY_FLAG = {flag: option for option in TABLE for flag in option.flags}

_SYNONYMS = {
    "--jobs": "--workers --n-workers --num-workers --max-workers --n-jobs --num-jobs --njobs --cpus --n-cpus"
    " --num-cpus --processes --procs --cores --threads -n -w -p",
    "--chunk-size": "--batch-size --chunksize --batchsize --chunk --chunks --batch",
    "--checkpoint": "--resume --persist --cache",
    "--save": "--saver --save-to --output-file",
    "--out": "--output --result --results --var --save-as",
    "--backend": "--executor --pool --engine",
    "--bg": "--background --async --no-wait --nowait --detach",
    "--quiet": "--silent --no-display --no-progress --no-widget -q",
    "--on-error": "--errors --error",
    "--retries": "--retry --attempts --max-retries",
    "--seed": "--random-state --random-seed --rng",
    "--name": "--title --label",
    "--default": "--fallback --fill --fill-value",
    "--timeout": "--item-timeout -t",
    "--time-limit": "--budget --max-time --total-timeout --run-timeout",
    "--memory-limit": "--memory --mem --max-memory --mem-limit",
    "--max-failures": "--max-errors --maxfail --fail-fast",
    "--only": "--item",
    "--help": "-help -? --usage",
}
SYNONYMS = {word: target for target, row in _SYNONYMS.items() if target in BY_FLAG for word in row.split()}


def help_text() -> str:
    """Return the help of ``%%parallel``: the grammar, one line per option, examples."""
    rows = [
        (", ".join(option.flags) + (f" {option.metavar}" if option.metavar else ""), option)
        for option in TABLE
    ]
    width = max(len(left) for left, _ in rows)
    lines = [f"  {left:<{width}}  {option.help}" for left, option in rows]
    return _HELP.format(options="\n".join(lines))


_HELP = """\
Run the body of a cell, or a comprehension, for many items in parallel.

  %%parallel [options] for TARGET in ITEMS [for ...] [if ...]
  body: runs once per item; its last expression is the item's value

  values = %parallel [options] [f(x) for x in xs]        waits, gives a list
  values = %parallel [options] {{k(x): f(x) for x in xs}}   waits, gives a dict
  values = %parallel [options] {{f(x) for x in xs}}        waits, gives a set
  run    = %parallel [options] (f(x) for x in xs)        a live run at once

Items and conditions are evaluated in the notebook, body and element in workers.

Options, before the clause:
{options}

Examples:

  %%parallel -o areas -j 8 for radius, height in cylinders if radius > 0
  base = 3.14159 * radius ** 2
  base * height

  squares = %parallel [slow(x) ** 2 for x in range(1000)]
"""
