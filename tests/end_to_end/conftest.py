from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.checkout import Checkout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout for one module; pytest's directories are closed to PostgreSQL's account, as /root is."""
    made = Checkout.make(tmp_path_factory.mktemp("checkout"))
    yield made
    made.remove()
