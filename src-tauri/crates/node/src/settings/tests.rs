use super::{Level, Settings, SettingsError};
use std::path::PathBuf;
use std::time::Duration;

struct Home {
    _dir: tempfile::TempDir,
    file: PathBuf,
}

impl Home {
    fn with(text: &str) -> Home {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        if !text.is_empty() {
            std::fs::write(&file, text).unwrap();
        }
        Home { _dir: dir, file }
    }

    fn load(&self, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let environment: Vec<_> = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Settings::load(&self.file, environment, [])
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap()
    }
}

#[test]
fn without_a_file_every_setting_has_its_default() {
    let settings = Home::with("").load(&[]).unwrap();
    assert_eq!(settings.task_timeout, Duration::from_secs(600));
    assert_eq!(settings.memory_bytes, 256 << 20);
    assert_eq!(settings.cache_bytes, 20_000_000_000);
    assert_eq!(
        (settings.contribute, settings.cores, settings.memory_percent),
        (true, None, 50)
    );
    assert!(!settings.node_name.is_empty());
    for value in settings.values(None).unwrap() {
        assert_eq!(
            (value.layer.as_str(), &value.value),
            ("default", &value.default),
            "{}",
            value.key
        );
        assert!(!value.help.is_empty() && !value.accepts.is_empty());
    }
}

#[test]
fn later_layers_win_and_explain_says_which() {
    let home =
        Home::with("[limits]\nmemory = \"1GiB\"\ntask_timeout = '90s'\n[retry]\nprogram = 2\n");
    let environment = [
        ("SKEP_LIMITS_MEMORY".to_owned(), "2GiB".to_owned()),
        ("SKEP_DATA".to_owned(), "/x".to_owned()),
    ];
    let flags = [("contribute.cores".to_owned(), "3".to_owned())];
    let settings = Settings::load(&home.file, environment, flags).unwrap();
    assert_eq!(settings.memory_bytes, 2 << 30);
    assert_eq!(settings.task_timeout, Duration::from_secs(90));
    assert_eq!((settings.retry_program, settings.cores), (2, Some(3)));
    let layer = |key| settings.values(Some(key)).unwrap().remove(0).layer;
    assert_eq!(layer("limits.memory"), "environment");
    assert_eq!(layer("limits.task_timeout"), "config");
    assert_eq!(layer("contribute.cores"), "flag");
    assert_eq!(layer("log.level"), "default");
}

#[test]
fn what_is_wrong_in_the_file_has_its_place() {
    let check =
        |text: &str, line: usize, column: usize, part: &str| match Home::with(text).load(&[]) {
            Err(SettingsError::File {
                line: l,
                column: c,
                what,
                ..
            }) => {
                assert_eq!((l, c), (line, column), "{text:?}: {what}");
                assert!(what.contains(part), "{text:?}: {what}");
            }
            other => panic!("{text:?}: {other:?}"),
        };
    check("[limits]\nmemory = \"much\"\n", 2, 10, "not a size");
    check(
        "[limits]\n\n  memori = \"1GiB\"\n",
        3,
        3,
        "did you mean limits.memory?",
    );
    check("[limit]\nmemory = \"1GiB\"\n", 1, 2, "no section 'limit'");
    check("memory = 1\n", 1, 1, "not in a section");
    check("[limits\nmemory = 1\n", 1, 8, "");
    check("[retry]\nprogram = 101\n", 2, 11, "from 0 to 100");
    check("[retry]\nprogram = [1]\n", 2, 11, "takes a whole number");
    check("[limits]\ntask_timeout = 10\n", 2, 16, "needs a unit");
    check(
        "[log]\nlevel = \"loud\"\n",
        2,
        9,
        "error, warn, info, debug, trace",
    );
    check("[node]\nname = \"é\u{7}\"\n", 2, 10, "");
}

#[test]
fn a_mistyped_variable_of_a_section_is_an_error_and_others_are_not_ours() {
    let home = Home::with("");
    assert!(matches!(
        home.load(&[("SKEP_LIMITS_MEMROY", "1GiB")]),
        Err(SettingsError::Unknown {
            near: Some("limits.memory"),
            ..
        })
    ));
    assert!(matches!(
        home.load(&[("SKEP_RETRY_LOST", "none")]),
        Err(SettingsError::Value { .. })
    ));
    home.load(&[("SKEP_EXECUTOR", "/x"), ("SKEP_SEED", "1")])
        .unwrap();
}

#[test]
fn set_keeps_comments_and_unset_brings_the_default_back() {
    let home = Home::with("# mine\n[limits]\nmemory = \"1GiB\" # for the renders\n");
    let settings = home.load(&[]).unwrap();
    let settings = settings.set("limits.memory", Some("2GiB")).unwrap();
    assert_eq!(settings.memory_bytes, 2 << 30);
    let settings = settings.set("retry.program", Some("1")).unwrap();
    let settings = settings.set("log.level", Some("debug")).unwrap();
    assert_eq!(
        (settings.retry_program, settings.log_level),
        (1, Level::Debug)
    );
    insta::assert_snapshot!(home.text(), @r#"
    # mine
    [limits]
    memory = "2GiB" # for the renders

    [retry]
    program = 1

    [log]
    level = "debug"
    "#);
    let settings = settings
        .set("log.level", None)
        .unwrap()
        .set("retry.program", None)
        .unwrap();
    assert_eq!(settings.log_level, Level::Info);
    assert_eq!(
        home.text(),
        "# mine\n[limits]\nmemory = \"2GiB\" # for the renders\n"
    );
}

#[test]
fn a_wrong_value_or_a_bad_file_changes_nothing() {
    let home = Home::with("[limits]\nmemory = \"1GiB\"\n");
    let settings = home.load(&[]).unwrap();
    assert!(matches!(
        settings.set("limits.memory", Some("0")),
        Err(SettingsError::Value { .. })
    ));
    assert!(matches!(
        settings.set("limits.colour", Some("0")),
        Err(SettingsError::Unknown { .. })
    ));
    assert_eq!(home.text(), "[limits]\nmemory = \"1GiB\"\n");
    settings.keep_last_good().unwrap();
    std::fs::write(&home.file, "[limits]\nmemory = = 1\n").unwrap();
    let error = settings.set("retry.program", Some("1")).unwrap_err();
    assert!(
        matches!(
            error,
            SettingsError::File {
                line: 2,
                last_good: Some(_),
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(home.text(), "[limits]\nmemory = = 1\n");
}

#[test]
fn a_bad_file_leaves_the_last_good_values_in_force_and_is_not_kept_as_good() {
    let home = Home::with("[limits]\nmemory = \"1GiB\"\n");
    home.load(&[]).unwrap().keep_last_good().unwrap();
    std::fs::write(&home.file, "[limits]\nmemory = \"lots\"\n").unwrap();
    let (settings, wrong) = Settings::load_or_last_good(&home.file, []).unwrap();
    assert_eq!(settings.memory_bytes, 1 << 30);
    assert!(wrong.unwrap().to_string().contains(":2:"));
    assert!(settings.keep_last_good().is_err());
    assert!(settings.set("node.name", Some("heron")).is_err());
    let (again, _) = Settings::load_or_last_good(&home.file, []).unwrap();
    assert_eq!(again.memory_bytes, 1 << 30);
}

/// RELIABILITY case 44: refused with what is wrong, and the last good values
/// stay in force.
#[test]
fn what_is_no_text_of_settings_is_refused() {
    let home = Home::with("[limits]\nmemory = \"1GiB\"\n");
    home.load(&[]).unwrap().keep_last_good().unwrap();
    let utf16: Vec<u8> = "\u{feff}[limits]\nmemory = \"2GiB\"\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    type Make<'m> = &'m dyn Fn(&std::path::Path);
    let cases: [(Make<'_>, &str); 5] = [
        (&|file| std::fs::create_dir(file).unwrap(), "no file"),
        (&|file| std::fs::write(file, &utf16).unwrap(), "UTF-8"),
        (
            &|file| {
                let large = std::fs::File::create(file).unwrap();
                large.set_len(100 << 20).unwrap();
            },
            "104857600 bytes",
        ),
        (
            &|file| {
                std::fs::write(file, "[limits]\nmemory = \"2GiB\"\nmemory = \"3GiB\"\n").unwrap()
            },
            ":3:1: duplicate key",
        ),
        (
            &|file| rustix::fs::mkfifoat(rustix::fs::CWD, file, rustix::fs::Mode::RUSR).unwrap(),
            "no file",
        ),
    ];
    for (make, what) in cases {
        if home.file.is_dir() {
            std::fs::remove_dir(&home.file).unwrap();
        } else {
            std::fs::remove_file(&home.file).unwrap();
        }
        make(&home.file);
        let error = home.load(&[]).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        let (settings, wrong) = Settings::load_or_last_good(&home.file, []).unwrap();
        assert_eq!((settings.memory_bytes, wrong.is_some()), (1 << 30, true));
        assert!(settings.set("node.name", Some("heron")).is_err());
    }
}

#[test]
fn a_byte_order_mark_is_no_setting() {
    let home = Home::with("\u{feff}[limits]\nmemory = \"2GiB\"\n");
    assert_eq!(home.load(&[]).unwrap().memory_bytes, 2 << 30);
}

#[test]
fn a_link_to_the_file_is_followed_and_stays_a_link() {
    let home = Home::with("");
    let real = home.file.with_file_name("dotfiles.toml");
    std::fs::write(&real, "[limits]\nmemory = \"2GiB\"\n").unwrap();
    std::os::unix::fs::symlink(&real, &home.file).unwrap();
    let settings = home.load(&[]).unwrap();
    assert_eq!(settings.memory_bytes, 2 << 30);
    settings.set("node.name", Some("heron")).unwrap();
    assert!(home.file.is_symlink());
    assert!(std::fs::read_to_string(&real).unwrap().contains("heron"));
}

#[test]
fn a_choice_takes_its_words_only() {
    let home = Home::with("");
    let settings = home.load(&[]).unwrap();
    assert_eq!(settings.app.theme, "system");
    let settings = settings.set("app.theme", Some("dark")).unwrap();
    assert_eq!(settings.app.theme, "dark");
    let error = settings.set("app.theme", Some("blue")).unwrap_err();
    assert!(error.to_string().contains("system, dark, light"), "{error}");
}
