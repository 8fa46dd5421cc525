//! The machine that the queries of an agent see: this one, under the agent's name.

use peregrine_agent::EngineRunner;
use peregrine_agent::runner::{QueryEnvironment, QueryRunner, QuerySink};
use peregrine_os::{Group, Host, Interface, Machine, Mount, Process, ProcessBrief, Result, Socket, User};
use peregrine_plugins::MachineHandle;
use peregrine_proto::VqlCollectorArgs;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Runs the queries of one agent.
pub(crate) struct NamedRunner {
    pub(crate) engine: Arc<EngineRunner>,
    pub(crate) machine: Arc<dyn Machine>,
    pub(crate) hostname: String,
}

impl QueryRunner for NamedRunner {
    fn run(
        &self,
        request: &VqlCollectorArgs,
        environment: &QueryEnvironment,
        sink: &mut dyn QuerySink,
    ) -> std::result::Result<(), String> {
        let machine: Arc<dyn Machine> = Arc::new(NamedMachine {
            machine: Arc::clone(&self.machine),
            hostname: self.hostname.clone(),
        });
        let extend_more = move |context: peregrine_engine::context::ContextBuilder| {
            context.extension(Arc::new(MachineHandle(Arc::clone(&machine))))
        };
        self.engine.run_extended(request, environment, sink, &extend_more)
    }
}

struct NamedMachine {
    machine: Arc<dyn Machine>,
    hostname: String,
}

impl Machine for NamedMachine {
    fn process_list(&self) -> Result<Vec<ProcessBrief>> {
        self.machine.process_list()
    }

    fn processes(&self, visit: &mut dyn FnMut(Process) -> ControlFlow<()>) -> Result<()> {
        self.machine.processes(visit)
    }

    fn process(&self, pid: u32) -> Result<Option<Process>> {
        self.machine.process(pid)
    }

    fn parent_pid(&self, pid: u32) -> Result<Option<u32>> {
        self.machine.parent_pid(pid)
    }

    fn sockets(&self) -> Result<Vec<Socket>> {
        self.machine.sockets()
    }

    fn users(&self) -> Result<Vec<User>> {
        self.machine.users()
    }

    fn groups(&self) -> Result<Vec<Group>> {
        self.machine.groups()
    }

    fn mounts(&self) -> Result<Vec<Mount>> {
        self.machine.mounts()
    }

    fn interfaces(&self) -> Result<Vec<Interface>> {
        self.machine.interfaces()
    }

    fn host(&self) -> Result<Host> {
        let mut host = self.machine.host()?;
        host.hostname.clone_from(&self.hostname);
        host.fqdn.clone_from(&self.hostname);
        Ok(host)
    }
}
