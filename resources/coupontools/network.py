"""The way to the API as the environment describes it: which certificates are trusted, and which proxy is asked."""

import os
from errno import ENOENT
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from ssl import SSLContext
from urllib.request import getproxies

import httpx

from resources.settings import SettingsError

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""The variables that httpx and Python's ssl read files from."""


def certificates() -> SSLContext:
    """The certificates that are trusted, of SSL_CERT_FILE or SSL_CERT_DIR if set. Raises SettingsError."""
    return _certificates(tuple((name, os.environ.get(name) or "") for name in _CERTIFICATES))


@cache
def _certificates(variables: tuple[tuple[str, str], ...]) -> SSLContext:
    """Read them; that takes longer than a request."""
    places = {name: place for name, place in variables if place}
    if "SSL_CERT_FILE" in places:
        places.pop("SSL_CERT_DIR", None)  # httpx takes the first
    try:
        if "SSL_CERT_DIR" in places:  # without any, OpenSSL would trust nobody
            folders = map(Path, places["SSL_CERT_DIR"].split(os.pathsep))
            if not any(any(folder.iterdir()) for folder in folders if folder.is_dir()):
                raise FileNotFoundError(ENOENT, "no folder with certificates is there")
        return httpx.create_ssl_context()
    except OSError as error:
        told = " or ".join(f"{name} ({place})" for name, place in places.items()) or "the package certifi"
        reason = error.strerror or error
        raise SettingsError(f"TLS cannot be set up from {told}: {reason}. Correct the variable, or unset it.") from None


def proxy_for(address: str) -> httpx.Proxy | None:
    """The proxy of the environment for this address; none for loopback and what NO_PROXY names.

    Raises SettingsError if it is one that the export does not speak with.
    """
    url, proxies = httpx.URL(address), getproxies()
    name = url.scheme if proxies.get(url.scheme) else "all"
    text = proxies.get(name, "").strip()
    if not text or is_loopback(url.host) or _is_named(url, proxies.get("no", "")):
        return None
    try:
        proxy = httpx.Proxy(text if "://" in text else f"http://{text}")
        is_known = proxy.url.scheme in ("http", "https") and bool(proxy.url.host) and (proxy.url.port or 1) < 65536
    except (httpx.InvalidURL, ValueError):
        is_known = False
    if not is_known:
        raise SettingsError(
            f"{name.upper()}_PROXY is wrong: should be http:// or https://, a host and a port (socks and ftp are not "
            f"spoken). Correct it, unset it, or add {url.host} to NO_PROXY."
        )
    if proxy.url.scheme == "https":
        proxy.ssl_context = certificates()
    return proxy


def risk_of(address: str) -> str | None:
    """The line that warns of an address to which the keys go readable for all on the way; None if they do not."""
    url = httpx.URL(address)
    if url.scheme != "http" or is_loopback(url.host):
        return None
    return (
        f"COUPONTOOLS_API_URL is http://: whoever is on the way to {url.host} can read the keys and change answers. "
        "Use https://, or set COUPONTOOLS_ALLOW_HTTP=true to hear no more of it."
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost")


def _is_named(url: httpx.URL, no_proxy: str) -> bool:
    """Whether NO_PROXY names the host: itself, a domain above it, its address or network, or `*` for all."""
    return any(_matches(url, entry.strip().lower()) for entry in no_proxy.replace(" ", ",").split(","))


def _matches(url: httpx.URL, entry: str) -> bool:
    host, entry = url.host.lower().rstrip("."), entry.rpartition("://")[2]
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:  # one of them is a name, or has a port
        pass
    name, _, port = entry.rpartition(":") if entry.rpartition(":")[2].isdigit() else (entry, "", "")
    is_its_port = not port or int(port) == (url.port or {"http": 80, "https": 443}[url.scheme])
    name = name.strip("[]").removeprefix("*").strip(".")
    return entry == "*" or (bool(name) and is_its_port and (host == name or host.endswith(f".{name}")))
