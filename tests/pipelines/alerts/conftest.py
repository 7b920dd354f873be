"""Receivers of alerts that the environment names."""

from collections.abc import Iterator

import pytest

from tests.support.receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebReceiver]:
    """A web receiver, the only one that is alerted."""
    with web_receiver() as receiver:
        monkeypatch.setenv("COUPONTOOLS_ALERTS", receiver.address)
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    """A mail server, to be named beside it."""
    with mail_receiver() as receiver:
        yield receiver
