"""The way from an agent to its server: TLS from end to end, through a proxy where one is told."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.agent.served import HELLO

from mayfly.agent.connection import Connection, Unreachable, reach
from mayfly.protocol import wire
from mayfly.protocol.fleet import Opened

HOST = "mayfly.test"  # a name that no resolver knows
OPENED = Opened("session-1", 45.0)
KEY = "the host's key"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(name="authority", scope="module")
def _authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of the server that is its own authority, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, pkcs8, plain)
    )
    return file


@asynccontextmanager
async def server(authority: Path) -> AsyncIterator[int]:
    """Opens a session for whoever shows the host's key; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = wire.write(OPENED) if f"authorization: bearer {KEY}" in head else b"{}"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@asynccontextmanager
async def proxy(port: int) -> AsyncIterator[tuple[str, list[str]]]:
    """Its address, and what it was asked for; all ways lead to one port of this host."""
    asked: list[str] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.decode().partition("\r\n")[0])
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", asked


async def ask(url: str, ca_file: Path | None) -> Opened:
    async with reach(url, ca_file) as http:
        return await Connection(http, lambda: KEY).ask("/sessions", HELLO, Opened, within=10)


async def test_a_proxy_carries_tls_that_it_cannot_read(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(authority) as port, proxy(port) as (address, asked):
        monkeypatch.setenv("HTTPS_PROXY", address)
        assert await ask(f"https://{HOST}", authority) == OPENED
        assert asked == [f"CONNECT {HOST}:443 HTTP/1.1"]


async def test_without_a_proxy_the_name_leads_nowhere(authority: Path) -> None:
    with pytest.raises(Unreachable):
        await ask(f"https://{HOST}", authority)


async def test_a_server_of_an_authority_that_is_not_trusted_is_told_nothing(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(authority) as port, proxy(port) as (address, _):
        monkeypatch.setenv("HTTPS_PROXY", address)
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await ask(f"https://{HOST}", None)


async def test_hosts_that_need_no_proxy_are_asked_directly(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(authority) as port, proxy(port) as (address, asked):
        monkeypatch.setenv("HTTPS_PROXY", address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):  # which the certificate is not for
            await ask(f"https://127.0.0.1:{port}", authority)
        assert asked == []
