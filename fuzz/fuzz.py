"""Coverage-guided fuzzing of a parser with Atheris; `make fuzz` runs it under the sanitizers.

    fuzz.py TARGET [--seconds N] [--runs N]    fuzz; new inputs are kept in build/fuzz/corpus/TARGET
    fuzz.py TARGET FILE...                     repeat inputs, such as a crash-… file that a run has left
    fuzz.py --list                             the targets

Seeds are in fuzz/seeds; what once broke a parser is in fuzz/seeds, too, and runs in every `make test`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parent / "build" / "fuzz" / "corpus"
LONGEST = 1 << 16  # bytes of an input
SLOW = 20  # seconds for one input are a hang


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--seconds", type=int, default=0, help="stop after so long")
    parser.add_argument("--runs", type=int, default=-1, help="stop after so many inputs")
    parser.add_argument("target", nargs="?")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    import atheris

    with atheris.instrument_imports(include=["wild"]):
        from targets import TARGETS, run_target
    if arguments.list or arguments.target not in TARGETS:
        print("\n".join(TARGETS))
        sys.exit(0 if arguments.list else 2)
    if arguments.files:
        for name in arguments.files:
            run_target(arguments.target, Path(name).read_bytes())
        return
    corpus = CORPUS / arguments.target
    corpus.mkdir(parents=True, exist_ok=True)
    words = [f"-max_total_time={arguments.seconds}", f"-runs={arguments.runs}", f"-max_len={LONGEST}"]
    words += [
        f"-timeout={SLOW}",
        "-rss_limit_mb=4096",
        f"-artifact_prefix={corpus.parent}/{arguments.target}-",
    ]
    seeds = [str(path) for path in (HERE / "seeds" / arguments.target, HERE / "seeds") if path.is_dir()]
    atheris.Setup(
        [sys.argv[0], *words, str(corpus), *seeds[:1]], lambda data: run_target(arguments.target, data)
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
