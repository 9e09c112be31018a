#!/usr/bin/env python3
"""Write `.env`: every setting of the platform, with strong random secrets.

    python3 scripts/generate_env.py                  write .env, or add what is missing to the one that is there
    python3 scripts/generate_env.py --print-missing  name what is missing, change nothing; exit status 1 if anything is
    python3 scripts/generate_env.py --rotate NAME    give a secret a new value

What is set already is never changed, except by --rotate. Needs Python 3.8 or newer and no package. Only the owner can
read the file (mode 0600), and no secret is printed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

from scripts.environment_file.settings import KNOWN, SECRETS  # noqa: E402
from scripts.environment_file.text import completed, missing_from, rotated, write  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; exit status 1 when something is missing, 2 for a mistake in its use."""
    options = _options(arguments)
    path: Path = options.output
    if options.example:
        print(completed("", example=True), end="")
        return 0
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = missing_from(text)
    if options.print_missing:
        print("\n".join(missing) if missing else f"{path}: nothing is missing")
        return 1 if missing else 0
    if options.rotate:
        return _rotate(path, text, options.rotate)
    if missing:
        text = completed(text)
    write(path, text)
    print(f"{path}: {len(missing)} settings added, {len(KNOWN) - len(missing)} kept; only you can read it")
    return 0


def _rotate(path: Path, text: str, names: list[str]) -> int:
    unknown = [name for name in names if name not in SECRETS]
    if unknown:
        print(f"{', '.join(unknown)}: no secret of that name. There are: {', '.join(SECRETS)}", file=sys.stderr)
        return 2
    try:
        write(path, rotated(text, names))
    except KeyError as error:
        print(f"{error.args[0]} is not set in {path}. Run: python3 scripts/generate_env.py", file=sys.stderr)
        return 2
    print(f"{path}: new value for {', '.join(names)}. Restart what uses it; other programs need the new value too.")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=PROJECT_ROOT / ".env", metavar="FILE", help="default: .env")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--print-missing", action="store_true", help="name what is missing, change nothing")
    choice.add_argument(
        "--rotate", action="append", metavar="NAME", help="a new value for this secret; may be repeated"
    )
    choice.add_argument("--example", action="store_true", help="print the file without secrets (.env.example)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"generate_env: {error.filename} cannot be written ({error.strerror})")
