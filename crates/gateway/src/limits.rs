use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// How many connections there may be, in total and from one address.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    total: usize,
    per_address: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    address: IpAddr,
    open: Arc<Mutex<Open>>,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Total,
    Address,
}

impl Full {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Address => "address",
        }
    }
}

impl Limits {
    pub(crate) fn new(total: usize, per_address: usize) -> Self {
        Self { total, per_address, open: Arc::default() }
    }

    pub(crate) fn enter(&self, address: IpAddr) -> Result<Place, Full> {
        // The same device over IPv4 and as an IPv4-mapped IPv6 address is one address.
        let address = address.to_canonical();
        let mut open = self.open.lock().expect("nobody panics holding it");
        if open.total >= self.total {
            return Err(Full::Total);
        }
        let here = open.by_address.entry(address).or_default();
        if *here >= self.per_address {
            return Err(Full::Address);
        }
        *here += 1;
        open.total += 1;
        Ok(Place { address, open: self.open.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().expect("nobody panics holding it");
        open.total -= 1;
        if let Some(here) = open.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_by_address_and_in_total_and_given_back() {
        let limits = Limits::new(3, 2);
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = limits.enter(a).expect("free");
        let _second = limits.enter(a).expect("free");
        assert_eq!(limits.enter(a).err(), Some(Full::Address));
        let _third = limits.enter(b).expect("free");
        assert_eq!(limits.enter(b).err(), Some(Full::Total));
        drop(first);
        assert!(limits.enter(a).is_ok());
    }
}
