//! MODULE: a file, or a name that the node knows.

use api::{Error, ErrorCode, ModuleRef};
use bytes::Bytes;
use std::path::Path;

/// Larger files are no modules: the sandbox takes less.
const MODULE_BYTES_MAX: u64 = 1 << 30;

#[derive(Clone, Debug)]
pub(crate) enum Module {
    File { name: String, bytes: Bytes },
    Named(String),
}

impl Module {
    /// Reads the file, where there is one of this name.
    pub(crate) fn find(word: &str) -> Result<Module, Error> {
        if word.starts_with("sample:") {
            return Ok(Module::Named(word.to_owned()));
        }
        let path = Path::new(word);
        let unreadable = |why: String| {
            Err(Error::new(
                ErrorCode::InputUnreadable,
                format!("{word} cannot be read: {why}"),
            ))
        };
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => unreadable("it is a folder".to_owned()),
            Ok(found) if found.len() > MODULE_BYTES_MAX => Err(Error::new(
                ErrorCode::ModuleTooLarge,
                format!("{word} is larger than any module may be"),
            )),
            Ok(_) => match std::fs::read(path) {
                Ok(bytes) => {
                    let name = path.file_name().map_or_else(
                        || word.to_owned(),
                        |name| name.to_string_lossy().into_owned(),
                    );
                    Ok(Module::File {
                        name,
                        bytes: bytes.into(),
                    })
                }
                Err(error) => unreadable(error.to_string()),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let looks_like_a_path = word.contains('/')
                    || path
                        .extension()
                        .is_some_and(|ext| ext == "wasm" || ext == "wat");
                if looks_like_a_path {
                    return Err(Error::new(
                        ErrorCode::NoSuchModule,
                        format!("there is no file {word}"),
                    ));
                }
                Ok(Module::Named(word.to_owned()))
            }
            Err(error) => unreadable(error.to_string()),
        }
    }

    /// What the program sees as its own name.
    pub(crate) fn name(&self) -> String {
        match self {
            Module::File { name, .. } => name.clone(),
            Module::Named(name) => name.strip_prefix("sample:").unwrap_or(name).to_owned(),
        }
    }

    pub(crate) fn named(name: &str) -> ModuleRef {
        ModuleRef::Name {
            name: name.to_owned(),
        }
    }
}
