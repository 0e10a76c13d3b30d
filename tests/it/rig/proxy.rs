//! A TCP proxy in front of a broker: the network between, as bad as it is told to be.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Bytes in one drop of a slow network, and how long each takes.
const DROP: usize = 4096;
const DELAY: Duration = Duration::from_millis(50);

/// What happens to bytes on their way, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Fine,
    /// Everything arrives late, and in drops.
    Slow,
    /// Connections end at their next byte, new ones too.
    Cut,
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
                    carry(client, server, shared.clone());
                    carry(both.1, both.0, shared.clone());
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
fn carry(mut from: TcpStream, to: TcpStream, network: Arc<Mutex<Network>>) {
    let (sender, receiver) = channel();
    std::thread::spawn(move || deliver(&receiver, to, &network));
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) if sender.send(buffer[..n].to_vec()).is_err() => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let _ = from.shutdown(Shutdown::Both);
    });
}

fn deliver(bytes: &Receiver<Vec<u8>>, mut to: TcpStream, network: &Mutex<Network>) {
    'open: while let Ok(bytes) = bytes.recv() {
        for drop in bytes.chunks(DROP) {
            let network = loop {
                match *network.lock().unwrap() {
                    Network::Dead => {}
                    now => break now,
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            if network == Network::Slow {
                std::thread::sleep(DELAY);
            }
            if network == Network::Cut || to.write_all(drop).is_err() {
                break 'open;
            }
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
