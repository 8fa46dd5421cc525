//! Addresses and URLs.

mod cache_dns;
mod cidr_contains;
mod dns;
mod dns_tracker;
mod geoip;
mod host;
mod ip;
#[cfg(feature = "mail")]
mod mail;
mod rsyslog;
mod syslog_sender;
mod url;

use crate::prelude::*;

#[cfg(feature = "mail")]
pub use mail::MailSettings;

pub(crate) const ALL: &[FunctionDef] = &[
    FunctionDef::of::<cache_dns::CacheDns>(),
    FunctionDef::of::<cidr_contains::CidrContains>(),
    FunctionDef::of::<geoip::GeoIp>(),
    FunctionDef::of::<host::Host>(),
    FunctionDef::of::<ip::Ip>(),
    #[cfg(feature = "mail")]
    FunctionDef::of::<mail::Mail>(),
    FunctionDef::of::<rsyslog::Rsyslog>(),
    FunctionDef::of::<url::Url>(),
];
