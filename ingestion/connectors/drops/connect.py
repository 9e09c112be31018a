"""Which place a definition names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingestion.connectors.drops.place import Place
from shared.config import DOTENV, S3Settings
from shared.sources.file_drops import resolve_location
from shared.sources.registry import Sources


@contextmanager
def open_place(source_id: str, sources: Sources, s3: Callable[[], S3Settings]) -> Iterator[Place]:
    """The place where the files of a source are dropped. `s3` returns the settings of the platform's store.

    Raises FixConfiguration when the definition or one of its variables cannot be used.
    """
    connection = sources.connect(source_id)
    location = resolve_location(source_id, connection.url)
    place: Place
    if location.kind == "folder":
        from ingestion.connectors.drops.folder import FolderPlace

        place = FolderPlace(location, DOTENV.resolve().parent)
    elif location.kind == "s3":
        from ingestion.connectors.drops.s3_prefix import S3Place

        place = S3Place(location, connection, s3())
    else:
        from ingestion.connectors.drops.sftp import SftpPlace  # paramiko takes a while to import

        place = SftpPlace(source_id, location, connection)
    try:
        yield place
    finally:
        place.close()
