//! Every setting there is: key, what it accepts, default and reason. The
//! command line, later the window's forms and the guide, read this table.

use super::Settings;
use super::kind::Kind;
use pool::policy::{OnBattery, Schedule, WhenInUse};
use std::time::Duration;

pub(super) struct Setting {
    /// `section.name`, as in the file.
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) default: &'static str,
    /// What it does and why one would change it: one sentence.
    pub(super) help: &'static str,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const DAY: Duration = Duration::from_secs(86_400);

pub(super) static TABLE: [Setting; 31] = [
    Setting {
        key: "node.name",
        kind: Kind::Name(|s, value| s.node_name = value),
        default: "auto",
        help: "what this machine is called in lists; auto is the computer's own name",
    },
    Setting {
        key: "node.listen",
        kind: Kind::Listen(|s, value| s.listen = value),
        default: "auto",
        help: "where other machines come in over UDP; auto is every address at port 7537, or the first free one of 7547 to 7557",
    },
    Setting {
        key: "contribute.on",
        kind: Kind::Switch(|s, value| s.contribute = value),
        default: "true",
        help: "whether this machine runs tasks; off, it still keeps and coordinates jobs",
    },
    Setting {
        key: "contribute.cores",
        kind: Kind::Cores(|s, value| s.cores = value),
        default: "auto",
        help: "tasks at once; auto is every core, with a desktop session all but two, on a laptop half",
    },
    Setting {
        key: "contribute.memory_share",
        kind: Kind::Percent {
            min: 5,
            max: 95,
            put: |s, value| s.memory_percent = value,
        },
        default: "50%",
        help: "part of this machine's memory that tasks may use together",
    },
    Setting {
        key: "contribute.when_in_use",
        kind: Kind::Choice {
            of: &["always", "fewer", "never"],
            put: |s, value| {
                s.when_in_use = match value {
                    "always" => WhenInUse::Always,
                    "never" => WhenInUse::Never,
                    _ => WhenInUse::Fewer,
                };
            },
        },
        default: "fewer",
        help: "what it does while somebody uses this machine; fewer is half of its cores",
    },
    Setting {
        key: "contribute.idle_minutes",
        // A day: whoever wants longer means never.
        kind: Kind::Count {
            min: 1,
            max: 1440,
            put: |s, value| s.idle_minutes = value,
        },
        default: "3",
        help: "minutes after the last input until this machine counts as not in use",
    },
    Setting {
        key: "contribute.on_battery",
        kind: Kind::Choice {
            of: &["pause", "work"],
            put: |s, value| {
                s.on_battery = match value {
                    "work" => OnBattery::Work,
                    _ => OnBattery::Pause,
                };
            },
        },
        default: "pause",
        help: "what it does on battery and while the system saves power",
    },
    Setting {
        key: "contribute.temperature_limit_c",
        // Below 40 °C an idle processor is too hot; above 110 °C it has shut down.
        kind: Kind::Limit {
            min: 40,
            max: 110,
            put: |s, value| s.temperature_limit_c = value,
        },
        default: "85",
        help: "degrees Celsius above which fewer cores work; ten more, and none does",
    },
    Setting {
        key: "contribute.other_load_percent",
        // Every desktop stays above some per cent, and nothing exceeds all of it.
        kind: Kind::Limit {
            min: 5,
            max: 95,
            put: |s, value| s.other_load_percent = value,
        },
        default: "off",
        help: "load by other programs, of all cores, above which this machine pauses",
    },
    Setting {
        key: "contribute.schedule",
        kind: Kind::Schedule(|s, value| s.schedule = value),
        default: "always",
        help: "hours of the week in which this machine works, by its own clock",
    },
    Setting {
        key: "contribute.keep_awake",
        kind: Kind::Switch(|s, value| s.keep_awake = value),
        default: "true",
        help: "whether this machine stays awake while it has work and is on mains",
    },
    Setting {
        key: "limits.task_timeout",
        // A second is the shortest that a busy machine keeps; a month is longer than any task should be alone.
        kind: Kind::Duration {
            min: Duration::from_secs(1),
            max: DAY.saturating_mul(30),
            put: |s, value| s.task_timeout = value,
        },
        default: "10m",
        help: "time a task may take unless its job says otherwise",
    },
    Setting {
        key: "limits.memory",
        // One page of WebAssembly up to all that 32 bits can name.
        kind: Kind::Bytes {
            min: 64 * KIB,
            max: 4 * GIB,
            put: |s, value| s.memory_bytes = value,
        },
        default: "256MiB",
        help: "memory a task may use unless its job says otherwise",
    },
    Setting {
        key: "limits.max_output",
        kind: Kind::Bytes {
            min: KIB,
            max: GIB,
            put: |s, value| s.output_bytes = value,
        },
        default: "64MiB",
        help: "bytes a task may write as its result unless its job says otherwise",
    },
    Setting {
        key: "limits.queued_tasks",
        kind: Kind::Count {
            min: 1,
            max: 100_000_000,
            put: |s, value| s.queued_tasks = value,
        },
        default: "10000000",
        help: "tasks that may wait in this pool; jobs beyond are refused at once",
    },
    Setting {
        key: "retry.program",
        kind: Kind::Count {
            min: 0,
            max: 100,
            put: |s, value| s.retry_program = value,
        },
        default: "0",
        help: "times a task is tried again after its program failed; the same bytes mostly fail again",
    },
    Setting {
        key: "retry.elsewhere",
        kind: Kind::Count {
            min: 0,
            max: 100,
            put: |s, value| s.retry_elsewhere = value,
        },
        default: "3",
        help: "times a task that exits with 75 is tried again, on another machine where there is one",
    },
    Setting {
        key: "retry.lost",
        kind: Kind::Count {
            min: 1,
            max: 100,
            put: |s, value| s.retry_lost = value,
        },
        default: "5",
        help: "times a task may lose its machine or executor before it counts as failed",
    },
    Setting {
        key: "retry.delay",
        kind: Kind::Duration {
            min: Duration::from_millis(10),
            max: Duration::from_secs(60),
            put: |s, value| s.retry_delay = value,
        },
        default: "1s",
        help: "wait before a task is tried again; it doubles each time, up to 60s",
    },
    Setting {
        key: "storage.results_days",
        kind: Kind::Count {
            min: 1,
            max: 3650,
            put: |s, value| s.results_days = value,
        },
        default: "30",
        help: "days that an ended job and its results are kept",
    },
    Setting {
        key: "storage.cache_quota",
        kind: Kind::Bytes {
            min: 100 * MIB,
            max: 10_000 * GIB,
            put: |s, value| s.cache_bytes = value,
        },
        default: "20GB",
        help: "disk that compiled modules may take; the least recently used go first",
    },
    Setting {
        key: "storage.blob_quota",
        kind: Kind::BytesOrAuto {
            min: MIB,
            auto: "half of the disk that is free",
            put: |s, value| s.blob_bytes = value,
        },
        default: "auto",
        help: "disk that inputs and results may take; beyond, nothing new is accepted and results wait",
    },
    Setting {
        key: "log.level",
        kind: Kind::Level(|s, value| s.log_level = value),
        default: "info",
        help: "how much is written to the log; debug and trace are for finding mistakes",
    },
    Setting {
        key: "app.theme",
        kind: Kind::Choice {
            of: &["system", "dark", "light"],
            put: |s, value| s.app.theme = value,
        },
        default: "system",
        help: "the window's colours; system follows the desktop",
    },
    Setting {
        key: "app.density",
        kind: Kind::Choice {
            of: &["comfortable", "compact"],
            put: |s, value| s.app.density = value,
        },
        default: "comfortable",
        help: "how close rows stand in the window's lists",
    },
    Setting {
        key: "app.close_button",
        kind: Kind::Choice {
            of: &["hide", "quit"],
            put: |s, value| s.app.close_button = value,
        },
        default: "hide",
        help: "what closing the window does; hidden, this machine goes on working",
    },
    Setting {
        key: "app.onboarded",
        kind: Kind::Switch(|s, value| s.app.onboarded = value),
        default: "false",
        help: "whether the window's first steps were taken; false shows them again",
    },
    Setting {
        key: "app.tray_explained",
        kind: Kind::Switch(|s, value| s.app.tray_explained = value),
        default: "false",
        help: "whether the first closing of the window was explained; false explains the next",
    },
    Setting {
        key: "notify.job_finished",
        kind: Kind::Switch(|s, value| s.app.notify_finished = value),
        default: "true",
        help: "a notification when a job is done while the window is not in front",
    },
    Setting {
        key: "notify.job_failed",
        kind: Kind::Switch(|s, value| s.app.notify_failed = value),
        default: "true",
        help: "a notification when a job failed while the window is not in front",
    },
];

impl Settings {
    /// A place for the values; the table fills every field.
    pub(super) fn empty(sources: super::Sources) -> Settings {
        Settings {
            node_name: String::new(),
            listen: None,
            contribute: false,
            cores: None,
            memory_percent: 0,
            when_in_use: WhenInUse::Never,
            idle_minutes: 0,
            on_battery: OnBattery::Pause,
            temperature_limit_c: None,
            other_load_percent: None,
            schedule: Schedule::always(),
            keep_awake: false,
            task_timeout: Duration::ZERO,
            memory_bytes: 0,
            output_bytes: 0,
            queued_tasks: 0,
            retry_program: 0,
            retry_elsewhere: 0,
            retry_lost: 0,
            retry_delay: Duration::ZERO,
            results_days: 0,
            cache_bytes: 0,
            blob_bytes: None,
            log_level: super::Level::Info,
            app: super::App::default(),
            sources,
            given: std::collections::BTreeMap::new(),
        }
    }
}
