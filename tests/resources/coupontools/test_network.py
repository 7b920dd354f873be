"""The way to the API: the proxy that the environment names for an address, and the certificates that are trusted."""

from pathlib import Path

import pytest

from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.network import describe_risk, proxy_for, read_certificates
from resources.settings import SettingsError

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *map(str.lower, VARIABLES), "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


def proxy(address: str) -> str | None:
    proxy = proxy_for(address)
    return str(proxy.url) if proxy else None


@pytest.mark.parametrize(
    ("variable", "value", "address", "expected"),
    [
        ("HTTPS_PROXY", "http://proxy.example:3128", "https://api.example", "http://proxy.example:3128"),
        ("https_proxy", "proxy.example:3128", "https://api.example", "http://proxy.example:3128"),
        ("HTTPS_PROXY", "https://me:hush@proxy.example", "https://api.example", "https://proxy.example"),
        ("ALL_PROXY", "http://proxy.example", "https://api.example", "http://proxy.example"),
        ("HTTP_PROXY", "http://proxy.example", "https://api.example", None),
        ("HTTPS_PROXY", "", "https://api.example", None),
    ],
)
def test_the_proxy_of_the_environment_is_asked(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, address: str, expected: str | None
) -> None:
    monkeypatch.setenv(variable, value)
    assert proxy(address) == expected


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:80", "http://127.8.8.8", "http://localhost:8080", "http://a.localhost", "http://[::1]"],
)
def test_loopback_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "ftp://not.even.one")
    assert proxy(address) is None


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_named"),
    [
        ("*", "api.example", True),
        ("api.example", "api.example", True),
        ("example", "api.example", True),
        (".example", "api.example", True),
        ("*.example", "api.example", True),
        ("Other, API.example ", "api.example", True),
        ("api.example:443", "api.example", True),
        ("api.example:80", "api.example", False),
        ("pi.example", "api.example", False),
        ("", "api.example", False),
        (",,", "api.example", False),
        ("10.0.0.0/8,::1/128,fd00::/8,[::1]", "api.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.1/8", "10.1.2.3", True),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("10.0.0.0/99,:::,[", "10.1.2.3", False),
        ("fd00::/8", "[fd00::1]", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("[fd00::1]:443", "[fd00::1]", True),
        ("fd00::2", "[fd00::1]", False),
    ],
)
def test_no_proxy_is_asked_for_what_no_proxy_names(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, host: str, is_named: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy(f"https://{host}") is None) == is_named


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "ftp"])
@pytest.mark.parametrize("rest", ["me:hush@proxy.example:1080", "me:hush@proxy.example:port"])
def test_a_proxy_that_is_not_spoken_with_is_refused(monkeypatch: pytest.MonkeyPatch, scheme: str, rest: str) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://{rest}")
    with pytest.raises(SettingsError, match=r"^ALL_PROXY is wrong: .* or add api\.example to NO_PROXY\.$") as error:
        proxy("https://api.example")
    assert "hush" not in str(error.value)


@pytest.mark.parametrize("value", ["http://", "http://host:99999", "host:port", "http://a\rb", "http://h\udcff"])
def test_a_proxy_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(SettingsError, match=r"^HTTPS_PROXY is wrong: "):
        proxy("https://api.example")


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("SSL_CERT_FILE", "missing.pem"),
        ("SSL_CERT_FILE", "empty.pem"),
        ("SSL_CERT_FILE", "text.pem"),
        ("SSL_CERT_FILE", "folder"),
        ("SSL_CERT_DIR", "missing"),
        ("SSL_CERT_DIR", "folder"),
        ("SSL_CERT_DIR", "empty.pem"),
        ("SSLKEYLOGFILE", "missing/keys.log"),
    ],
)
def test_certificates_that_are_none_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, place: str
) -> None:
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "text.pem").write_text("no certificate")
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv(variable, str(tmp_path / place))
    with pytest.raises(SettingsError, match=rf"^TLS cannot be set up from {variable} \(.*{place}\): ") as error:
        read_certificates()
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("address", "is_risky"),
    [
        ("http://api.example", True),
        ("http://192.168.1.7:8080", True),
        ("HTTP://127.0.0.1.example", True),
        ("https://api.example", False),
        ("http://127.0.0.1:8080", False),
        ("http://[::1]:8080", False),
        ("http://localhost", False),
    ],
)
def test_an_address_without_encryption_is_warned_of_beyond_this_machine(address: str, is_risky: bool) -> None:
    assert bool(describe_risk(address)) == is_risky


def test_the_warning_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_API_URL", "http://api.example")
    assert "anybody on the network path to api.example can read the keys" in (CoupontoolsAccount().risk() or "")
    monkeypatch.setenv("COUPONTOOLS_ALLOW_HTTP", "true")
    assert CoupontoolsAccount().risk() is None
