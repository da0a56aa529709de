//! Who may know whom: exactly these edges between our crates, and the heavy
//! dependencies each in one crate.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};

/// As `src-tauri/ARCHITECTURE.md` draws it; dev-dependencies count too.
const ALLOWED: &[(&str, &[&str])] = &[
    ("pool", &[]),
    ("api", &[]),
    ("transport", &[]),
    ("store", &[]),
    ("sandbox", &[]),
    ("executor", &["sandbox"]),
    (
        "node",
        &["pool", "api", "transport", "sandbox", "store", "bundle"],
    ),
    ("cli", &["api", "node"]),
    ("app", &["api", "node"]),
    ("xtask", &[]),
    ("bundle", &[]),
    ("skep-kernel", &[]),
    ("mandelbrot", &["skep-kernel"]),
    ("word_count", &["skep-kernel"]),
];

/// A heavy dependency and the one crate that may name it.
const HEAVY: &[(&str, &str)] = &[
    ("wasmtime", "executor"),
    ("wasmtime-wasi", "executor"),
    ("landlock", "executor"),
    ("seccompiler", "executor"),
    ("sqlx", "store"),
    ("quinn", "transport"),
    ("rustls", "transport"),
    ("rcgen", "transport"),
    ("x509-parser", "transport"),
    ("spake2", "transport"),
    ("mdns-sd", "transport"),
    ("clap", "cli"),
    ("tauri", "app"),
    ("gtk", "app"),
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .no_deps()
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .unwrap()
}

#[test]
fn our_crates_know_each_other_as_the_map_says() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ALLOWED
        .iter()
        .map(|(name, edges)| (*name, edges.iter().copied().collect()))
        .collect();
    let mut seen = BTreeSet::new();
    for package in metadata().packages {
        let name = package.name.to_string();
        let Some(may) = allowed.get(name.as_str()) else {
            panic!("the map has no crate `{name}`")
        };
        let knows: BTreeSet<&str> = package
            .dependencies
            .iter()
            .map(|edge| edge.name.as_str())
            .filter(|edge| allowed.contains_key(edge))
            .collect();
        assert_eq!(&knows, may, "edges of `{name}`");
        seen.insert(name);
    }
    assert_eq!(
        seen.len(),
        allowed.len(),
        "the map names a crate that does not exist: {seen:?}"
    );
}

#[test]
fn one_heavy_dependency_one_crate() {
    for package in metadata().packages {
        for edge in &package.dependencies {
            if let Some((heavy, owner)) = HEAVY.iter().find(|(heavy, _)| *heavy == edge.name) {
                assert_eq!(
                    package.name.as_str(),
                    *owner,
                    "`{heavy}` belongs to `{owner}`"
                );
            }
        }
    }
}

#[test]
fn the_rules_and_the_contract_stay_light() {
    for package in metadata().packages {
        if ["pool", "api"].contains(&package.name.as_str()) {
            for edge in package
                .dependencies
                .iter()
                .filter(|edge| edge.kind == DependencyKind::Normal)
            {
                assert!(
                    !["tokio", "rand", "getrandom", "rustix", "libc"].contains(&edge.name.as_str()),
                    "`{}` may not know `{}`",
                    package.name,
                    edge.name
                );
            }
        }
    }
}
