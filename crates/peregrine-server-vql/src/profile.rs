//! `profile()`: what this server knows about itself.

use peregrine_engine::prelude::*;
use peregrine_os::Machine as _;
use peregrine_os::linux::LinuxMachine;
use peregrine_services::servers;

use crate::Live;

/// Returns the metrics of this server: a row for each, with its name, its value and what it counts in `Line`.
///
/// Only `metrics` has an answer here; any other argument fails with a message.
#[derive(VqlArgs)]
pub struct Args {
    /// Not implemented.
    allocs: Option<bool>,
    /// Not implemented.
    block: Option<bool>,
    /// Not implemented.
    goroutine: Option<bool>,
    /// Not implemented.
    heap: Option<bool>,
    /// Not implemented.
    mutex: Option<bool>,
    /// Not implemented.
    profile: Option<bool>,
    /// Not implemented.
    trace: Option<bool>,
    /// Not implemented.
    debug: Option<i64>,
    /// Not implemented.
    logs: Option<bool>,
    /// Not implemented; `GET queries` of the API lists them.
    queries: Option<bool>,
    /// The metrics.
    metrics: Option<bool>,
    /// Not implemented.
    duration: Option<i64>,
    /// Not implemented.
    #[arg(name = "type")]
    kind: Option<String>,
}

/// A part of the profile.
#[derive(IntoRow)]
pub struct Row {
    /// What it is: `metrics`.
    #[column(name = "Type")]
    kind: &'static str,
    /// The metric: `name`, `help` and `value`.
    line: Value,
    /// Always NULL: no part is a file.
    #[column(name = "OSPath")]
    path: Value,
}

/// The plugin.
pub struct Profile;

impl Plugin for Profile {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "profile";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example(
            "machines that are connected to this server",
            "SELECT Type, Line.value AS Connected FROM profile(metrics=TRUE) WHERE Line.name = 'client_comms_current_connections'",
            r#"[{"Type":"metrics","Connected":0}]"#,
        ),
        example(
            "the names",
            "SELECT Line.name AS Name FROM profile(metrics=TRUE)",
            r#"[{"Name":"process_cpu_seconds_total"},{"Name":"process_resident_memory_bytes"},{"Name":"client_comms_current_connections"},{"Name":"deployment_connected_clients"},{"Name":"deployment_servers"}]"#,
        ),
        fails(
            "something else",
            "profile(metrics=TRUE, heap=TRUE)",
            "`heap` is not implemented; only `metrics` is",
        ),
        fails("nothing", "profile()", "give `metrics=TRUE`"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        let live = Live::of(scope)?;
        scope.check_access(Permission::MachineState)?;
        live.authorize(Permission::MachineState)?;
        if let Some(name) = args.beside_metrics() {
            return Err(format!("`{name}` is not implemented; only `metrics` is").into());
        }
        if args.metrics != Some(true) {
            return Err("nothing is asked for; give `metrics=TRUE`".into());
        }
        for Metric { name, help, value } in metrics(&live)? {
            let line = Dict::from_pairs([
                ("name", Value::from(name)),
                ("help", Value::from(help)),
                ("value", value),
            ]);
            rows.push(Row {
                kind: "metrics",
                line: Value::Dict(line.with_field_names()),
                path: Value::Null,
            })?;
        }
        Ok(())
    }
}

impl Args {
    /// An argument that is given and has no answer.
    fn beside_metrics(&self) -> Option<&'static str> {
        let is_given = |flag: Option<bool>| flag == Some(true);
        let all = [
            ("allocs", is_given(self.allocs)),
            ("block", is_given(self.block)),
            ("goroutine", is_given(self.goroutine)),
            ("heap", is_given(self.heap)),
            ("mutex", is_given(self.mutex)),
            ("profile", is_given(self.profile)),
            ("trace", is_given(self.trace)),
            ("debug", self.debug.is_some()),
            ("logs", is_given(self.logs)),
            ("queries", is_given(self.queries)),
            ("duration", self.duration.is_some()),
            ("type", self.kind.is_some()),
        ];
        all.into_iter()
            .find(|(_, is_given)| *is_given)
            .map(|(name, _)| name)
    }
}

struct Metric {
    name: &'static str,
    help: &'static str,
    value: Value,
}

fn metrics(live: &Live) -> VqlResult<Vec<Metric>> {
    let process = LinuxMachine::new().and_then(|machine| machine.process(std::process::id()));
    let process = process
        .map_err(|error| error.to_string())?
        .ok_or("this process is not on the list of the system")?;
    let servers = live.wait(servers::list(&live.core))?;
    let own = servers::this_server(&live.core);
    let here = servers.iter().find(|(server, _)| server.server_id == own);
    let cpu = process.brief.user_time + process.brief.system_time;
    Ok(vec![
        Metric {
            name: "process_cpu_seconds_total",
            help: "Processor time of this server since its start, in seconds.",
            value: Value::from(cpu.as_secs_f64()),
        },
        Metric {
            name: "process_resident_memory_bytes",
            help: "Memory of this server.",
            value: Value::from(process.memory.rss),
        },
        Metric {
            name: "client_comms_current_connections",
            help: "Machines that are connected to this server.",
            value: Value::from(here.map_or(0, |(_, clients)| *clients)),
        },
        Metric {
            name: "deployment_connected_clients",
            help: "Machines that are connected to any server of the deployment.",
            value: Value::from(servers.iter().map(|(_, clients)| clients).sum::<u64>()),
        },
        Metric {
            name: "deployment_servers",
            help: "Servers of the deployment.",
            value: Value::from(servers.len() as u64),
        },
    ])
}
