"""Trusted certificates are loaded once, from the user's or the default place."""

from pathlib import Path

import pytest

from agentkit.transport.tls import tls_context

CERTIFICATE = Path(__file__).parents[2] / "integration" / "tls" / "cert.pem"


def test_certificates_are_loaded_once() -> None:
    """It takes longer than an exchange."""
    assert tls_context() is tls_context()


def test_a_user_may_name_a_file_of_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its certificates are trusted then."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    usual = tls_context().cert_store_stats()["x509"]
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    assert usual > 1
    assert tls_context().cert_store_stats()["x509"] == 1


def test_a_user_may_name_a_folder_of_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read when a certificate is checked, and not before."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(CERTIFICATE.parent))

    assert tls_context().cert_store_stats()["x509"] == 0
