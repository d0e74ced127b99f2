//! The TCP connection itself, also below TLS: how much of what was written has arrived.

use std::ffi::c_int;
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A TCP connection that counts what is written.
pub(crate) struct Wire {
    tcp: TcpStream,
    written: u64,
}

/// What runs over a [`Wire`].
pub(crate) trait OverWire: AsyncRead + AsyncWrite + Unpin {
    /// The lowest layer.
    fn wire(&self) -> &Wire;
}

impl OverWire for Wire {
    fn wire(&self) -> &Wire {
        self
    }
}

impl OverWire for TlsStream<Wire> {
    fn wire(&self) -> &Wire {
        self.get_ref().0
    }
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self { tcp, written: 0 }
    }

    /// Bytes that the kernel has taken.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Bytes that the other side's TCP has acknowledged; none, where that can't be told.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.written.saturating_sub(queued(&self.tcp).unwrap_or(u64::MAX))
    }

    /// From now on closing forgets what is unsent or unacknowledged, and resets the connection.
    pub(crate) fn forget_on_close(&self) -> io::Result<()> {
        self.tcp.set_zero_linger()
    }
}

/// Bytes in the socket's queue: not sent yet, or sent and not acknowledged (SIOCOUTQ, see tcp(7)).
#[expect(unsafe_code, reason = "an ioctl that no crate here wraps")]
fn queued(tcp: &TcpStream) -> io::Result<u64> {
    mod ioctl {
        // On sockets Linux calls it SIOCOUTQ; the number is the same.
        nix::ioctl_read_bad!(outq, nix::libc::TIOCOUTQ, super::c_int);
    }
    let mut bytes: c_int = 0;
    // SAFETY: the descriptor is open as long as `tcp`, and the kernel writes one `int`.
    unsafe { ioctl::outq(tcp.as_raw_fd(), &raw mut bytes) }?;
    Ok(u64::try_from(bytes).unwrap_or_default())
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.tcp).poll_write(context, bytes))?;
        self.written += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.tcp).poll_write_vectored(context, parts))?;
        self.written += count as u64;
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
