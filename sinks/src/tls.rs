//! Whom a connection trusts, and which certificate it shows.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::error::SinkError;
use crate::settings::TlsSettings;

/// The configuration of connections of the sink `sink`.
///
/// # Errors
/// [`SinkError::Setting`] when a file holds nothing usable; [`SinkError::Io`].
pub(crate) fn config(sink: &str, tls: &TlsSettings) -> Result<Arc<ClientConfig>, SinkError> {
    let fault = |field: &'static str, problem: &str| SinkError::Setting {
        sink: sink.to_owned(),
        field,
        problem: problem.to_owned(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| fault("tls", "no protocol version is available"))?;
    let roots = match &tls.ca_file {
        Some(path) => named_roots(path)?,
        None => system_roots()?,
    };
    if roots.is_empty() {
        return Err(fault("tls.ca_file", "there is no usable certificate to trust"));
    }
    let builder = builder.with_root_certificates(roots);
    let Some(identity) = &tls.identity else { return Ok(Arc::new(builder.with_no_client_auth())) };
    let chain = certificates(&identity.cert_file)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&identity.key_file)?)
        .map_err(|_| fault("tls.identity", "the key file holds no private key in PEM"))?;
    let config = builder.with_client_auth_cert(chain, key);
    config.map(Arc::new).map_err(|_| fault("tls.identity", "certificate and key do not fit together"))
}

fn read(path: &Path) -> Result<Vec<u8>, SinkError> {
    std::fs::read(path).map_err(SinkError::io("reading", path))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SinkError> {
    let pem = read(path)?;
    Ok(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect())
}

fn named_roots(path: &Path) -> Result<RootCertStore, SinkError> {
    let mut roots = RootCertStore::empty();
    let (_, _unusable) = roots.add_parsable_certificates(certificates(path)?);
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, SinkError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs()
        .map_err(SinkError::io("reading", "the system's certificate authorities"))?;
    let (_, _unusable) = roots.add_parsable_certificates(found);
    Ok(roots)
}
