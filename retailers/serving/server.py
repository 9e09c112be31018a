"""The process of a retailer's API: reads settings, starts, and serves until it is stopped."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

import psycopg2
import waitress
from flask import Flask

from retailers.archive.database import DatabaseUnavailableError
from retailers.seeding.market import Market
from retailers.seeding.online_retail_csv import UnreadableCsvError
from retailers.serving.settings import Settings, WrongSettingsError, read_settings


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _fail(message: str, status: int) -> int:
    sys.stderr.write(message + "\n")
    return status


def serve(market: Market, port: int, secrets: tuple[str, ...], create_app: Callable[[Settings], Flask]) -> int:
    """Run until SIGTERM or SIGINT; returns the exit status."""
    try:
        settings = read_settings(market, port, secrets, os.environ)
    except WrongSettingsError as error:
        return _fail(str(error), 2)
    form = f"%(asctime)s {market.retailer_id} %(levelname)s %(message)s"
    logging.basicConfig(level=settings.log_level, stream=sys.stderr, format=form)
    logging.getLogger("waitress").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        app = create_app(settings)
        server = waitress.create_server(
            app, host=settings.host, port=settings.port, threads=settings.threads, ident=None, connection_limit=1000
        )
    except (DatabaseUnavailableError, UnreadableCsvError) as error:
        return _fail(f"{market.retailer_id} cannot start: {error}. Check DATABASE_URL and RETAILER_REPLAY_CSV", 1)
    except psycopg2.Error as error:
        reason = str(error).strip().splitlines()[0]
        return _fail(f"{market.retailer_id} cannot use its database: {reason}. Check the user in DATABASE_URL", 1)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        return _fail(f"{market.retailer_id} cannot listen on {where}: {error.strerror}. Set PORT", 1)
    url = f"http://{settings.host}:{settings.port}"
    ready = {"event": "ready", "retailer": market.retailer_id, "url": url, "pid": os.getpid()}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    server.run()
    return 0
