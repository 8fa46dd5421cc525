//! Functions for Windows.

use super::foreign_functions;

foreign_functions! {
    /// Asks the malware scanner registered with Windows (AMSI) about a text. Windows only.
    ///
    /// The result is `ResultClean`, `ResultNotDetected`, `ResultBlockedByAdminStart`,
    /// `ResultBlockedByAdminEnd` or `ResultDetected`.
    amsi(WINDOWS, version 0, Windows, []) {
        /// The text to scan.
        string: String,
    }
    shown: "amsi(string='hello')";

    /// Finds the function that an address in a module belongs to, by the module's exports. Windows only.
    describe_address(WINDOWS, version 0, Windows, [FilesystemRead]) {
        /// The address, relative to the start of the module.
        rva: i64,
        /// Path of the module.
        module: String,
    }
    shown: "describe_address(rva=4096, module='C:\\\\Windows\\\\System32\\\\ntdll.dll')";

    /// Removes a registry key that has no subkeys. Windows only.
    reg_rm_key(WINDOWS, version 0, Windows, [FilesystemWrite]) {
        /// Path of the key, beginning with the hive.
        path: String,
    }
    shown: "reg_rm_key(path='HKEY_LOCAL_MACHINE/Software/Example')";

    /// Removes a registry value. Windows only.
    reg_rm_value(WINDOWS, version 0, Windows, [FilesystemWrite]) {
        /// Path of the value, beginning with the hive; `@` is a key's default value.
        path: String,
    }
    shown: "reg_rm_value(path='HKEY_LOCAL_MACHINE/Software/Example/Value')";

    /// Sets a registry value. Windows only.
    reg_set_value(WINDOWS, version 0, Windows, [FilesystemWrite]) {
        /// Path of the value, beginning with the hive; `@` is a key's default value.
        path: String,
        /// The value to store.
        value: Lazy,
        /// `SZ`, `EXPAND_SZ`, `BINARY`, `DWORD` or `QWORD`.
        #[arg(name = "type")]
        kind: String,
        /// Create missing keys.
        create: Option<bool>,
    }
    shown: "reg_set_value(path='HKEY_LOCAL_MACHINE/Software/Example/Value', value=1, type='DWORD')";

    /// Describes the access token of a process: user, groups, privileges. Windows only.
    token(WINDOWS, version 0, Windows, [MachineState]) {
        /// The process.
        pid: i64,
    }
    shown: "token(pid=4)";

    /// Installs a driver that reads physical memory, and optionally writes an image of it. Windows only.
    ///
    /// The driver is removed when the query ends.
    winpmem(WINDOWS, version 2, Windows, [MachineState, FilesystemWrite]) {
        /// Name of the service the driver runs as; `winpmem` when left out.
        service: Option<String>,
        /// Where to write an image; without it, no image is made.
        image_path: Option<String>,
        /// Compression of the image: `none`, `s2`, `snappy` or `gzip`.
        compression: Option<String>,
        /// Where to write the driver.
        driver_path: Option<String>,
    }
    shown: "winpmem(image_path='C:\\\\memory.raw')";
}
