"""Ports that are given away are free, and no two servers get the same."""

import socket

import pytest

from scripts.stack import ports


def test_the_port_of_before_is_kept_while_it_is_free_and_not_given_away() -> None:
    before = ports.choose()
    assert ports.choose(before) == before
    assert ports.choose(before, taken=[before]) != before
    with socket.create_server(("127.0.0.1", before)):
        assert ports.choose(before) != before


def test_several_ports_are_different_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "HIGHEST", ports.LOWEST + 200)
    for _ in range(20):
        assert len(set(ports.several(5))) == 5
