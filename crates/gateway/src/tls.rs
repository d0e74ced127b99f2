//! TLS for devices that speak it: one certificate for all listeners.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

pub(crate) const CERTIFICATE: &str = "BIPLANE_GATEWAY_TLS_CERT";
pub(crate) const KEY: &str = "BIPLANE_GATEWAY_TLS_KEY";

/// Where certificate and key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the server's certificate, then those between it and the root.
    pub certificate: PathBuf,
    /// PEM: the certificate's private key (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
}

/// Why there is no TLS with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read, or holds something else.
    #[error("{key}: `{}` holds no {expected} in PEM that can be read", path.display())]
    File {
        /// The configuration's key.
        key: &'static str,
        /// Its value.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// Why.
        #[source]
        source: tokio_rustls::rustls::pki_types::pem::Error,
    },
    /// Both are well, but can't be used, or not with each other.
    #[error(
        "{CERTIFICATE}: `{}` can't be used with {KEY}: `{}`",
        files.certificate.display(),
        files.key.display()
    )]
    Pair {
        /// Which files.
        files: TlsFiles,
        /// Why.
        #[source]
        source: tokio_rustls::rustls::Error,
    },
}

/// TLS 1.2 and 1.3, without client certificates.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let unreadable = |key, path: &Path, expected| {
        let path = path.to_owned();
        move |source| TlsError::File { key, path, expected, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| {
            use tokio_rustls::rustls::pki_types::pem::Error::NoItemsFound;
            if chain.is_empty() { Err(NoItemsFound) } else { Ok(chain) }
        })
        .map_err(unreadable(CERTIFICATE, &files.certificate, "certificate"))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unreadable(
        KEY,
        &files.key,
        "private key",
    ))?;
    let unusable = |source| TlsError::Pair { files: files.clone(), source };
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Why a connection has no TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("the handshake took too long")]
    Slow,
    #[error("the gateway stops")]
    Stopping,
    #[error(transparent)]
    Failed(#[from] std::io::Error),
}

/// Agrees on keys with a device, up to the time when it has to have logged in.
pub(crate) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    acceptor: &TlsAcceptor,
    socket: S,
    deadline: Instant,
    stopping: &mut watch::Receiver<bool>,
) -> Result<TlsStream<S>, HandshakeError> {
    tokio::select! {
        agreed = timeout_at(deadline, acceptor.accept(socket)) => match agreed {
            Ok(agreed) => Ok(agreed?),
            Err(_) => Err(HandshakeError::Slow),
        },
        _ = stopping.wait_for(|&stopping| stopping) => Err(HandshakeError::Stopping),
    }
}
