"""What is in the images, and what never gets in."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from scripts.environment_file.settings import SECRETS
from shared.config import PROJECT_ROOT
from tests.containers.engine import base_images
from tests.containers.project import Project

DOCKERFILES = sorted((PROJECT_ROOT / "docker").glob("*/Dockerfile"))
LABELS = {f"org.opencontainers.image.{name}" for name in ("title", "description", "version")}
KEPT_SECRETS = re.compile(r"(^|/)(\.env(\.[^/]*)?|sources\.env|id_(rsa|ed25519|ecdsa)|[^/]+\.(key|p12|pfx))$")
NEVER = re.compile(KEPT_SECRETS.pattern + r"|(^|/)(\.git|\.venv|\.local|tests)(/|$)|\.pem$")
PRIVATE_KEY = re.compile(rb"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\s")
PLANTED = (
    *(".env", ".env.production", "sources.env", "docker/airflow/.env", "shared/.env.local", "shared/sources.env"),
    *("server.key", ".git/config", ".venv/secret", ".local/env", "tests/secret.py", "notes.txt"),
)


@pytest.fixture(scope="module")
def images(platform: Project) -> list[str]:
    """Names of all our images."""
    found = platform.images()
    names = {name.partition("/")[2].partition(":")[0] for name in found}
    assert names == {"airflow", "ingestion", "transformation", "data-quality", "retailer"}
    return found


@pytest.fixture(scope="module")
def secrets(platform: Project) -> list[bytes]:
    """Every secret of `.env`."""
    found = [platform.environment[name].encode() for name in SECRETS]
    assert all(len(secret) >= 16 for secret in found)
    return found


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_has_nothing_to_say(dockerfile: Path) -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [str(hadolint), str(dockerfile)], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_no_layer_holds_a_secret_or_a_file_that_belongs_elsewhere(
    platform: Project, images: list[str], secrets: list[bytes]
) -> None:
    public = {layer for name in base_images() for layer in layers_of(platform, name)}
    patterns = platform.directory / "secrets"
    patterns.write_bytes(b"\n".join(secrets))
    found = []
    with own_layers(platform, images, public) as layers:
        assert len(layers) >= len(images)
        for layer in layers:
            # Nothing in a tar file is packed, so its bytes are those of its files.
            search = subprocess.run(["grep", "-aoFf", patterns, layer], capture_output=True, check=False, timeout=120)
            assert search.returncode == 1, f"{layer.name}: {search.stdout!r} {search.stderr!r}"
            with tarfile.open(layer) as files:
                found += [each.name for each in files if belongs_elsewhere(files, each)]
    assert found == []


def layers_of(platform: Project, image: str) -> list[str]:
    """Digests of an image's layers, none when it is not on this machine."""
    inspected = json.loads(platform.docker("image", "inspect", image, check=False) or "[]")
    return inspected[0]["RootFS"]["Layers"] if inspected else []


@contextmanager
def own_layers(platform: Project, images: list[str], known: set[str]) -> Iterator[list[Path]]:
    """A tar file for every layer of these images that is not known."""
    with TemporaryDirectory(dir=platform.directory) as unpacked:
        saved = Path(unpacked) / "images.tar"
        platform.docker("save", "--output", str(saved), *images)
        with tarfile.open(saved) as outer:
            paths: dict[str, str] = {}
            for image in json.loads(_text(outer, "manifest.json")):
                digests = json.loads(_text(outer, image["Config"]))["rootfs"]["diff_ids"]
                paths.update(zip(digests, image["Layers"], strict=True))
            own = [path for digest, path in paths.items() if digest not in known]
            for path in own:
                outer.extract(path, unpacked, filter="data")
        yield [Path(unpacked) / path for path in own]


def _text(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


def belongs_elsewhere(files: tarfile.TarFile, member: tarfile.TarInfo) -> bool:
    """Whether this file of a layer must not be in an image: by its name, and for our files also by its content."""
    if not member.name.startswith("opt/retail/"):
        return bool(KEPT_SECRETS.search(member.name))
    content = files.extractfile(member) if member.isfile() else None
    return bool(NEVER.search(member.name) or (content and PRIVATE_KEY.search(content.read())))


def test_neither_history_nor_environment_of_an_image_shows_a_secret(
    platform: Project, images: list[str], secrets: list[bytes]
) -> None:
    for image in images:
        shown = platform.docker("history", "--no-trunc", image) + platform.docker("image", "inspect", image)
        assert [secret for secret in secrets if secret.decode() in shown] == []
        variables = json.loads(platform.docker("image", "inspect", image))[0]["Config"]["Env"]
        assert [line for line in variables if re.match(r"\w*(PASSWORD|SECRET|TOKEN|API_KEY)\w*=.", line)] == []


def test_every_image_says_what_it_is_and_runs_as_nobody_in_particular(platform: Project, images: list[str]) -> None:
    for image in images:
        config = json.loads(platform.docker("image", "inspect", image))[0]["Config"]
        assert config["Labels"].keys() >= LABELS
        assert config["User"].partition(":")[0] in ("10001", "50000")


def test_nothing_but_the_code_gets_into_a_build(platform: Project) -> None:
    """An image of everything the build context holds, with secrets planted next to the code."""
    for name in PLANTED:
        path = platform.directory / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("planted", encoding="utf-8")
    dockerfile = platform.directory / "Dockerfile.context"
    dockerfile.write_text("FROM scratch\nCOPY . /\n", encoding="utf-8")
    image = f"{platform.name}/context"
    try:
        platform.docker("build", "--quiet", "--file", str(dockerfile), "--tag", image, str(platform.directory))
        with own_layers(platform, [image], set()) as (layer,), tarfile.open(layer) as files:
            names = set(files.getnames())
    finally:
        platform.docker("image", "rm", image, check=False)
        for name in set(PLANTED) - {".env", "sources.env"}:
            (platform.directory / name).unlink()
    assert [name for name in PLANTED if name in names] == []
    folders = {name.partition("/")[0] for name in names}
    assert folders & {"tests", "docs", ".git", ".venv", ".local"} == set()
    assert {"ingestion/main.py", "requirements.txt"} <= names
