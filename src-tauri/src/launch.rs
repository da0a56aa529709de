//! What the app was started with, and what that means for its graphics.

use node::folders::Place;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(crate) const HELP: &str = "\
The Skep window. The command line is `skep`.

Usage: skep-app [OPTIONS] [FILE]...

  FILE              modules or other files to open, as if dropped on the window
  --hidden          start in the tray, without a window
  --safe-graphics   draw without the graphics card
  --data DIR        keep everything under DIR           [env: SKEP_DATA]
  --profile NAME    a pool of its own, beside the usual [env: SKEP_PROFILE]
  --version, --help
";

#[derive(Clone, Debug, Default)]
pub(crate) struct Launch {
    pub(crate) place: Place,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) hidden: bool,
    pub(crate) safe_graphics: bool,
}

/// What the words ask for.
#[derive(Debug)]
pub(crate) enum Asked {
    Launch(Launch),
    Help,
    Version,
}

impl Asked {
    /// Reads the words after the program's own name; files are meant from `here`.
    pub(crate) fn read(
        words: impl IntoIterator<Item = OsString>,
        here: &Path,
    ) -> Result<Asked, lexopt::Error> {
        use lexopt::prelude::{Long, Short, Value, ValueExt};
        let mut launch = Launch {
            place: Place {
                data: std::env::var_os("SKEP_DATA").map(PathBuf::from),
                profile: std::env::var("SKEP_PROFILE").ok(),
            },
            ..Launch::default()
        };
        let mut words = lexopt::Parser::from_args(words);
        while let Some(word) = words.next()? {
            match word {
                Long("hidden") => launch.hidden = true,
                Long("safe-graphics") => launch.safe_graphics = true,
                Long("data") => launch.place.data = Some(words.value()?.into()),
                Long("profile") => launch.place.profile = Some(words.value()?.string()?),
                Long("help") | Short('h') => return Ok(Asked::Help),
                Long("version") | Short('V') => return Ok(Asked::Version),
                Value(file) => launch.files.push(here.join(path_of(file))),
                Long(_) | Short(_) => return Err(word.unexpected()),
            }
        }
        Ok(Asked::Launch(launch))
    }
}

/// File managers name files by path or by address.
fn path_of(word: OsString) -> PathBuf {
    word.to_str()
        .filter(|text| text.starts_with("file://"))
        .and_then(|text| tauri::Url::parse(text).ok())
        .and_then(|url| url.to_file_path().ok())
        .unwrap_or_else(|| word.into())
}

/// What this machine draws with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Graphics {
    pub(crate) nvidia: bool,
    pub(crate) render_node: bool,
}

impl Graphics {
    pub(crate) fn of_machine() -> Graphics {
        let render_node = std::fs::read_dir("/dev/dri").is_ok_and(|nodes| {
            nodes
                .flatten()
                .any(|node| node.file_name().to_string_lossy().starts_with("renderD"))
        });
        Graphics {
            nvidia: Path::new("/proc/driver/nvidia/version").exists(),
            render_node,
        }
    }

    /// Variables that GTK and WebKitGTK must find when they start. The engine's
    /// way of sharing buffers leaves windows blank with NVIDIA's driver, and
    /// without a card it costs six times the processor; without one, GTK loads
    /// a compiler of 50 MiB to draw what it draws as fast without.
    pub(crate) fn variables(self, safe: bool) -> &'static [(&'static str, &'static str)] {
        if safe {
            &[
                ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
                ("WEBKIT_DISABLE_COMPOSITING_MODE", "1"),
                ("LIBGL_ALWAYS_SOFTWARE", "1"),
                ("GDK_GL", "disable"),
            ]
        } else if !self.render_node {
            &[
                ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
                ("GDK_GL", "disable"),
            ]
        } else if self.nvidia {
            &[("WEBKIT_DISABLE_DMABUF_RENDERER", "1")]
        } else {
            &[]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Graphics};
    use std::path::{Path, PathBuf};

    fn read(words: &[&str]) -> Result<Asked, lexopt::Error> {
        Asked::read(words.iter().map(Into::into), Path::new("/home/ada"))
    }

    #[test]
    fn files_are_meant_from_where_the_words_were_typed() {
        let Ok(Asked::Launch(launch)) = read(&[
            "a.wasm",
            "/tmp/b.wasm",
            "file:///tmp/c%20d.wasm",
            "--hidden",
        ]) else {
            panic!("these words ask for a launch")
        };
        let files = ["/home/ada/a.wasm", "/tmp/b.wasm", "/tmp/c d.wasm"].map(PathBuf::from);
        assert_eq!(launch.files, files);
        assert!(launch.hidden && !launch.safe_graphics);
    }

    #[test]
    fn unknown_words_are_refused() {
        assert!(read(&["--frobnicate"]).is_err());
        assert!(read(&["--data"]).is_err());
    }

    #[test]
    fn buffers_are_shared_only_where_that_works() {
        let card = Graphics {
            nvidia: false,
            render_node: true,
        };
        assert!(card.variables(false).is_empty());
        assert_eq!(card.variables(true).len(), 4);
        let nvidia = Graphics {
            nvidia: true,
            ..card
        };
        let none = Graphics {
            render_node: false,
            ..card
        };
        assert_eq!(nvidia.variables(false).len(), 1);
        assert_eq!(none.variables(false).len(), 2);
    }
}
