"""A provider behind TLS: believed if the machine knows its certificate."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chat.provider import transport

from ..asking import failure_of, text_of
from ..double import answer

PEM = serialization.Encoding.PEM


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Key and certificate of 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider.example")])
    now = datetime.now(UTC)
    day, host = timedelta(days=1), x509.IPAddress(ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path_factory.mktemp("tls") / "provider.pem"
    file.write_bytes(key.private_bytes(PEM, *plain) + made.public_bytes(PEM))
    return file


@pytest.fixture
async def behind_tls(double, certificate, settings):
    """The double, reached by https alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(_to(urlsplit(double.base_url)), "127.0.0.1", ssl=context)
    port = server.sockets[0].getsockname()[1]
    settings.OPENAI_BASE_URL = f"https://127.0.0.1:{port}/v1"
    yield double
    server.close()


def _to(address):
    async def carry(reader, writer):
        onward = await asyncio.open_connection(address.hostname, address.port)
        await asyncio.gather(_pour(reader, onward[1]), _pour(onward[0], writer))

    return carry


async def _pour(reader, writer):
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.fixture(autouse=True)
def anew():
    """The certificates are loaded once in a process."""
    transport.certificates.cache_clear()
    yield
    transport.certificates.cache_clear()


async def test_a_known_certificate_is_believed(behind_tls, provider, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    behind_tls.script(*answer("Well met."))
    assert await text_of(provider) == "Well met."
    assert await text_of(provider) == "Well met."
    assert transport.certificates.cache_info().misses == 1


async def test_an_unknown_one_is_not(behind_tls, provider):
    _, error = await failure_of(provider)
    assert error.text == "The model's server cannot be reached. Try again in a moment."
    assert not behind_tls.requests


async def test_without_tls_none_is_loaded(double, provider):
    double.script(*answer("Hi."))
    assert await text_of(provider) == "Hi."
    assert transport.certificates.cache_info().misses == 0
