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

impl Admission {
    /// Whether a device is let in.
    pub(crate) async fn admits(
        &self,
        imei: Imei,
        secret: Secret<'_>,
    ) -> Result<bool, AllowlistError> {
        if self.unknown_devices == UnknownDevices::Accept && matches!(secret, Secret::None) {
            return Ok(true);
        }
        Ok(match (self.allowlist.find(imei).await?, secret) {
            (None, Secret::Where(_)) => self.unknown_devices == UnknownDevices::Accept,
            (None, _) => false,
            (Some(_), Secret::None) => true,
            (Some(known), Secret::Where(given)) => known.token.is_none() || is_of(known, given),
            (Some(known), Secret::Always(given)) => is_of(known, given),
        })
    }
}

fn is_of(known: Known, given: Option<&str>) -> bool {
    known.token.zip(given).is_some_and(|(token, given)| token.is_of(given))
}
