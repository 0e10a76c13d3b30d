//! Addresses that are never called: link-local ones, where clouds keep their credentials.
//!
//! A name is resolved once, every address is checked, and the checked ones are connected to: a
//! name cannot point somewhere else between check and use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A name that leads only to addresses that are never called.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{0}' leads to a link-local or cloud metadata address, which driftd never calls; name \
     another host"
)]
pub(crate) struct Forbidden(pub String);

/// Whether an address is link-local or a cloud's metadata service.
#[must_use]
pub(crate) fn forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            (first & 0xffc0) == 0xfe80
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
                || embedded_v4(v6).is_some_and(forbidden_v4)
        }
    }
}

fn forbidden_v4(address: Ipv4Addr) -> bool {
    // 100.100.100.200 is the metadata service of Alibaba Cloud.
    address.is_link_local() || address == Ipv4Addr::new(100, 100, 100, 200)
}

/// The IPv4 address inside a mapped, compatible or NAT64 (64:ff9b::/96) IPv6 address.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = v6.segments();
    let nat64 = s[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let [.., a, b, c, d] = v6.octets();
    if nat64 { Some(Ipv4Addr::new(a, b, c, d)) } else { v6.to_ipv4() }
}

/// The system's resolver without the forbidden addresses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked;

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|a| !forbidden(a.ip())).collect();
            if allowed.is_empty() {
                return Err(Forbidden(host).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_forbidden_in_every_dress() {
        for bad in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
        ] {
            assert!(forbidden(bad.parse().unwrap()), "{bad}");
        }
        for good in ["127.0.0.1", "10.0.0.1", "::1", "fd00:ec2::1", "fec0::1", "93.184.216.34"] {
            assert!(!forbidden(good.parse().unwrap()), "{good}");
        }
    }
}
