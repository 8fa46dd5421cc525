//! Queries on a PostgreSQL server.

mod cells;
mod guard;
mod numeric;
mod parameters;
mod reader;
mod settings;
mod stream;
mod times;

use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt;
use parking_lot::Mutex;
use peregrine_engine::prelude::*;
use rustls::ClientConfig;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};

use self::cells::{Cell, is_readable};
use self::guard::Allowance;
use self::parameters::{Parameter, parameter};
use self::settings::Settings;
use super::waiter::Waiter;
use crate::{arguments, shape::Shape};

/// Runs a query, and emits its rows.
pub(super) fn run(
    scope: &Scope,
    connection: &str,
    sql: &str,
    args: &Value,
    rows: &mut dyn RowSink,
) -> VqlResult<()> {
    let settings = settings::parse(connection)?;
    let tls = stream::tls_config(&settings)?;
    let waiter = Waiter::new(scope)?;
    let server = format!("PostgreSQL server `{}`", settings.name());
    let named = |error: VqlError| super::named(error, &server, settings.password.as_deref());
    let session = Session::open(&waiter, &settings, tls).map_err(named)?;
    let parameters: Vec<Parameter> = arguments::list(scope, args)
        .iter()
        .map(|value| parameter(scope, value, 0))
        .collect();
    let result = session.query(sql, &parameters, rows, &named);
    if result.is_err() {
        // Without this, the server would continue a query that nobody waits for.
        session.cancel();
    }
    result
}

/// A signed-in connection.
struct Session<'a> {
    waiter: &'a Waiter<'a>,
    settings: &'a Settings,
    tls: Option<Arc<ClientConfig>>,
    client: Client,
    allowance: Allowance,
    /// Why the connection ended, which the library reports only to its own side.
    ending: Arc<Mutex<Option<String>>>,
}

impl<'a> Session<'a> {
    fn open(
        waiter: &'a Waiter<'a>,
        settings: &'a Settings,
        tls: Option<Arc<ClientConfig>>,
    ) -> VqlResult<Session<'a>> {
        let mut config = Config::new();
        config
            .user(&settings.user)
            .dbname(&settings.database)
            .application_name(&settings.application_name)
            // Encryption is handled below.
            .ssl_mode(SslMode::Disable);
        if let Some(password) = &settings.password {
            config.password(password);
        }
        if !settings.options.is_empty() {
            config.options(&settings.options);
        }
        let allowance = Allowance::new();
        let ending = Arc::new(Mutex::new(None));
        let client = waiter.wait(Some(settings.connect_timeout), async {
            let stream = stream::connect(settings, tls.clone(), allowance.clone()).await?;
            let (client, connection) = config
                .connect_raw(stream, NoTls)
                .await
                .map_err(|error| describe(&error))?;
            let ending = ending.clone();
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    *ending.lock() = Some(describe(&error));
                }
            });
            Ok(client)
        })?;
        Ok(Session {
            waiter,
            settings,
            tls,
            client,
            allowance,
            ending,
        })
    }

    fn query(
        &self,
        sql: &str,
        parameters: &[Parameter],
        rows: &mut dyn RowSink,
        named: &impl Fn(VqlError) -> VqlError,
    ) -> VqlResult<()> {
        let wait = self.waiter;
        let statement = wait
            .wait(None, async {
                self.client
                    .prepare(sql)
                    .await
                    .map_err(|error| self.describe(&error))
            })
            .map_err(named)?;
        let (wanted, given) = (statement.params().len(), parameters.len());
        if wanted != given {
            return Err(named(
                format!("the query has {wanted} parameters (`$1` …), and `args` has {given} values").into(),
            ));
        }
        for column in statement.columns() {
            if !is_readable(column.type_()) {
                let (name, kind) = (column.name(), column.type_().name());
                return Err(named(
                    format!("column `{name}` has type `{kind}`, which cannot be read; select `{name}::text`")
                        .into(),
                ));
            }
        }
        self.allowance.lift();
        let shape = Shape::new(statement.columns().iter().map(|column| Str::from(column.name())));
        let found = wait
            .wait(None, async {
                let found = self.client.query_raw(&statement, parameters).await;
                found.map_err(|error| self.describe(&error))
            })
            .map_err(named)?;
        let mut found = pin!(found);
        loop {
            let row = wait.wait(None, async {
                found
                    .as_mut()
                    .try_next()
                    .await
                    .map_err(|error| self.describe(&error))
            });
            let Some(row) = row.map_err(named)? else {
                return Ok(());
            };
            let cells = (0..shape.len())
                .map(|at| {
                    let cell = row.try_get::<_, Cell>(at).map_err(|error| self.describe(&error));
                    cell.map(|cell| cell.0).map_err(|error| named(error.into()))
                })
                .collect::<VqlResult<Vec<Value>>>()?;
            // Outside the wait, because the receiver of the row may itself wait for a server.
            rows.push(shape.row(cells))?;
        }
    }

    fn cancel(&self) {
        if self.client.is_closed() {
            return;
        }
        let token = self.client.cancel_token();
        self.waiter.say_farewell(async {
            if let Ok(stream) = stream::connect(self.settings, self.tls.clone(), Allowance::new()).await {
                let _ = token.cancel_query_raw(stream, NoTls).await;
            }
        });
    }

    fn describe(&self, error: &tokio_postgres::Error) -> String {
        match &*self.ending.lock() {
            Some(ending) if error.is_closed() => ending.clone(),
            _ => describe(error),
        }
    }
}

/// The server's message, or the library's with all its causes.
fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        let mut text = format!("{} ({})", error.message(), error.code().code());
        for more in [error.detail(), error.hint()].into_iter().flatten() {
            text = format!("{text}; {more}");
        }
        return text;
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
