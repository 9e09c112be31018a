#!/usr/bin/env python3
"""Write `.env`: every setting of the platform, with strong random secrets; and `sources.env`, made from it.

    python3 scripts/generate_env.py                  write .env, or add what is missing to an existing one
    python3 scripts/generate_env.py --print-missing  list what is missing, change nothing; exit status 1 if anything is
    python3 scripts/generate_env.py --rotate NAME    give a secret a new value, and print the steps that follow
    python3 scripts/generate_env.py --aws            use Amazon S3 instead of the bundled store, and list what it needs
    python3 scripts/generate_env.py --secret-files   move secrets to files, for docker/compose/secrets.yml

Existing values are never changed, except by --rotate and --aws. Needs Python 3.8 or newer and no package. Only the
owner can read the files (mode 0600), and no secret is printed.

sources.env has the variables that the definitions in sources/ refer to, and the INGEST_ settings, for the containers
that read sources. Run the script again after a change of .env or sources/.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

from scripts.environment_file import aws, for_sources  # noqa: E402
from scripts.environment_file.rotation import START, CannotRotateError, rotated, what_to_do  # noqa: E402
from scripts.environment_file.secret_files import moved  # noqa: E402
from scripts.environment_file.settings import KNOWN, SECRETS  # noqa: E402
from scripts.environment_file.text import completed, is_aws, missing_from, value_of, write  # noqa: E402
from shared.regular_files import is_there, read_text  # noqa: E402
from shared.sources.variables import Variable  # noqa: E402

__all__ = ["KNOWN", "SECRETS", "completed", "main", "missing_from"]


def main(arguments: list[str] | None = None) -> int:
    """Entry point; exit status 1 when something is missing, 2 for wrong usage."""
    options = _options(arguments)
    path: Path = options.output
    if options.example:
        print(completed("", example=True), end="")
        return 0
    try:
        text = read_text(path) if is_there(path) else ""
        if options.print_missing:
            return _print_missing(path, text)
        if options.rotate:
            return _rotate(path, text, options.rotate)
        return _complete(path, text, options)
    except (CannotRotateError, for_sources.CannotWriteError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2


def _complete(path: Path, text: str, options: argparse.Namespace) -> int:
    missing = missing_from(text)
    text = completed(text) if missing else text
    text = for_sources.with_variables(text, _variables(path, text))
    if options.aws:
        text = aws.prepared(text)
    if options.secret_files:
        return _secret_files(path, text, options.secret_files)
    _save(path, text)
    print(f"{path}: {len(missing)} settings added, {len(KNOWN) - len(missing)} kept; only you can read it")
    if options.aws:
        print("\n".join([".env uses Amazon S3 now. " + _still_needed(text), *aws.still_needed(text)]))
    if unset := _unset_variables(path, text):
        print("\n".join(["These variables of sources have no value in containers yet:", *unset]))
    return 0


def _secret_files(path: Path, text: str, directory: Path) -> int:
    root = path.resolve().parent
    variables = _variables(path, text).items()
    of_sources = {name for name, each in variables if each.is_secret or value_of(text, f"{name}_FILE")}
    text, count, replaced = moved(text, (root / directory).resolve(), root, of_sources)
    _save(path, text)
    for file in replaced:
        file.unlink()
    print(f"{path}: {count} secrets moved to {directory}, which only you can enter. Next: {START}")
    return 0


def _save(path: Path, text: str) -> None:
    """Write both files, or neither; name the addresses in them that containers cannot reach."""
    variables = _variables(path, text)
    of_sources = for_sources.content(text, variables)
    write(path, text)
    write(path.with_name(for_sources.FILE_NAME), of_sources)
    for each in for_sources.unreachable_addresses(text, variables):
        print(each, file=sys.stderr)


def _variables(path: Path, text: str) -> dict[str, Variable]:
    return for_sources.definitions(text, path.resolve().parent, PROJECT_ROOT)


def _unset_variables(path: Path, text: str) -> list[str]:
    variables, root = _variables(path, text), path.resolve().parent
    missing = for_sources.missing_variables(text, variables, root)
    return [*missing, *for_sources.unreachable_files(text, variables, root)]


def _still_needed(text: str) -> str:
    return "It still needs:" if aws.still_needed(text) else "Nothing is missing."


def _print_missing(path: Path, text: str) -> int:
    missing = [*missing_from(text), *_unset_variables(path, text), *aws.still_needed(text)]
    other = "Amazon S3" if is_aws(text) else "the bundled store or a compatible one; for Amazon's: --aws"
    print("\n".join(missing) if missing else f"{path}: nothing is missing (S3: {other})")
    return 1 if missing else 0


def _rotate(path: Path, text: str, names: list[str]) -> int:
    text = rotated(text, names, path.resolve().parent)
    _save(path, text)
    print(f"{path}: new value for {', '.join(names)}. Next steps:")
    print("\n".join(what_to_do(text, name) for name in names))
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=PROJECT_ROOT / ".env", metavar="FILE", help="default: .env")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--print-missing", action="store_true", help="list what is missing, change nothing")
    choice.add_argument(
        "--rotate", action="append", metavar="NAME", help="a new value for this secret; may be repeated"
    )
    choice.add_argument("--aws", action="store_true", help="use Amazon S3 instead of the bundled store")
    choice.add_argument(
        "--secret-files",
        nargs="?",
        type=Path,
        const=Path(".secrets"),
        metavar="DIR",
        help="move the secrets to files of their own (default: .secrets next to .env), which the containers then read",
    )
    choice.add_argument("--example", action="store_true", help="print the file without secrets (.env.example)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"generate_env: {error.filename} cannot be read or written ({error.strerror})")
