//! A TCP proxy in front of a broker: the network between, as bad as it is told to be.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What happens to bytes on their way, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Fine,
    /// Each byte takes so long.
    Slow(Duration),
    /// The client gets so many bytes, then its connection ends.
    Cut(usize),
    /// Nothing arrives, and nobody hears that it does not.
    Dead,
}

/// The proxy; it lives as long as the test process.
pub struct Proxy {
    pub port: u16,
    /// The port behind it.
    pub goal: u16,
    network: Arc<Mutex<Network>>,
}

impl Proxy {
    pub fn to(goal: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = Arc::new(Mutex::new(Network::Fine));
        let shared = network.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", goal)) {
                    let both = (client.try_clone().unwrap(), server.try_clone().unwrap());
                    carry(client, server, shared.clone(), false);
                    carry(both.1, both.0, shared.clone(), true);
                }
            }
        });
        Proxy { port, goal, network }
    }

    pub fn set(&self, network: Network) {
        *self.network.lock().unwrap() = network;
    }
}

/// Carries bytes from one end to the other until either is gone.
fn carry(mut from: TcpStream, to: TcpStream, network: Arc<Mutex<Network>>, to_client: bool) {
    let (sender, receiver) = channel();
    std::thread::spawn(move || deliver(&receiver, to, &network, to_client));
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) if sender.send((Instant::now(), buffer[..n].to_vec())).is_err() => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let _ = from.shutdown(Shutdown::Both);
    });
}

fn deliver(
    bytes: &Receiver<(Instant, Vec<u8>)>,
    mut to: TcpStream,
    network: &Mutex<Network>,
    to_client: bool,
) {
    let mut brought = 0;
    while let Ok((came, bytes)) = bytes.recv() {
        let most = loop {
            match *network.lock().unwrap() {
                Network::Fine => break usize::MAX,
                Network::Slow(time) if came.elapsed() >= time => break usize::MAX,
                Network::Cut(most) if to_client => break most,
                Network::Cut(_) => break usize::MAX,
                Network::Slow(_) | Network::Dead => {}
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let left = bytes.len().min(most.saturating_sub(brought));
        if to.write_all(&bytes[..left]).is_err() || left < bytes.len() {
            break;
        }
        brought += left;
    }
    let _ = to.shutdown(Shutdown::Both);
}
