"""What the tests are kept from, and that it is really kept from them."""

import os
import socket
import warnings

import pytest
from pytest_socket import SocketBlockedError


def test_the_network_is_closed() -> None:
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET)


@pytest.mark.system
def test_a_system_test_may_open_a_port() -> None:
    with socket.socket(socket.AF_INET) as door:
        door.bind(("127.0.0.1", 0))


def test_a_warning_is_an_error() -> None:
    with pytest.raises(UserWarning, match="planted"):
        warnings.warn("planted", stacklevel=1)


def test_the_hub_is_not_asked() -> None:
    assert os.environ["HF_HUB_OFFLINE"] == "1"
