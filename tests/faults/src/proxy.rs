//! A link between two processes that can be cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use biplane_stack::SetupError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::failed;

/// What a link does with what is sent over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Passes it on.
    Open,
    /// Ends each connection, and refuses new ones.
    Cut,
    /// Passes nothing on and tells nobody, as a network does that loses packets; what was sent
    /// meanwhile comes afterwards.
    Silent,
}

/// Listens on a port of its own and passes on to another.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    link: watch::Sender<Link>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// To a port of this machine, which may be open later.
    pub async fn to(target: u16) -> Result<Self, SetupError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let (link, seen) = watch::channel(Link::Open);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *seen.borrow() != Link::Cut {
                    tokio::spawn(pass(near, target, seen.clone()));
                }
            }
        });
        Ok(Self { port, link, task })
    }

    /// As an address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Is so for so long, and open then.
    pub async fn broken(&self, how: Link, long: Duration) {
        self.link.send_replace(how);
        tokio::time::sleep(long).await;
        self.link.send_replace(Link::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Until one side ends, or the link is cut.
async fn pass(near: TcpStream, target: u16, link: watch::Receiver<Link>) {
    let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    for socket in [&near, &far] {
        let _ = socket.set_nodelay(true);
    }
    let (from_near, to_near) = near.into_split();
    let (from_far, to_far) = far.into_split();
    let mut cut = link.clone();
    tokio::select! {
        () = pump(from_near, to_far, link.clone()) => {}
        () = pump(from_far, to_near, link) => {}
        _ = cut.wait_for(|link| *link == Link::Cut) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut link: watch::Receiver<Link>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if link.wait_for(|link| *link != Link::Silent).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_link_delivers_later_and_a_cut_one_ends_its_connections() {
        let target = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let proxy = Proxy::to(target.local_addr().expect("bound").port()).await.expect("a proxy");
        let mut near = TcpStream::connect(proxy.address()).await.expect("connected");
        let (mut far, _) = target.accept().await.expect("passed on");
        let mut byte = [0];

        near.write_all(b"a").await.expect("sent");
        far.read_exact(&mut byte).await.expect("read");
        assert_eq!(&byte, b"a");

        proxy.link.send_replace(Link::Silent);
        near.write_all(b"b").await.expect("sent");
        let long = Duration::from_millis(100);
        assert!(tokio::time::timeout(long, far.read_exact(&mut byte)).await.is_err());
        proxy.link.send_replace(Link::Open);
        far.read_exact(&mut byte).await.expect("read");
        assert_eq!(&byte, b"b");

        proxy.link.send_replace(Link::Cut);
        assert_eq!(far.read(&mut byte).await.unwrap_or(0), 0);
        assert_eq!(near.read(&mut byte).await.unwrap_or(0), 0);
        let mut refused = TcpStream::connect(proxy.address()).await.expect("the port is there");
        assert_eq!(refused.read(&mut byte).await.unwrap_or(0), 0);
    }
}
