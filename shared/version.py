"""The platform's version, as manifests and publications record it."""

from __future__ import annotations

CODE_VERSION = "0.1.0"
