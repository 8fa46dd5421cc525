//! Plugins of Windows.

use super::foreign_plugins;

foreign_plugins! {
    /// Lists the certificates in the stores of the system. Windows only.
    certificates(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {}
    shown: "certificates()";

    /// Lists the sessions of event tracing that run. Windows only.
    etw_sessions(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {
        /// Sessions at most; 64 when left out, never more than 1000.
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

    /// Writes the memory of a process into a temporary file, which goes with the query. Windows only.
    proc_dump(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {
        /// The process.
        pid: i64,
    }
    shown: "proc_dump(pid=4)";

    /// Lists the threads of a process with the address each started at. Windows only.
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

    /// Watches events of a provider of event tracing (ETW). Windows only.
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
        /// Ends the query when it is true of an event.
        stop: Option<Lambda>,
        /// Seconds until the query ends without events.
        timeout: Option<u64>,
        /// Ask the provider for its state.
        capture_state: Option<bool>,
        /// Give numbers the names the provider has for them.
        enable_map_info: Option<bool>,
        /// What the session is for.
        description: Option<String>,
        /// Kinds of kernel events.
        kernel_tracer_type: Option<Vec<String>>,
        /// Kinds of kernel events that come with the call stack.
        kernel_tracer_stacks: Option<Vec<String>>,
    }
    shown: "watch_etw(guid='kernel')";

    /// Lists objects of the object manager's name space. Windows only.
    winobj(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {
        /// Where to begin; the root when left out.
        path: Option<String>,
    }
    shown: "winobj()";

    /// Asks Windows Management Instrumentation. Windows only.
    wmi(Platforms::WINDOWS, version 0, Windows, [MachineState], event false) {
        /// The query in WQL.
        query: String,
        /// Its name space; `ROOT/CIMV2` when left out.
        namespace: Option<String>,
    }
    shown: "wmi(query='SELECT Name FROM Win32_OperatingSystem')";

    /// Watches events of Windows Management Instrumentation. Windows only.
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
