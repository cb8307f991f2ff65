//! A connection to a receiver, encrypted or not.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::address::Security;
use crate::error::Failure;

pub(crate) trait Connection: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    /// Whether the other side has reset the connection since the last look.
    fn is_reset(&self) -> bool;
}

impl Connection for TcpStream {
    fn is_reset(&self) -> bool {
        !matches!(self.take_error(), Ok(None))
    }
}

impl Connection for TlsStream<TcpStream> {
    fn is_reset(&self) -> bool {
        self.get_ref().0.is_reset()
    }
}

/// A host, a port, and how to get there.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    /// Used with [`Security::Tls`] only.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Door {
    /// Opens a connection. The caller sets the deadline.
    pub(crate) async fn open(&self) -> Result<Box<dyn Connection>, Failure> {
        let stream = self.open_tcp().await?;
        stream.set_nodelay(true).map_err(|_| Failure::Unreachable)?;
        let Some(tls) = self.tls.as_ref().filter(|_| self.security == Security::Tls) else {
            // INVARIANT: a door that asks for TLS never opens without it.
            return if self.security == Security::Tls { Err(Failure::Tls) } else { Ok(Box::new(stream)) };
        };
        let name = ServerName::try_from(self.host.clone()).map_err(|_| Failure::Tls)?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        Ok(Box::new(stream.map_err(|_| Failure::Tls)?))
    }

    async fn open_tcp(&self) -> Result<TcpStream, Failure> {
        for address in self.addresses().await? {
            if let Ok(stream) = TcpStream::connect(address).await {
                return Ok(stream);
            }
        }
        Err(Failure::Unreachable)
    }

    /// The addresses that may be connected to; never empty.
    pub(crate) async fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        let found = lookup_host((self.host.as_str(), self.port)).await.map_err(|_| Failure::Unreachable)?;
        let fits = |it: &SocketAddr| self.security != Security::Loopback || it.ip().is_loopback();
        let found: Vec<_> = found.filter(fits).collect();
        if found.is_empty() { Err(Failure::Unreachable) } else { Ok(found) }
    }
}
