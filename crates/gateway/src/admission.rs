use biplane_bus::{Allowlist, AllowlistError, Known};
use biplane_core::Imei;

use crate::config::UnknownDevices;

/// Who may send.
#[derive(Clone)]
pub(crate) struct Admission {
    pub allowlist: Allowlist,
    pub unknown_devices: UnknownDevices,
}

/// What a protocol says of a device's secret.
#[derive(Clone, Copy)]
pub(crate) enum Secret<'a> {
    /// It has no place for one.
    None,
    /// Devices that have one are let in by it only.
    Where(Option<&'a str>),
    /// Nobody is let in without.
    Always(Option<&'a str>),
}

/// What becomes of what a device sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// Nothing: it is not let in.
    Refused,
    /// It is processed.
    Log,
    /// It is kept until somebody registers the device.
    Quarantine,
}

impl Admission {
    /// Whether a device is let in, and to where.
    pub(crate) async fn admits(
        &self,
        imei: Imei,
        secret: Secret<'_>,
    ) -> Result<Admitted, AllowlistError> {
        let stranger = match self.unknown_devices {
            UnknownDevices::Refuse => Admitted::Refused,
            UnknownDevices::Accept => Admitted::Log,
            UnknownDevices::Quarantine => Admitted::Quarantine,
        };
        if stranger == Admitted::Log && matches!(secret, Secret::None) {
            return Ok(Admitted::Log);
        }
        let let_in = match (self.allowlist.find(imei).await?, secret) {
            (None, Secret::None | Secret::Where(_)) => return Ok(stranger),
            (None, Secret::Always(_)) => false,
            (Some(_), Secret::None) => true,
            (Some(known), Secret::Where(given)) => known.token.is_none() || is_of(known, given),
            (Some(known), Secret::Always(given)) => is_of(known, given),
        };
        Ok(if let_in { Admitted::Log } else { Admitted::Refused })
    }
}

fn is_of(known: Known, given: Option<&str>) -> bool {
    known.token.zip(given).is_some_and(|(token, given)| token.is_of(given))
}
