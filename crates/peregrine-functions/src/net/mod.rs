//! Addresses and URLs.

mod cache_dns;
mod cidr_contains;
mod dns;
mod dns_tracker;
mod geoip;
mod host;
mod ip;
mod mail;
mod rsyslog;
mod syslog_sender;
mod url;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = functions![
    cache_dns::CacheDns,
    cidr_contains::CidrContains,
    geoip::GeoIp,
    host::Host,
    ip::Ip,
    mail::Mail,
    rsyslog::Rsyslog,
    url::Url,
];
