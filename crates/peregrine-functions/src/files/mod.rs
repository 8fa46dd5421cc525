//! Files of any accessor, and files of this machine.

mod copy;
#[cfg(unix)]
pub(crate) mod folder_uploader;
#[cfg(feature = "magic")]
mod magic;
#[cfg(feature = "magic")]
mod magic_dates;
mod read_file;
mod remap;
mod rm;
mod stat;
mod tempdir;
mod tempfile;
pub mod temporary;
pub(crate) mod upload;
#[cfg(unix)]
mod upload_directory;
mod write;
mod write_file;
#[cfg(unix)]
mod xattr;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = &[
    FunctionDef::of::<copy::Copy>(),
    #[cfg(feature = "magic")]
    FunctionDef::of::<magic::Magic>(),
    FunctionDef::of::<read_file::ReadFile>(),
    FunctionDef::of::<remap::Remap>(),
    FunctionDef::of::<rm::Rm>(),
    FunctionDef::of::<stat::Stat>(),
    FunctionDef::of::<tempdir::Tempdir>(),
    FunctionDef::of::<tempfile::Tempfile>(),
    FunctionDef::of::<upload::Upload>(),
    #[cfg(unix)]
    FunctionDef::of::<upload_directory::UploadDirectory>(),
    FunctionDef::of::<write_file::WriteFile>(),
    #[cfg(unix)]
    FunctionDef::of::<xattr::Xattr>(),
];
