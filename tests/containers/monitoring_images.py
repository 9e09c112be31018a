"""Stand-ins for Prometheus' images in which the data directories belong to nobody, as in the official ones.

A new volume takes over the owner of the directory that it is mounted on; Debian's packages, of which the stand-ins are
made, keep their data elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from tests.containers.engine import Engine

DIRECTORIES = {"prometheus": "/prometheus", "pushgateway": "/pushgateway", "alertmanager": "/alertmanager"}


def monitoring_images(engine: Engine, directory: Path) -> dict[str, str]:
    """Settings that name the images to use; none where the official images can be had."""
    if not engine.stand_ins:
        return {}
    settings = {}
    for name, data in DIRECTORIES.items():
        image = f"standin/{name}:owned"
        (directory / "Dockerfile").write_text(f"FROM prom/{name}\nRUN mkdir {data} && chown 65534:65534 {data}\n")
        engine.docker("build", "--quiet", "--tag", image, str(directory))
        settings[f"{name.upper()}_IMAGE"] = image
    return settings
