//! Addresses and URLs.

mod cidr_contains;
mod ip;
mod url;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = functions![cidr_contains::CidrContains, ip::Ip, url::Url];
