from __future__ import annotations

import socket

import pytest

from local_stack.errors import StackError
from local_stack.ports import USUAL, PortReservations, choose_ports
from local_stack.postgres import free_port


@pytest.fixture
def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_the_next_free_port_is_taken_when_somebody_listens(listening: socket.socket) -> None:
    busy = listening.getsockname()[1]

    assert PortReservations().choose(busy) > busy


def test_a_port_that_another_start_has_chosen_is_not_chosen_again() -> None:
    first, second = PortReservations(), PortReservations()

    port = first.choose(free_port())

    assert second.choose(port) != port
    first.release()
    assert second.choose(port) == port


def test_a_reserved_port_can_still_be_listened_on() -> None:
    port = PortReservations().choose(free_port())

    with socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname()[1] == port


def test_ports_are_the_recorded_ones_unless_a_setting_says_otherwise() -> None:
    recorded = {name: free_port() for name in USUAL}
    wanted = free_port()

    chosen = choose_ports(PortReservations(), {"AIRFLOW_PORT": str(wanted)}, recorded)

    assert chosen == {**recorded, "airflow": wanted}


def test_a_setting_that_is_not_a_number_is_named() -> None:
    with pytest.raises(StackError, match="S3_PORT=nine is not a port number"):
        choose_ports(PortReservations(), {"S3_PORT": "nine"}, {})
