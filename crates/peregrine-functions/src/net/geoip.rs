//! `geoip()`: the location of an address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use maxminddb::Reader;
use parking_lot::Mutex;

use crate::prelude::*;

/// Looks up an address in a database in MaxMind's format (GeoLite2 and similar ones) and returns its record
/// as stored; NULL if the database does not contain it.
///
/// A database is read into memory at the first call and kept for the query. If it cannot be read, that is
/// logged once.
#[derive(VqlArgs)]
pub struct Args {
    /// The address, of version 4 or 6.
    ip: String,
    /// The path of the database.
    db: String,
}

pub struct GeoIp;

impl Function for GeoIp {
    type Args = Args;
    const NAME: &'static str = "geoip";
    const CATEGORY: Category = Category::Net;
    const VERSION: i64 = 1;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "the country",
            "geoip(ip='192.0.2.1', db='/srv/GeoLite2-City.mmdb').country.iso_code",
        ),
        fails(
            "no database",
            "geoip(ip='192.0.2.1', db='/no/such/file')",
            "`/no/such/file`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::FilesystemRead)?;
        let databases = scope.cache("geoip", Databases::default);
        let mut open = databases.0.lock();
        let database = match open.get(&args.db) {
            Some(known) => known.clone(),
            None => {
                let read = load(&args.db);
                if let Err(error) = &read {
                    scope.log_line(&format!("geoip: `{}`: {error}", args.db));
                }
                let read = read.ok().map(Arc::new);
                open.insert(args.db, read.clone());
                read
            }
        };
        drop(open);
        let Some(database) = database else {
            return Ok(Value::Null);
        };
        let address: IpAddr = args
            .ip
            .trim()
            .parse()
            .map_err(|_| format!("`{}` is not an address", args.ip))?;
        let found = database
            .lookup(address.to_canonical())
            .and_then(|found| found.decode::<Record>());
        match found {
            Ok(record) => Ok(record.map_or(Value::Null, |record| record.0)),
            Err(error) => Err(error.to_string().into()),
        }
    }
}

/// Larger databases are refused.
const MAX_SIZE: u64 = 1 << 30;

type Database = Reader<Vec<u8>>;

/// The databases of a query, including those that could not be read.
#[derive(Default)]
struct Databases(Mutex<HashMap<String, Option<Arc<Database>>>>);

fn load(path: &str) -> Result<Database, String> {
    let info = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !info.is_file() {
        return Err("is not a file".to_owned());
    }
    if info.len() > MAX_SIZE {
        return Err(format!("has more than {MAX_SIZE} bytes"));
    }
    Reader::open_readfile(path).map_err(|error| error.to_string())
}

/// A record as a value. The library bounds its size and depth.
struct Record(Value);

impl<'de> serde::Deserialize<'de> for Record {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Record, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = Record;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value of a database")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Record, E> {
        Ok(Record(Value::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Record, E> {
        Ok(Record(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Record, E> {
        Ok(Record(Value::from(value)))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Record, E> {
        Ok(Record(match u64::try_from(value) {
            Ok(value) => Value::from(value),
            Err(_) => Value::from(value.to_string()),
        }))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Record, E> {
        Ok(Record(Value::from(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Record, E> {
        Ok(Record(Value::from(value)))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Record, E> {
        Ok(Record(Value::bytes(value)))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Record, A::Error> {
        let mut list = Vec::new();
        while let Some(Record(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Record(Value::array(list)))
    }

    /// As dicts: members are found regardless of case, and shown in order.
    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Record, A::Error> {
        let mut sorted = std::collections::BTreeMap::new();
        while let Some((key, Record(value))) = entries.next_entry::<String, Record>()? {
            sorted.insert(key, value);
        }
        let dict = Dict::from_pairs(sorted);
        Ok(Record(Value::Dict(dict.ignoring_case())))
    }
}
