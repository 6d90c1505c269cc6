//! A small TCP proxy that makes trouble: delays, resets, half-open connections, streams that end in
//! the middle.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a proxy does to the connections that go through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Every piece arrives so much later.
    Delay(Duration),
    /// Connections are reset, and new ones at once.
    Reset,
    /// Nothing arrives any more and nobody is told; whatever was sent meanwhile is lost with its
    /// connection.
    HalfOpen,
    /// Of the next piece only so many bytes arrive, then the connection is reset.
    Truncate(usize),
}

impl Trouble {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Delay(_) => "delay",
            Self::Reset => "reset",
            Self::HalfOpen => "half-open",
            Self::Truncate(_) => "truncate",
        }
    }
}

/// How long a connection to a target may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// A listener whose connections go to the next target that takes them. It ends when dropped.
pub struct Proxy {
    address: SocketAddr,
    trouble: watch::Sender<Trouble>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a port of 127.0.0.1.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(port: u16, targets: Vec<SocketAddr>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let (trouble, seen) = watch::channel(Trouble::None);
        let targets = Arc::new(Targets {
            all: targets,
            turn: AtomicUsize::new(0),
        });
        let listening = tokio::spawn(accept(listener, targets, seen));
        Ok(Self {
            address,
            trouble,
            listening,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes trouble from now on, or none.
    pub fn make(&self, trouble: Trouble) {
        self.trouble.send_replace(trouble);
    }

    /// What it does, for those who change it while others have the proxy.
    pub fn trouble(&self) -> watch::Sender<Trouble> {
        self.trouble.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

struct Targets {
    all: Vec<SocketAddr>,
    turn: AtomicUsize,
}

impl Targets {
    /// The next target that takes a connection.
    async fn connect(&self) -> Option<TcpStream> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        for step in 0..self.all.len() {
            let target = self.all[(first + step) % self.all.len()];
            let connecting = TcpStream::connect(target);
            if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT_WITHIN, connecting).await {
                return Some(stream);
            }
        }
        None
    }
}

async fn accept(listener: TcpListener, targets: Arc<Targets>, trouble: watch::Receiver<Trouble>) {
    while let Ok((client, _)) = listener.accept().await {
        let (targets, trouble) = (targets.clone(), trouble.clone());
        tokio::spawn(async move {
            let mut client = client;
            if !matches!(*trouble.borrow(), Trouble::Reset)
                && let Some(mut server) = targets.connect().await
            {
                carry(&mut client, &mut server, trouble).await;
                reset(&server);
            }
            reset(&client);
        });
    }
}

/// Lets the drop of a stream reset its connection; after an orderly end that changes nothing.
fn reset(stream: &TcpStream) {
    // A connection that is gone already cannot be reset.
    let _ = stream.set_zero_linger();
}

/// Carries both directions until both have ended or trouble cuts them.
async fn carry(client: &mut TcpStream, server: &mut TcpStream, trouble: watch::Receiver<Trouble>) {
    for stream in [&*client, &*server] {
        // Only a delay of ours shall delay.
        let _ = stream.set_nodelay(true);
    }
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let mut watched = trouble.clone();
    let both = async {
        tokio::try_join!(
            pump(from_client, to_server, trouble.clone()),
            pump(from_server, to_client, trouble.clone()),
        )
    };
    tokio::select! {
        _ = both => {}
        _ = watched.wait_for(|trouble| *trouble == Trouble::Reset) => {}
    }
}

/// The connection is cut.
struct Cut;

async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut trouble: watch::Receiver<Trouble>,
) -> Result<(), Cut> {
    let mut buffer = vec![0_u8; 16 << 10];
    loop {
        let read = from.read(&mut buffer).await.map_err(|_| Cut)?;
        let now = *trouble.borrow_and_update();
        let piece = &buffer[..read];
        match now {
            Trouble::None => {}
            Trouble::Delay(by) => tokio::time::sleep(by).await,
            Trouble::Reset => return Err(Cut),
            Trouble::HalfOpen => {
                // It was sent, and nobody will ever have it.
                let _ = trouble.wait_for(|next| *next != Trouble::HalfOpen).await;
                return Err(Cut);
            }
            Trouble::Truncate(bytes) => {
                let _ = to.write_all(&piece[..bytes.min(read)]).await;
                return Err(Cut);
            }
        }
        if read == 0 {
            return to.shutdown().await.map_err(|_| Cut);
        }
        to.write_all(piece).await.map_err(|_| Cut)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A proxy in front of an echo.
    async fn echo() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        Proxy::start(0, vec![target]).await.unwrap()
    }

    /// What comes back of `hello`; as much of it as came before the connection ended.
    async fn say_hello(stream: &mut TcpStream) -> Result<String, std::io::Error> {
        stream.write_all(b"hello").await?;
        let mut buffer = [0_u8; 5];
        let mut got = 0;
        while got < buffer.len() {
            match stream.read(&mut buffer[got..]).await {
                Ok(0) => break,
                Ok(read) => got += read,
                Err(error) if got == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(String::from_utf8_lossy(&buffer[..got]).into_owned())
    }

    #[tokio::test]
    async fn each_trouble_is_what_it_says() {
        let proxy = echo().await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(say_hello(&mut stream).await.unwrap(), "hello");

        proxy.make(Trouble::Delay(Duration::from_millis(50)));
        let started = std::time::Instant::now();
        assert_eq!(say_hello(&mut stream).await.unwrap(), "hello");
        assert!(
            started.elapsed() >= Duration::from_millis(100),
            "there and back"
        );

        proxy.make(Trouble::HalfOpen);
        let silence =
            tokio::time::timeout(Duration::from_millis(100), say_hello(&mut stream)).await;
        assert!(silence.is_err(), "nothing comes and nobody is told");
        proxy.make(Trouble::None);
        assert_ne!(say_hello(&mut stream).await.ok().as_deref(), Some("hello"));

        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(say_hello(&mut stream).await.unwrap(), "hello");
        proxy.make(Trouble::Truncate(2));
        assert_ne!(say_hello(&mut stream).await.ok().as_deref(), Some("hello"));

        proxy.make(Trouble::Reset);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(
            say_hello(&mut stream)
                .await
                .map_or(true, |got| got.is_empty())
        );
    }
}
