"""The platform's version, as manifests and loads record it."""

from __future__ import annotations

CODE_VERSION = "0.1.0"
