//! Fetching a key set: one bounded GET, without redirects, proxies or cookies.

use std::{error::Error, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::{self, Either};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{self, TcpStream},
    time,
};
use tokio_rustls::TlsConnector;

use super::settings::{JwksUrl, Transport};

/// Bytes of a key set.
const BODY_LIMIT: usize = 512 << 10;

/// Why a fetch failed; holds nothing of what was received.
type Fault = Box<dyn Error + Send + Sync>;

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Trust in the certificate authorities that this system trusts.
pub(super) fn system_trust() -> Result<Arc<ClientConfig>, Fault> {
    let mut roots = RootCertStore::empty();
    let (_, _unusable) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs()?);
    trust(roots)
}

/// Trust in given certificate authorities.
pub(super) fn trust(roots: RootCertStore) -> Result<Arc<ClientConfig>, Fault> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// The body at an address, within a time for everything together.
pub(super) async fn get(url: &JwksUrl, tls: &Arc<ClientConfig>, timeout: Duration) -> Result<Bytes, Fault> {
    let fetched = time::timeout(timeout, async { exchange(url, connect(url, tls).await?).await });
    fetched.await.map_err(|_| "it took too long")?
}

async fn connect(url: &JwksUrl, tls: &Arc<ClientConfig>) -> Result<Box<dyn Connection>, Fault> {
    let own_port = if url.transport == Transport::Tls { 443 } else { 80 };
    let port = url.uri.port_u16().unwrap_or(own_port);
    let mut fault = io::Error::new(io::ErrorKind::NotFound, "its host has no usable address");
    for address in net::lookup_host((url.host.as_str(), port)).await? {
        if url.transport == Transport::Loopback && !address.ip().is_loopback() {
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) if url.transport == Transport::Loopback => return Ok(Box::new(stream)),
            Ok(stream) => {
                let name = ServerName::try_from(url.host.clone())?;
                return Ok(Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?));
            }
            Err(error) => fault = error,
        }
    }
    Err(fault.into())
}

async fn exchange(url: &JwksUrl, stream: Box<dyn Connection>) -> Result<Bytes, Fault> {
    let target = url.uri.path_and_query().map_or("/", |target| target.as_str());
    let host = url.uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(target)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/jwk-set+json, application/json")
        .header(header::USER_AGENT, concat!("weir/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let reply = async move {
        let reply = sender.send_request(request).await?;
        if reply.status() != StatusCode::OK {
            return Err(Fault::from(format!("it was answered with status {}", reply.status().as_u16())));
        }
        Ok(Limited::new(reply.into_body(), BODY_LIMIT).collect().await?.to_bytes())
    };
    // The connection has to be driven while the reply is read; it may well end first.
    match future::select(Box::pin(connection), Box::pin(reply)).await {
        Either::Left((_ended, reply)) => reply.await,
        Either::Right((reply, _connection)) => reply,
    }
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc, time::Duration};

    use rcgen::CertifiedKey;
    use rustls::{RootCertStore, ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use tokio_rustls::TlsAcceptor;

    use super::{get, trust};
    use crate::jwt::JwksUrl;

    /// Answers one connection with `{}`; gives its address and the certificate to trust.
    async fn serve() -> (SocketAddr, RootCertStore) {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else { return };
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /keys?v=1 HTTP/1.1\r\nhost: localhost"));
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        (address, roots)
    }

    #[tokio::test]
    async fn https_needs_a_trusted_certificate_for_the_name() {
        for (host, is_trusted, expect) in
            [("localhost", true, true), ("localhost", false, false), ("127.0.0.1", true, false)]
        {
            let (address, roots) = serve().await;
            let tls = trust(if is_trusted { roots } else { RootCertStore::empty() }).unwrap();
            let url = JwksUrl::parse(&format!("https://{host}:{}/keys?v=1", address.port())).unwrap();
            let body = get(&url, &tls, Duration::from_secs(10)).await;
            assert_eq!(body.is_ok(), expect, "{host}: {:?}", body.err());
        }
    }
}
