"""A source with nothing wrong, which every landing has as well: its own requests may take long."""

from __future__ import annotations

from ingestion.connectors.protocol import Runtime
from shared.config import IngestSettings
from shared.sources.connection import Connection
from shared.sources.definition import SourceDefinition
from tests.fakes.corner_shop.connector import CornerShop

ID = "healthy_shop"
DEFINITION = f"""\
id: {ID}
name: Healthy Shop
connector: {__name__}:HealthyShop
time_zone: Europe/Zurich
currencies: [CHF]
connection:
  url: {{env: HEALTHY_SHOP_URL}}
  auth: {{kind: header, name: X-Token, value: {{secret: HEALTHY_SHOP_TOKEN}}}}
"""


class HealthyShop(CornerShop):
    """A connector that waits as usual, although the hostile source has less time."""

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        usual = {"timeout_seconds": 30.0, "max_attempts": 5, "listing_minutes": 10.0}
        super().__init__(source, connection, ingest.model_copy(update=usual), runtime)
