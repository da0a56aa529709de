//! What every command has: where things are, what is set, and the output.

use crate::failure::Failure;
use crate::output::Output;
use crate::typed::Global;
use api::Error;
use node::folders::{Folders, Place};
use node::{Settings, journal};

#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) folders: Folders,
    pub(crate) output: Output,
}

impl Context {
    pub(crate) fn new(global: &Global, output: Output) -> Result<Context, Failure> {
        let place = Place {
            data: global.data.clone(),
            profile: global.profile.clone(),
        };
        Ok(Context {
            folders: Folders::locate(&place).map_err(Error::from)?,
            output,
        })
    }

    /// With options that were found later. The place is fixed by then.
    pub(crate) fn again(&self, global: &Global) -> Result<Context, Failure> {
        let again = Context::new(global, global.output())?;
        if again.folders != self.folders {
            return Err(crate::failure::usage(
                "--data and --profile stand before the kernel's parameters",
            )
            .into());
        }
        Ok(again)
    }

    pub(crate) fn settings(&self) -> Result<Settings, Error> {
        Ok(Settings::load(&self.folders.config, environment(), [])?)
    }

    /// Begins the log of a node in this process. `stderr`: lines for people too.
    pub(crate) fn start_journal(&self, settings: &Settings, stderr: bool) -> Result<(), Error> {
        let level = match self.output.verbose {
            0 | 1 => settings.log_level,
            2.. => node::settings::Level::Debug.max(settings.log_level),
        };
        journal::start(&journal::Options {
            logs: self.folders.logs.clone(),
            level,
            directives: std::env::var("SKEP_LOG")
                .ok()
                .filter(|text| !text.is_empty()),
            stderr: stderr || self.output.verbose > 0,
        })?;
        Ok(())
    }
}

/// Variables that are text; others are none of ours.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
