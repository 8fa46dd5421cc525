//! Plugins for Windows.

use super::foreign_plugins;

foreign_plugins! {
    /// Lists the certificates in the system's stores. Windows only.
    certificates(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {}
    shown: "certificates()";

    /// Lists the running sessions of event tracing. Windows only.
    etw_sessions(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {
        /// Maximum number of sessions; 64 when left out, never more than 1000.
        count: Option<u64>,
    }
    shown: "etw_sessions()";

    /// Lists the handles a process holds: files, keys, mutexes, other processes. Windows only.
    handles(Platforms::WINDOWS, version 2, Windows, [MachineState], event false) {
        /// The process.
        pid: Option<u64>,
        /// Only handles of these types, such as `File` or `Mutant`.
        types: Option<Vec<String>>,
    }
    shown: "handles(pid=4, types='File')";

    /// Lists the modules a process has loaded. Windows only.
    modules(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {
        /// The process.
        pid: i64,
    }
    shown: "modules(pid=4)";

    /// Writes the memory of a process into a temporary file, which is removed with the query. Windows only.
    proc_dump(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {
        /// The process.
        pid: i64,
    }
    shown: "proc_dump(pid=4)";

    /// Lists the threads of a process with the start address of each. Windows only.
    threads(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {
        /// The process.
        pid: i64,
    }
    shown: "threads(pid=4)";

    /// Lists the regions of a process's memory with their protection. Windows and macOS only.
    vad(Platforms::WINDOWS.or(Platforms::MACOS), version 0, Windows, [], event false) {
        /// The process.
        pid: i64,
    }
    shown: "vad(pid=4)";

    /// Watches the events of an event tracing (ETW) provider. Windows only.
    watch_etw(Platforms::WINDOWS, version 2, Events, [], event true) {
        /// Name of the session.
        name: Option<String>,
        /// The provider's GUID, or `kernel`.
        guid: String,
        /// Events with any of these keyword bits.
        any: Option<u64>,
        /// Events with all of these keyword bits.
        all: Option<u64>,
        /// Events up to this level; 5 when left out.
        level: Option<i64>,
        /// Ends the query when it is true for an event.
        stop: Option<Lambda>,
        /// Seconds until the query ends without events.
        timeout: Option<u64>,
        /// Ask the provider for its state.
        capture_state: Option<bool>,
        /// Translate numbers into the provider's names for them.
        enable_map_info: Option<bool>,
        /// What the session is for.
        description: Option<String>,
        /// Kinds of kernel events.
        kernel_tracer_type: Option<Vec<String>>,
        /// Kinds of kernel events that include the call stack.
        kernel_tracer_stacks: Option<Vec<String>>,
    }
    shown: "watch_etw(guid='kernel')";

    /// Lists objects of the object manager's name space. Windows only.
    winobj(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {
        /// Where to start; the root when left out.
        path: Option<String>,
    }
    shown: "winobj()";

    /// Queries Windows Management Instrumentation. Windows only.
    wmi(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {
        /// The query in WQL.
        query: String,
        /// Its name space; `ROOT/CIMV2` when left out.
        namespace: Option<String>,
    }
    shown: "wmi(query='SELECT Name FROM Win32_OperatingSystem')";

    /// Watches events from Windows Management Instrumentation. Windows only.
    wmi_events(Platforms::WINDOWS, version 0, Events, [MachineState], event true) {
        /// The query in WQL.
        query: String,
        /// Its name space.
        namespace: String,
        /// Seconds to watch.
        wait: i64,
    }
    shown: "wmi_events(query='SELECT * FROM x', namespace='ROOT/CIMV2', wait=1)";
}
