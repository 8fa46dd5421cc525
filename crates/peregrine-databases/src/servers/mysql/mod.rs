//! Queries on a MySQL or MariaDB server.

mod cells;
mod settings;

use std::time::Duration;

use mysql_async::Value as Raw;
use mysql_async::prelude::{Protocol, Queryable};
use mysql_async::{Conn, DriverError, Error, Opts, OptsBuilder, Params, QueryResult, SslOpts};
use peregrine_engine::prelude::*;

use self::settings::{Address, Encryption, Settings};
use super::MAX_MESSAGE;
use super::waiter::Waiter;
use crate::{arguments, shape::Shape};
use peregrine_tls as tls;

/// Runs a query, and emits its rows.
pub(super) fn run(
    scope: &Scope,
    connection: &str,
    sql: &str,
    args: &Value,
    rows: &mut dyn RowSink,
) -> VqlResult<()> {
    let settings = settings::parse(connection)?;
    let waiter = Waiter::new(scope)?;
    // The library closes a connection in a task.
    let _entered = waiter.enter();
    let server = format!("MySQL server `{}`", settings.name());
    let named = |error: VqlError| super::named(error, &server, settings.password.as_deref());
    let authorities = match &settings.authorities {
        Some(path) => Some(tls::read_file(path)?),
        None => None,
    };
    let mut opts = options(&settings, settings.encryption, authorities.as_deref());
    let mut opened = connect(&waiter, &settings, opts.clone());
    if let Err(Failure::NoEncryption) = opened
        && settings.encryption == Encryption::Preferred
    {
        opts = options(&settings, Encryption::Never, None);
        opened = connect(&waiter, &settings, opts.clone());
    }
    let mut conn = opened.map_err(|failure| named(failure.into()))?;
    let id = conn.id();
    let parameters: Vec<Raw> = arguments::list(scope, args)
        .iter()
        .map(|value| parameter(scope, value))
        .collect();
    let result = query(&waiter, &settings, &mut conn, sql, parameters, rows, &named);
    if result.is_err() {
        // Without this, the server would continue a query that nobody waits for. A failed query has already
        // ended there.
        if !matches!(&result, Err(VqlError::Stopped)) {
            return result;
        }
        waiter.say_farewell(async {
            if let Ok(mut other) = Conn::new(opts).await {
                let _ = other.query_drop(format!("KILL QUERY {id}")).await;
                let _ = other.disconnect().await;
            }
        });
        return result;
    }
    waiter.say_farewell(async {
        let _ = conn.disconnect().await;
    });
    result
}

/// Why there is no connection.
enum Failure {
    NoEncryption,
    Other(VqlError),
}

impl From<Failure> for VqlError {
    fn from(failure: Failure) -> VqlError {
        match failure {
            Failure::NoEncryption => {
                "the server does not encrypt; leave out `tls` in `connstring` to connect without encryption"
                    .into()
            }
            Failure::Other(error) => error,
        }
    }
}

fn connect(waiter: &Waiter<'_>, settings: &Settings, opts: Opts) -> Result<Conn, Failure> {
    let opened = waiter.wait(Some(settings.connect_timeout), async {
        match Conn::new(opts).await {
            Ok(conn) => Ok(Some(conn)),
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) => Ok(None),
            Err(error) => Err(describe(&error)),
        }
    });
    opened.map_err(Failure::Other)?.ok_or(Failure::NoEncryption)
}

fn options(settings: &Settings, encryption: Encryption, authorities: Option<&[u8]>) -> Opts {
    let mut builder = OptsBuilder::default()
        .user(Some(&settings.user))
        .pass(settings.password.as_ref())
        .db_name(settings.database.as_ref())
        .prefer_socket(false)
        .stmt_cache_size(0)
        .max_allowed_packet(Some(settings.max_message.unwrap_or(MAX_MESSAGE).min(MAX_MESSAGE)))
        // Not queried from the server, because it is not needed here.
        .wait_timeout(Some(28_800))
        .enable_cleartext_plugin(settings.takes_clear_password)
        .client_found_rows(settings.counts_found_rows)
        .init(session(settings));
    builder = match &settings.address {
        Address::Tcp(host, port) => builder.ip_or_hostname(host).tcp_port(*port),
        Address::Socket(path) => builder.socket(Some(path)),
    };
    if encryption != Encryption::Never && matches!(settings.address, Address::Tcp(..)) {
        let is_lenient = encryption != Encryption::Verified;
        let mut ssl = SslOpts::default()
            .with_danger_accept_invalid_certs(is_lenient)
            .with_danger_skip_domain_validation(is_lenient);
        if let Some(authorities) = authorities {
            ssl = ssl
                .with_disable_built_in_roots(true)
                .with_root_certs(vec![authorities.to_vec().into()]);
        }
        builder = builder.ssl_opts(ssl);
    }
    builder.into()
}

/// Statements that set up a session. Instants are transferred in UTC, so that they do not change.
fn session(settings: &Settings) -> Vec<String> {
    let mut variables: Vec<String> = settings
        .variables
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    if !settings.clock.has_session_zone {
        variables.push("time_zone = '+00:00'".to_owned());
    }
    let names = settings
        .charset
        .as_ref()
        .map(|charset| format!("NAMES {charset}"));
    let all: Vec<String> = names.into_iter().chain(variables).collect();
    vec![format!("SET {}", all.join(", "))]
}

fn parameter(scope: &Scope, value: &Value) -> Raw {
    match value {
        Value::Null => Raw::NULL,
        Value::Bool(value) => Raw::Int(i64::from(*value)),
        Value::Int(number) => Raw::Int(*number),
        Value::UInt(number) => Raw::UInt(*number),
        Value::Float(number) => Raw::Double(*number),
        Value::Str(text) => Raw::Bytes(text.as_bytes().to_vec()),
        Value::Bytes(bytes) => Raw::Bytes(bytes.to_vec()),
        Value::Time(time) => {
            let nanos = i64::from(time.subsec_nanos());
            let civil = jiff::Timestamp::from_second(time.unix())
                .map(|instant| jiff::tz::TimeZone::UTC.to_datetime(instant));
            match civil {
                Ok(civil) => {
                    Raw::Bytes(format!("{} {}.{:06}", civil.date(), civil.time(), nanos / 1000).into_bytes())
                }
                Err(_) => Raw::NULL,
            }
        }
        other => Raw::Bytes(other.to_string_arg(scope).as_bytes().to_vec()),
    }
}

fn query(
    waiter: &Waiter<'_>,
    settings: &Settings,
    conn: &mut Conn,
    sql: &str,
    parameters: Vec<Raw>,
    rows: &mut dyn RowSink,
    named: &impl Fn(VqlError) -> VqlError,
) -> VqlResult<()> {
    let within = settings.read_timeout;
    if parameters.is_empty() {
        let found = waiter.wait(within, async {
            conn.query_iter(sql).await.map_err(|error| describe(&error))
        });
        return give(waiter, settings, found.map_err(named)?, rows, named);
    }
    let statement = waiter
        .wait(within, async {
            conn.prep(sql).await.map_err(|error| describe(&error))
        })
        .map_err(named)?;
    let (wanted, given) = (usize::from(statement.num_params()), parameters.len());
    if wanted != given {
        return Err(named(
            format!("the query has {wanted} parameters (`?`), and `args` has {given} values").into(),
        ));
    }
    let found = waiter.wait(within, async {
        let found = conn.exec_iter(&statement, Params::Positional(parameters)).await;
        found.map_err(|error| describe(&error))
    });
    give(waiter, settings, found.map_err(named)?, rows, named)
}

/// Emits the rows of the first result, one by one.
fn give<P: Protocol>(
    waiter: &Waiter<'_>,
    settings: &Settings,
    mut found: QueryResult<'_, 'static, P>,
    rows: &mut dyn RowSink,
    named: &impl Fn(VqlError) -> VqlError,
) -> VqlResult<()> {
    let within: Option<Duration> = settings.read_timeout;
    let Some(columns) = found.columns().filter(|columns| !columns.is_empty()) else {
        return Ok(());
    };
    let shape = Shape::new(columns.iter().map(|column| Str::from(column.name_ref())));
    loop {
        let row = waiter.wait(within, async {
            found.next().await.map_err(|error| describe(&error))
        });
        let Some(row) = row.map_err(named)? else {
            return Ok(());
        };
        let cells = columns
            .iter()
            .zip(row.unwrap_raw())
            .map(|(column, raw)| cells::value(column, raw.unwrap_or(Raw::NULL), settings.clock))
            .collect();
        // Outside the wait, because the receiver of the row may itself wait for a server.
        rows.push(shape.row(cells))?;
    }
}

fn describe(error: &Error) -> String {
    match error {
        Error::Server(error) => format!("{} ({}, {})", error.message, error.code, error.state),
        Error::Io(error) => error.to_string(),
        Error::Driver(error) => error.to_string(),
        other => other.to_string(),
    }
}
