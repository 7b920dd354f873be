"""The HTTP connection to the API as the environment describes it: trusted certificates, and the proxy to use."""

import os
import re
from errno import ENOENT
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address, ip_network
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from urllib.request import getproxies

import httpcore
import httpx

from resources.coupontools.body import ENCODINGS
from resources.settings import ApiLimits, SettingsError
from resources.utc import utc_now

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""The variables that httpx and Python's ssl read files from."""

_UNTRUSTED = re.compile("self-signed|self signed|issuer|first certificate")
"""What OpenSSL says of a certificate without a trusted signature."""

_OUT_OF_DATE = re.compile("certificate is not yet valid|certificate has expired")
"""What OpenSSL says of a certificate that is not valid at this time."""

# the most that asyncio takes from a socket at once: each piece of a page passes through all layers of httpx
httpcore.AsyncHTTP11Connection.READ_NUM_BYTES = 262_144

_has_expired = httpcore.AsyncHTTP11Connection.has_expired


def _has_expired_or_holds_more(self: httpcore.AsyncHTTP11Connection) -> bool:
    """Whether a connection may not carry another request.

    Neither may one with bytes after its last answer: httpcore would take them for the answer to the next request.
    """
    holds_more = self.is_idle() and bool(self._h11_state.trailing_data[0])
    return holds_more or _has_expired(self)


httpcore.AsyncHTTP11Connection.has_expired = _has_expired_or_holds_more  # type: ignore[method-assign]  # no setting


class Certificates:
    """The trusted certificates, read when first needed, as reading them takes longer than a request."""

    @cached_property
    def context(self) -> SSLContext:
        """The TLS context with them. Raises SettingsError."""
        return read_certificates()


def read_certificates() -> SSLContext:
    """Read the trusted certificates, from SSL_CERT_FILE or SSL_CERT_DIR if set. Raises SettingsError."""
    places = {name: os.environ[name] for name in _CERTIFICATES if os.environ.get(name)}
    if "SSL_CERT_FILE" in places:
        places.pop("SSL_CERT_DIR", None)  # httpx takes the first
    try:
        if "SSL_CERT_DIR" in places:  # without any, OpenSSL would trust nobody
            folders = map(Path, places["SSL_CERT_DIR"].split(os.pathsep))
            if not any(any(folder.iterdir()) for folder in folders if folder.is_dir()):
                raise FileNotFoundError(ENOENT, "there is no folder with certificates")
        return httpx.create_ssl_context()
    except OSError as error:
        source = " or ".join(f"{name} ({place})" for name, place in places.items()) or "the package certifi"
        reason = error.strerror or error
        raise SettingsError(
            f"TLS cannot be set up from {source}: {reason}. Correct the variable, or unset it."
        ) from None


def describe_refused_certificate(reason: str) -> str | None:
    """Say what to do about a certificate that OpenSSL refuses for this reason; None where that is not the certificate.

    None, too, for a certificate of another host: trusting it would not help.
    """
    if _OUT_OF_DATE.search(reason):
        return (
            f"The clock of this machine says {utc_now():%Y-%m-%d %H:%M} UTC: set it if that is wrong. If not, whoever "
            "runs the API, or a proxy before it, must renew the certificate."
        )
    if "CERTIFICATE_VERIFY_FAILED" in reason and _UNTRUSTED.search(reason):
        return (
            "Its certificate is not trusted. If it belongs to your network, name the file with the certificate of its "
            "signer in SSL_CERT_FILE. If not, something between here and the API answers in its place: check "
            "COUPONTOOLS_API_URL and the network."
        )
    return None


def proxy_for(address: str) -> httpx.Proxy | None:
    """Return the proxy of the environment for this address; none for loopback and what NO_PROXY names.

    Raises SettingsError for a kind of proxy that is not supported.
    """
    url, proxies = httpx.URL(address), getproxies()
    name = url.scheme if proxies.get(url.scheme) else "all"
    text = proxies.get(name, "").strip()
    if not text or is_loopback(url.host) or _is_excluded(url, proxies.get("no", "")):
        return None
    try:
        proxy = httpx.Proxy(text if "://" in text else f"http://{text}")
        is_known = proxy.url.scheme in ("http", "https") and bool(proxy.url.host) and (proxy.url.port or 1) < 65536
    except (httpx.InvalidURL, ValueError):
        is_known = False
    if not is_known:
        raise SettingsError(
            f"{name.upper()}_PROXY is wrong: should be http:// or https://, a host and a port (socks and ftp are not "
            f"supported). Correct it, unset it, or add {url.host} to NO_PROXY."
        )
    return proxy


def open_http(url: str, proxy: httpx.Proxy | None, limits: ApiLimits, certificates: Certificates) -> httpx.AsyncClient:
    """Make the HTTP client for the API at `url`. Raises SettingsError."""
    if proxy and proxy.url.scheme == "https":
        proxy.ssl_context = certificates.context
    is_encrypted = httpx.URL(url).scheme == "https"
    return httpx.AsyncClient(
        base_url=url,
        proxy=proxy,
        trust_env=False,
        # PHP handles requests with one session cookie one after the other
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=httpx.Timeout(limits.read_timeout, connect=limits.connect_timeout, pool=None),
        limits=httpx.Limits(max_connections=limits.concurrency, max_keepalive_connections=limits.concurrency),
        headers={"Accept-Encoding": ENCODINGS},
        # without encryption no certificate is needed: an empty context trusts none
        verify=certificates.context if is_encrypted else SSLContext(PROTOCOL_TLS_CLIENT),
    )


def describe_route(proxy: httpx.Proxy | None) -> str:
    """How the API is reached, for messages: empty, or ` through the proxy host:port`."""
    return f" through the proxy {proxy.url.host}:{proxy.url.port or proxy.url.scheme}" if proxy else ""


def describe_risk(address: str) -> str | None:
    """Return the warning about an address to which the keys go unencrypted; None if they do not."""
    url = httpx.URL(address)
    if url.scheme != "http" or is_loopback(url.host):
        return None
    return (
        f"COUPONTOOLS_API_URL is http://: anybody on the network path to {url.host} can read the keys and change "
        "answers. Use https://, or set COUPONTOOLS_ALLOW_HTTP=true to silence this warning."
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost")


def _is_excluded(url: httpx.URL, no_proxy: str) -> bool:
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
