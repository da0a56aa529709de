//! What a person has set for this machine: defaults, then the settings file,
//! then the environment, then flags. Nothing here acts on a setting.

mod file;
mod kind;
mod table;

use crate::node::Place;
use api::{ConfigValue, Error, ErrorCode};
use pool::policy::{self, OnBattery, Schedule, WhenInUse};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use kind::Level;
use table::{Setting, TABLE};

/// Every setting with its value in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What this machine is called.
    pub node_name: String,
    /// Where other machines come in, where this one coordinates; `None`: nowhere.
    pub listen: Option<Place>,
    pub contribute: bool,
    /// Tasks at once; `None`: as many as this machine can spare.
    pub cores: Option<u32>,
    /// Of the machine's memory, offered to tasks, per cent.
    pub memory_percent: u8,
    pub when_in_use: WhenInUse,
    pub idle_minutes: u32,
    pub on_battery: OnBattery,
    pub temperature_limit_c: Option<u8>,
    pub other_load_percent: Option<u8>,
    pub schedule: Schedule,
    /// While there is work, on mains.
    pub keep_awake: bool,
    pub task_timeout: Duration,
    pub memory_bytes: u64,
    pub output_bytes: u64,
    pub queued_tasks: u32,
    /// Times a task is tried again after its program failed.
    pub retry_program: u32,
    /// Times a task that asked for another machine gets one.
    pub retry_elsewhere: u32,
    /// Times a task is tried again after its machine or executor was lost.
    pub retry_lost: u32,
    pub retry_delay: Duration,
    pub results_days: u32,
    pub cache_bytes: u64,
    /// Of all blobs together; `None`: half of the disk that is free.
    pub blob_bytes: Option<u64>,
    pub log_level: Level,
    pub app: App,
    sources: Sources,
    given: BTreeMap<&'static str, Given>,
}

/// What the desktop app keeps here, so that it holds for every window of this
/// person; the node itself acts on none of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct App {
    pub theme: &'static str,
    pub density: &'static str,
    pub close_button: &'static str,
    /// The first steps were taken.
    pub onboarded: bool,
    /// It was said that Skep goes on in the tray.
    pub tray_explained: bool,
    pub notify_finished: bool,
    pub notify_failed: bool,
}

/// Where values come from.
#[derive(Clone, Debug, Default)]
struct Sources {
    file: PathBuf,
    environment: Vec<(String, String)>,
    flags: Vec<(String, String)>,
}

/// A value that is not the default, as it was written, and its layer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    text: String,
    layer: Layer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Config,
    Environment,
    Flag,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{} cannot be read: {why}", .file.display())]
    Unreadable {
        file: PathBuf,
        why: String,
        last_good: Option<PathBuf>,
    },
    #[error("{} cannot be written: {why}", .file.display())]
    Unwritable { file: PathBuf, why: io::Error },
    #[error("{}:{line}:{column}: {what}", .file.display())]
    File {
        file: PathBuf,
        line: usize,
        column: usize,
        what: String,
        last_good: Option<PathBuf>,
    },
    #[error("{from}: {what}")]
    Value { from: String, what: String },
    #[error("there is no setting '{key}'")]
    Unknown {
        key: String,
        near: Option<&'static str>,
    },
}

impl Settings {
    /// Reads all layers. `environment` is the process's; of it, `SKEP_SECTION_KEY`
    /// counts. A missing file is an empty one.
    ///
    /// # Errors
    /// The first key that does not exist or whose value cannot be.
    pub fn load(
        file: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Settings, SettingsError> {
        Sources::of(file, environment, flags).load()
    }

    /// As [`Settings::load`]; where the file is bad and a good copy of it was
    /// kept, the copy's values, and what is wrong with the file. Nothing is
    /// written to either until the file is mended.
    ///
    /// # Errors
    /// Where there is no copy, or the mistake is not in the file.
    pub fn load_or_last_good(
        file: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Settings, Option<SettingsError>), SettingsError> {
        let sources = Sources::of(file, environment, []);
        let error = match sources.load() {
            Ok(settings) => return Ok((settings, None)),
            Err(error) => error,
        };
        let (SettingsError::File {
            last_good: Some(copy),
            ..
        }
        | SettingsError::Unreadable {
            last_good: Some(copy),
            ..
        }) = &error
        else {
            return Err(error);
        };
        let settings = sources.load_from(copy)?;
        Ok((settings, Some(error)))
    }

    /// One setting, or all in the order of the table.
    ///
    /// # Errors
    /// When there is no setting of this name.
    pub fn values(&self, key: Option<&str>) -> Result<Vec<ConfigValue>, SettingsError> {
        match key {
            Some(key) => Ok(vec![self.view(find(key)?)]),
            None => Ok(TABLE.iter().map(|setting| self.view(setting)).collect()),
        }
    }

    /// Writes a setting to the file, keeping its comments, or with `None` takes
    /// it out; and says what is in force from now on. Nothing is written unless
    /// the whole file is good.
    ///
    /// # Errors
    /// When the setting or its value cannot be, or the file is bad already.
    pub fn set(&self, key: &str, value: Option<&str>) -> Result<Settings, SettingsError> {
        let changed = self.edited(key, value)?;
        file::write(&self.sources.file, &changed)?;
        self.reload()
    }

    /// What [`Settings::set`] would make them; nothing is written.
    ///
    /// # Errors
    /// As there.
    pub fn would_be(&self, key: &str, value: Option<&str>) -> Result<Settings, SettingsError> {
        let changed = self.edited(key, value)?;
        self.sources
            .load_with(file::parse(&self.sources.file, &changed)?)
    }

    /// The whole file with this change, if it would be good.
    fn edited(&self, key: &str, value: Option<&str>) -> Result<String, SettingsError> {
        let setting = find(key)?;
        if let Some(value) = value {
            (setting.kind)
                .check(value)
                .map_err(|what| SettingsError::Value {
                    from: key.to_owned(),
                    what,
                })?;
        }
        let changed = file::edit(&self.sources.file, setting, value)?;
        file::parse(&self.sources.file, &changed)?;
        Ok(changed)
    }

    /// The settings file as it is, good or not; a missing one is empty.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn text(file: &Path) -> Result<String, SettingsError> {
        file::text(file)
    }

    /// Writes the whole settings file, unless `text` is not a good one.
    ///
    /// # Errors
    /// The first key that does not exist or whose value cannot be, with its
    /// place; nothing was written then.
    pub fn replace(file: &Path, text: &str) -> Result<(), SettingsError> {
        file::parse(file, text)?;
        file::write(file, text)
    }

    /// Reads the same layers again.
    ///
    /// # Errors
    /// As [`Settings::load`]; this value stays good.
    pub fn reload(&self) -> Result<Settings, SettingsError> {
        self.sources.load()
    }

    /// Keeps a copy of the settings file as it is, now that it proved good.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_last_good(&self) -> Result<(), SettingsError> {
        file::keep_last_good(&self.sources.file)
    }

    /// What the policy of this machine is made from. `cores` are those that a
    /// start of the node asked for, `spare` those that this machine can spare.
    pub(crate) fn policy(&self, cores: Option<u32>, spare: u32) -> policy::Settings {
        policy::Settings {
            on: self.contribute,
            cores: cores.or(self.cores).unwrap_or(spare),
            memory_percent: self.memory_percent,
            when_in_use: self.when_in_use,
            idle_after: Duration::from_secs(u64::from(self.idle_minutes) * 60),
            on_battery: self.on_battery,
            temperature_limit_c: self.temperature_limit_c,
            other_load_percent: self.other_load_percent,
            schedule: self.schedule.clone(),
        }
    }

    /// Names of all settings, for completions.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|setting| setting.key)
    }

    fn view(&self, setting: &Setting) -> ConfigValue {
        let given = self.given.get(setting.key);
        ConfigValue {
            key: setting.key.to_owned(),
            value: given
                .map_or(setting.default, |given| given.text.as_str())
                .to_owned(),
            default: setting.default.to_owned(),
            layer: match given.map(|given| given.layer) {
                None => "default",
                Some(Layer::Config) => "config",
                Some(Layer::Environment) => "environment",
                Some(Layer::Flag) => "flag",
            }
            .to_owned(),
            help: setting.help.to_owned(),
            accepts: setting.kind.accepts(),
        }
    }
}

impl Sources {
    fn of(
        file: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Sources {
        let ours = |(name, _): &(String, String)| name.starts_with("SKEP_");
        Sources {
            file: file.to_owned(),
            environment: environment.into_iter().filter(ours).collect(),
            flags: flags.into_iter().collect(),
        }
    }

    fn load(&self) -> Result<Settings, SettingsError> {
        self.load_from(&self.file)
    }

    fn load_from(&self, file: &Path) -> Result<Settings, SettingsError> {
        self.load_with(file::read(file)?)
    }

    /// All layers, with these values for those of the file.
    fn load_with(&self, file: Vec<(&'static str, String)>) -> Result<Settings, SettingsError> {
        let mut given = BTreeMap::new();
        for (key, text) in file {
            given.insert(
                key,
                Given {
                    text,
                    layer: Layer::Config,
                },
            );
        }
        for (name, text) in &self.environment {
            if let Some(setting) = of_environment(name)? {
                check(setting, text, name)?;
                given.insert(
                    setting.key,
                    Given {
                        text: text.clone(),
                        layer: Layer::Environment,
                    },
                );
            }
        }
        for (key, text) in &self.flags {
            let setting = find(key)?;
            check(setting, text, key)?;
            given.insert(
                setting.key,
                Given {
                    text: text.clone(),
                    layer: Layer::Flag,
                },
            );
        }
        let mut settings = Settings::empty(self.clone());
        for setting in &TABLE {
            let text = given
                .get(setting.key)
                .map_or(setting.default, |given| given.text.as_str());
            setting
                .kind
                .put(&mut settings, text)
                .map_err(|what| SettingsError::Value {
                    from: setting.key.to_owned(),
                    what,
                })?;
        }
        settings.given = given;
        Ok(settings)
    }
}

fn check(setting: &Setting, text: &str, from: &str) -> Result<(), SettingsError> {
    setting
        .kind
        .check(text)
        .map_err(|what| SettingsError::Value {
            from: from.to_owned(),
            what,
        })
}

fn find(key: &str) -> Result<&'static Setting, SettingsError> {
    TABLE
        .iter()
        .find(|setting| setting.key == key)
        .ok_or_else(|| SettingsError::Unknown {
            key: key.to_owned(),
            near: near(key),
        })
}

/// The setting that a variable names. A variable of one of our sections that
/// names none is a typing mistake; others (`SKEP_DATA`) are not settings.
fn of_environment(name: &str) -> Result<Option<&'static Setting>, SettingsError> {
    let variable =
        |setting: &Setting| format!("SKEP_{}", setting.key.replace('.', "_").to_uppercase());
    if let Some(setting) = TABLE.iter().find(|setting| variable(setting) == name) {
        return Ok(Some(setting));
    }
    let section_of = |setting: &Setting| {
        setting
            .key
            .split_once('.')
            .map(|(section, _)| format!("SKEP_{}_", section.to_uppercase()))
    };
    if TABLE
        .iter()
        .filter_map(section_of)
        .any(|section| name.starts_with(&section))
    {
        let key = name
            .trim_start_matches("SKEP_")
            .to_lowercase()
            .replacen('_', ".", 1);
        return Err(SettingsError::Unknown {
            near: near(&key),
            key: name.to_owned(),
        });
    }
    Ok(None)
}

fn near(key: &str) -> Option<&'static str> {
    // Below this similarity a suggestion is a guess.
    const ALIKE: f64 = 0.8;
    TABLE
        .iter()
        .map(|setting| (strsim::jaro_winkler(setting.key, key), setting.key))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, key)| key)
}

impl From<SettingsError> for Error {
    fn from(error: SettingsError) -> Error {
        let message = error.to_string();
        match error {
            SettingsError::Unwritable { .. } => Error::new(ErrorCode::FolderUnusable, message),
            SettingsError::File { last_good, .. } | SettingsError::Unreadable { last_good, .. } => {
                let error = Error::new(ErrorCode::ConfigInvalid, message);
                match last_good {
                    Some(copy) => error.hint(format!("the last good one is {}", copy.display())),
                    None => error,
                }
            }
            SettingsError::Value { .. } => Error::new(ErrorCode::BadSetting, message),
            SettingsError::Unknown { near, .. } => Error::new(ErrorCode::UnknownSetting, message)
                .hint(match near {
                    Some(near) => format!("did you mean {near}?"),
                    None => "skep config get lists them all".to_owned(),
                }),
        }
    }
}

#[cfg(test)]
mod tests;
