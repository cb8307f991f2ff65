//! A certificate authority of the test, a server's certificate and a client's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, crypto::ring};
use weir_sinks::{Identity, TlsSettings};

/// PEM files in a folder: `ca.pem`, `other-ca.pem`, and for `server` and `client` a certificate and a key.
pub struct Pki(PathBuf);

impl Pki {
    pub fn new(dir: &Path) -> Self {
        let pki = Self(dir.to_owned());
        let ca = authority("ours");
        pki.write("ca.pem", &ca.pem());
        pki.write("other-ca.pem", &authority("another").pem());
        for (name, host) in [("server", "localhost"), ("client", "weir")] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new([host.to_owned()]).unwrap();
            pki.write(&format!("{name}.pem"), &params.signed_by(&key, &ca).unwrap().pem());
            pki.write(&format!("{name}.key"), &key.serialize_pem());
        }
        pki
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }

    /// What a sink is told that trusts the authority in `ca` and shows the client's certificate.
    pub fn client(&self, ca: &str) -> TlsSettings {
        let identity = Identity { cert_file: self.file("client.pem"), key_file: self.file("client.key") };
        TlsSettings { ca_file: Some(self.file(ca)), identity: Some(identity) }
    }

    /// A server that asks for a certificate of our authority.
    pub fn server(&self) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.file("ca.pem")).unwrap()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let chain = vec![CertificateDer::from_pem_file(self.file("server.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.file("server.key")).unwrap();
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_client_cert_verifier(clients.build().unwrap());
        Arc::new(builder.with_single_cert(chain, key).unwrap())
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
