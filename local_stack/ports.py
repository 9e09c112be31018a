"""Which port each service listens on: its previous port, else the default, else the next free one.

Two checkouts may choose ports at the same time, and Airflow takes ten seconds to open its own. So a chosen port is
reserved until its service listens, by a UDP socket of the same number. The reservation costs nothing, ends with the
process, and every other start sees it.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping

from local_stack.errors import StackError
from shared.settings_registry.registry import default_of

LOOPBACK = "127.0.0.1"
SETTINGS = {
    "postgres": "POSTGRES_PORT",
    "s3": "S3_PORT",
    "retailer1": "RETAILER1_PORT",
    "retailer2": "RETAILER2_PORT",
    "retailer3": "RETAILER3_PORT",
    "airflow": "AIRFLOW_PORT",
}
USUAL = {service: int(default_of(name)) for service, name in SETTINGS.items()}
TRIES = 200


class PortReservations:
    """Ports that this process chose and reserves until `release`."""

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def choose(self, preferred: int) -> int:
        """Reserve `preferred` or the next free port after it."""
        for port in range(preferred, min(preferred + TRIES, 65536)):
            if port not in self._held and self._reserve(port):
                return port
        raise StackError(
            f"No port from {preferred} on is free. Set another one in .env ({', '.join(SETTINGS.values())})."
        )

    def release(self) -> None:
        """Release all reservations: the services listen by now, or the start failed."""
        for held in self._held.values():
            held.close()
        self._held.clear()

    def _reserve(self, port: int) -> bool:
        reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            reservation.bind((LOOPBACK, port))
        except OSError:
            reservation.close()
            return False
        if not _nobody_listens(port):
            reservation.close()
            return False
        self._held[port] = reservation
        return True


def choose_ports(
    reservations: PortReservations, environ: Mapping[str, str], recorded: Mapping[str, int]
) -> dict[str, int]:
    """A port for each service: its setting, else its previous port, else the default, or the next free one."""
    chosen = {}
    for service, usual in USUAL.items():
        setting = environ.get(SETTINGS[service], "")
        if setting and not setting.isdecimal():
            raise StackError(f"{SETTINGS[service]}={setting} is not a port number. Correct it in .env.")
        chosen[service] = reservations.choose(int(setting) if setting else recorded.get(service, usual))
    return chosen


def _nobody_listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
        return True
    return False
