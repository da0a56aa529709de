//! The one description of our packages: their names, their words and their files.

use std::collections::BTreeSet;

/// A package, whatever its format.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: &'static str,
    /// The package that has the same commands: one takes the other's place.
    pub(super) instead_of: &'static str,
    pub(super) summary: &'static str,
    /// Lines of at most 79 characters.
    pub(super) description: &'static str,
    pub(super) files: &'static [&'static [File]],
    /// A library that is opened only while the program runs, so that no tool
    /// finds it: Debian's name for it, and what it is called in an .rpm.
    pub(super) opens: Option<(&'static str, &'static str)>,
    /// Whether it has a unit of the user's, to be stopped and started with it.
    pub(super) has_unit: bool,
}

/// One file, or the pages of the manual.
#[derive(Debug)]
pub(super) struct File {
    /// Where it is installed, from the root; PACKAGE stands for its package's name.
    pub(super) to: &'static str,
    pub(super) from: Source,
}

#[derive(Debug)]
pub(super) enum Source {
    /// A program that cargo built, and the crate that it is of.
    Program {
        name: &'static str,
        of: &'static str,
    },
    /// A file of the checkout.
    Checkout(&'static str),
    /// A file of the checkout, compressed.
    Compressed(&'static str),
    /// What `skep` prints for these words.
    Printed(&'static [&'static str]),
    /// The manual's pages that `skep` writes into this folder.
    Manual,
    /// On which terms it is given.
    Terms,
    /// On which terms others gave what is compiled into it, compressed.
    ThirdParty,
}

/// For a machine with a desktop: everything.
pub(super) const APP: Package = Package {
    name: "skep",
    instead_of: "skep-headless",
    summary: "The machines you own, working as one",
    description: "\
Give Skep a WebAssembly module and an input, and it runs over every core you
let it use, sandboxed, while you watch. The window, the command line and the
executor of modules.",
    files: &[COMMAND_LINE, WINDOW],
    opens: Some((
        "libayatana-appindicator3-1",
        "libayatana-appindicator3.so.1()(64bit)",
    )),
    has_unit: false,
};

/// For a machine without a desktop.
pub(super) const HEADLESS: Package = Package {
    name: "skep-headless",
    instead_of: "skep",
    summary: "The machines you own, working as one (without a window)",
    description: "\
Give Skep a WebAssembly module and an input, and it runs over every core you
let it use, sandboxed. The command line, the executor of modules, and a unit of
the user's that keeps a node running: systemctl --user enable --now skep",
    files: &[COMMAND_LINE, UNIT],
    opens: None,
    has_unit: true,
};

const COMMAND_LINE: &[File] = &[
    File {
        to: "/usr/bin/skep",
        from: Source::Program {
            name: "skep",
            of: "cli",
        },
    },
    // Where the node looks for it, from where the program lies.
    File {
        to: "/usr/libexec/skep/skep-executor",
        from: Source::Program {
            name: "skep-executor",
            of: "executor",
        },
    },
    File {
        to: "/usr/share/man/man1",
        from: Source::Manual,
    },
    File {
        to: "/usr/share/bash-completion/completions/skep",
        from: Source::Printed(&["completions", "bash"]),
    },
    File {
        to: "/usr/share/zsh/vendor-completions/_skep",
        from: Source::Printed(&["completions", "zsh"]),
    },
    File {
        to: "/usr/share/fish/vendor_completions.d/skep.fish",
        from: Source::Printed(&["completions", "fish"]),
    },
    File {
        to: "/usr/share/doc/PACKAGE/copyright",
        from: Source::Terms,
    },
    File {
        to: "/usr/share/doc/PACKAGE/third-party.gz",
        from: Source::ThirdParty,
    },
    File {
        to: "/usr/share/doc/PACKAGE/changelog.gz",
        from: Source::Compressed("src-tauri/CHANGELOG.md"),
    },
];

const WINDOW: &[File] = &[
    File {
        to: "/usr/bin/skep-app",
        from: Source::Program {
            name: "skep-app",
            of: "app",
        },
    },
    File {
        to: "/usr/share/applications/skep-app.desktop",
        from: Source::Checkout("src-tauri/packaging/skep-app.desktop"),
    },
    File {
        to: "/usr/share/mime/packages/skep.xml",
        from: Source::Checkout("src-tauri/packaging/skep.mime.xml"),
    },
    File {
        to: "/usr/share/icons/hicolor/32x32/apps/skep-app.png",
        from: Source::Checkout("icons/32x32.png"),
    },
    File {
        to: "/usr/share/icons/hicolor/128x128/apps/skep-app.png",
        from: Source::Checkout("icons/128x128.png"),
    },
    File {
        to: "/usr/share/icons/hicolor/256x256/apps/skep-app.png",
        from: Source::Checkout("icons/128x128@2x.png"),
    },
    File {
        to: "/usr/share/icons/hicolor/scalable/apps/skep-app.svg",
        from: Source::Checkout("icons/app-icon.svg"),
    },
];

const UNIT: &[File] = &[File {
    to: "/usr/lib/systemd/user/skep.service",
    from: Source::Checkout("src-tauri/packaging/skep.service"),
}];

impl Package {
    pub(super) fn files(&self) -> impl Iterator<Item = &'static File> {
        self.files.iter().copied().flatten()
    }

    /// The crates whose programs it has.
    pub(super) fn crates(&self) -> BTreeSet<&'static str> {
        self.files()
            .filter_map(|file| match file.from {
                Source::Program { of, .. } => Some(of),
                Source::Checkout(_)
                | Source::Compressed(_)
                | Source::Printed(_)
                | Source::Manual
                | Source::Terms
                | Source::ThirdParty => None,
            })
            .collect()
    }
}

impl File {
    /// Where it is installed by this package.
    pub(super) fn place(&self, package: &Package) -> String {
        self.to.replace("PACKAGE", package.name)
    }

    pub(super) fn is_program(&self) -> bool {
        matches!(self.from, Source::Program { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::{APP, HEADLESS, Package, Source};
    use crate::shell::root;
    use cargo_metadata::{MetadataCommand, TargetKind};
    use std::collections::BTreeSet;

    fn has(package: &Package, place: &str) -> bool {
        package.files().any(|file| file.place(package) == place)
    }

    /// What a file of `packaging/` says after `key`.
    fn said(file: &str, key: &str) -> Vec<String> {
        let path = root().join("src-tauri/packaging").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn what_is_packed_exists_and_nothing_is_packed_twice() {
        let workspace = MetadataCommand::new().no_deps().exec().unwrap();
        let builds = |of: &str, name: &str| {
            let mut packages = workspace.packages.iter();
            packages
                .find(|package| *package.name == of)
                .is_some_and(|package| {
                    let mut targets = package.targets.iter();
                    targets
                        .any(|target| target.name == name && target.kind.contains(&TargetKind::Bin))
                })
        };
        for package in [APP, HEADLESS] {
            let mut places = BTreeSet::new();
            for file in package.files() {
                match file.from {
                    Source::Program { name, of } => assert!(builds(of, name), "{name}"),
                    Source::Checkout(path) | Source::Compressed(path) => {
                        assert!(root().join(path).is_file(), "{path}");
                    }
                    Source::Printed(_) | Source::Manual | Source::Terms | Source::ThirdParty => {}
                }
                assert!(places.insert(file.place(&package)), "{}", file.to);
            }
        }
    }

    #[test]
    fn both_packages_have_a_command_line_that_finds_its_executor() {
        for package in [APP, HEADLESS] {
            for place in [
                "/usr/bin/skep",
                "/usr/libexec/skep/skep-executor",
                "/usr/share/man/man1",
            ] {
                assert!(has(&package, place), "{} lacks {place}", package.name);
            }
        }
        assert!(!has(&HEADLESS, "/usr/bin/skep-app"));
    }

    #[test]
    fn the_unit_starts_a_program_of_its_package() {
        assert!(HEADLESS.has_unit && has(&HEADLESS, "/usr/lib/systemd/user/skep.service"));
        let starts = said("skep.service", "ExecStart");
        assert_eq!(starts.len(), 1);
        let program = starts[0].split(' ').next().unwrap();
        assert!(has(&HEADLESS, program), "{program}");
    }

    #[test]
    fn the_desktop_entry_names_what_its_package_has() {
        let said = |key| said("skep-app.desktop", key).concat();
        let program = said("Exec");
        let program = program.strip_suffix(" %F").unwrap();
        assert_eq!(program, said("TryExec"));
        assert!(has(&APP, &format!("/usr/bin/{program}")));
        let icon = said("Icon");
        assert!(has(
            &APP,
            &format!("/usr/share/icons/hicolor/scalable/apps/{icon}.svg")
        ));
        let opens = said("MimeType");
        let types = std::fs::read_to_string(root().join("src-tauri/packaging/skep.mime.xml"));
        for opened in opens.split_terminator(';') {
            assert!(
                types
                    .as_ref()
                    .unwrap()
                    .contains(&format!("type=\"{opened}\"")),
                "{opened}"
            );
        }
    }

    #[test]
    fn descriptions_fit_their_formats() {
        for package in [APP, HEADLESS] {
            assert!(package.summary.len() < 80);
            for line in package.description.lines() {
                assert!(!line.is_empty() && line.len() < 80, "{line}");
            }
        }
    }
}
