//! Addresses that are never called: link-local ones and those where clouds keep their
//! credentials, unless the configuration names them.
//!
//! A name is resolved once, every address is checked, and the checked ones are connected to: a
//! name cannot point somewhere else between check and use.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Mutex as Turn;

/// A name that leads only to addresses that are never called.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{0}' leads to a link-local or cloud metadata address, which driftd does not call; name \
     another host, or name the address in outgoing.link_local"
)]
pub(crate) struct Forbidden(pub String);

/// Services of clouds that hand out credentials to whoever asks, outside of the link-local range:
/// AWS (of machines and of pods), Google, Alibaba, Oracle and Azure, in this order.
const METADATA: [IpAddr; 6] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

/// An address, or all that share their first bits: `169.254.10.5`, `fe80::/10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no address; write for example 169.254.10.5 or 169.254.10.0/24")]
pub struct BadNetwork(String);

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Network, BadNetwork> {
        let bad = || BadNetwork(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most { Err(bad()) } else { Ok(Network { address, bits }) }
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differing = u32::from(a) ^ u32::from(b);
                differing.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let differing = u128::from(a) ^ u128::from(b);
                differing.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Who may be called: everybody but link-local addresses and metadata services; those only where
/// they are named here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Callable(Arc<[Network]>);

impl Callable {
    /// With these exceptions.
    #[must_use]
    pub fn with(exceptions: Vec<Network>) -> Callable {
        Callable(exceptions.into())
    }

    /// Whether an address may be called, in whatever dress it comes.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        let plain = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
        };
        let named = |address| self.0.iter().any(|network| network.holds(address));
        !forbidden(plain) && !forbidden(address) || named(plain) || named(address)
    }
}

fn forbidden(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    link_local || METADATA.contains(&address)
}

/// The IPv4 address inside a mapped, compatible, NAT64 (64:ff9b::/96) or 6to4 (2002::/16) IPv6
/// address.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = v6.segments();
    let [.., a, b, c, d] = v6.octets();
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(Ipv4Addr::new(a, b, c, d)),
        [0x2002, high, low, ..] => Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        _ => v6.to_ipv4(),
    }
}

type Lookup = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// A resolver that hands out only addresses that may be called.
#[derive(Clone)]
pub(crate) struct Checked {
    callable: Callable,
    lookup: Arc<Lookup>,
    /// Names that are being looked up.
    turns: Arc<Mutex<BTreeMap<String, Arc<Turn<()>>>>>,
}

impl Checked {
    /// Over the system's resolver.
    pub(crate) fn new(callable: Callable) -> Checked {
        let lookup = |host: &str| Ok((host, 0).to_socket_addrs()?.map(|a| a.ip()).collect());
        Checked::over(callable, lookup)
    }

    fn over(
        callable: Callable,
        lookup: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Checked {
        Checked { callable, lookup: Arc::new(lookup), turns: Arc::default() }
    }

    fn turn(&self, host: &str) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(host.to_owned()).or_default())
    }
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").field("callable", &self.callable).finish_non_exhaustive()
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            // The system may take half a minute for a name whose servers are silent, and holds a
            // thread meanwhile, whether or not anybody still waits: one for each name, no more.
            let turn = this.turn(&host).lock_owned().await;
            let (lookup, asked) = (Arc::clone(&this.lookup), host.clone());
            let found = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                lookup(&asked)
            });
            let found = found.await??;
            let callable = found.into_iter().filter(|address| this.callable.admits(*address));
            let callable: Vec<SocketAddr> = callable.map(|ip| SocketAddr::new(ip, 0)).collect();
            if callable.is_empty() {
                return Err(Forbidden(host).into());
            }
            Ok(Box::new(callable.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn link_local_and_metadata_addresses_are_forbidden_in_every_dress() {
        for bad in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "::ffff:100.100.100.200",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(!Callable::default().admits(ip(bad)), "{bad}");
        }
        for good in ["127.0.0.1", "10.0.0.1", "::1", "fd00:ec2::1", "fec0::1", "93.184.216.34"] {
            assert!(Callable::default().admits(ip(good)), "{good}");
        }
    }

    #[test]
    fn what_is_named_may_be_called_and_its_neighbours_not() {
        let networks = ["169.254.10.0/24", "169.254.20.1", "fe80::/16"];
        let callable = Callable::with(networks.map(|text| text.parse().unwrap()).to_vec());
        for good in ["169.254.10.0", "169.254.10.255", "169.254.20.1", "::ffff:169.254.20.1"] {
            assert!(callable.admits(ip(good)), "{good}");
        }
        for bad in ["169.254.11.0", "169.254.20.2", "fe90::1", "100.100.100.200"] {
            assert!(!callable.admits(ip(bad)), "{bad}");
        }
        assert!(callable.admits(ip("fe80::5")));
        let all = Callable::with(vec!["0.0.0.0/0".parse().unwrap()]);
        assert!(all.admits(ip("169.254.169.254")) && !all.admits(ip("fe80::1")));
        for bad in ["", "169.254.0.0/33", "fe80::/129", "host", "1.2.3", "1.2.3.4/x"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    async fn resolved(resolver: &Checked, name: &str) -> Result<Vec<IpAddr>, String> {
        let found = resolver.resolve(name.parse().unwrap()).await;
        found.map(|all| all.map(|a| a.ip()).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn of_a_names_addresses_only_those_that_may_be_called_are_handed_out() {
        let calls = AtomicUsize::new(0);
        let resolver = Checked::over(Callable::default(), move |_| {
            // The second answer is another one, as of a name that is bound anew.
            Ok(match calls.fetch_add(1, Ordering::Relaxed) {
                0 => vec![ip("169.254.169.254"), ip("10.0.0.1"), ip("::ffff:169.254.169.254")],
                _ => vec![ip("169.254.169.254")],
            })
        });
        assert_eq!(resolved(&resolver, "evil.example").await, Ok(vec![ip("10.0.0.1")]));
        let told = resolved(&resolver, "evil.example").await.unwrap_err();
        assert!(told.contains("'evil.example' leads to a link-local"), "{told}");
    }

    #[tokio::test]
    async fn silent_name_servers_hold_one_thread_per_name() {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = Mutex::new(released);
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let resolver = Checked::over(Callable::default(), move |host| {
            counter.fetch_add(1, Ordering::SeqCst);
            if host == "silent.example" {
                let _ = released.lock().unwrap().recv();
            }
            Ok(vec![ip("10.0.0.1")])
        });
        for _ in 0..50 {
            let attempt = resolved(&resolver, "silent.example");
            let waited = tokio::time::timeout(Duration::from_millis(5), attempt).await;
            assert!(waited.is_err(), "nobody has answered");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "every attempt holds a thread");
        assert_eq!(resolved(&resolver, "other.example").await, Ok(vec![ip("10.0.0.1")]));
        drop(release);
        assert_eq!(resolved(&resolver, "silent.example").await, Ok(vec![ip("10.0.0.1")]));
    }
}
