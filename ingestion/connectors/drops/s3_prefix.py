"""Files that are dropped in an S3 bucket, below a prefix. An object appears when all of it is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingestion.connectors.drops.place import DONE, FileChanged, ListedFile, is_wanted, limited, name_problem
from shared.config import S3Settings
from shared.errors import FixConfiguration
from shared.s3_client import Bucket, BucketMissing, ObjectInfo, ObjectMissing
from shared.sources.connection import Connection
from shared.sources.file_drops import Location


class S3Place:
    """A prefix of a bucket, without what is in folders below it."""

    def __init__(self, location: Location, connection: Connection, settings: S3Settings) -> None:
        """The connection's keys replace those of the platform's own store, whose endpoint and region are used."""
        own = {name: text for name, text in connection.auth.items() if name != "kind"}
        settings = S3Settings.model_validate({**settings.model_dump(), **own})
        self._location, self._connection = location, connection
        with self._explained():
            self._bucket = Bucket(settings, location.host)

    def list(self) -> list[ListedFile]:
        """As in `Place`."""
        with self._explained():
            return limited(self._listed(), self._location)

    def fetch(self, file: ListedFile, directory: Path) -> Path:
        """As in `Place`."""
        path = directory / file.name
        try:
            with self._explained():
                self._bucket.download(self._key(file.name), path)
        except ObjectMissing as error:
            raise FileChanged(f"{file.place} is gone since it was listed.") from error
        if path.stat().st_size != file.size_bytes:
            raise FileChanged(f"{file.place} has changed since it was listed. The next run looks at it again.")
        return path

    def is_current(self, file: ListedFile) -> bool:
        """As in `Place`."""
        try:
            with self._explained():
                return self._file(file.name, self._bucket.info(self._key(file.name))).version == file.version
        except ObjectMissing:
            return False

    def move(self, file: ListedFile, name: str) -> str:
        """Copy and delete, since S3 cannot move. An object that is replaced in that instant is deleted, too."""
        target = f"{self._location.folder}{DONE}/{name}"
        if not self.is_current(file):
            raise FileChanged(f"{file.place} has changed since it was listed. The next run looks at it again.")
        with self._explained():
            self._bucket.copy(self._key(file.name), target)
            self._bucket.delete([self._key(file.name)])
        return f"s3://{self._location.host}/{target}"

    def close(self) -> None:
        """Nothing is open."""

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors about a bucket name the settings of the platform's own store; these are about the definition's."""
        try:
            yield
        except BucketMissing as error:
            raise FixConfiguration(
                f"Bucket {self._location.host} does not exist. Create it, or correct `connection.location`."
            ) from error
        except FixConfiguration as error:
            keys = f" The keys of this location are {self._connection.auth_settings}." if self._connection.auth else ""
            raise FixConfiguration(f"{self._location.root} cannot be read: {error}{keys}") from error

    def _key(self, name: str) -> str:
        return f"{self._location.folder}{name}"

    def _listed(self) -> Iterator[ListedFile]:
        for key, info in self._bucket.objects_in(self._location.folder).items():
            name = key.rpartition("/")[2]
            if name and is_wanted(name, self._location.pattern):
                yield self._file(name, info)

    def _file(self, name: str, info: ObjectInfo) -> ListedFile:
        version = f"{info.size_bytes}-{info.e_tag}"
        place = self._location.place(name)
        return ListedFile(name, place, info.size_bytes, info.modified_at, version, True, name_problem(name))
