//! WASI 0.2: the interfaces that a component may import here, whatever the
//! last number of their version.

use super::card::Uses;

/// `package/interface`, as the engine's library links them. Sockets are among
/// them because whole toolchains import them always; every use of them is refused.
const INTERFACES: [&str; 27] = [
    "cli/environment",
    "cli/exit",
    "cli/stderr",
    "cli/stdin",
    "cli/stdout",
    "cli/terminal-input",
    "cli/terminal-output",
    "cli/terminal-stderr",
    "cli/terminal-stdin",
    "cli/terminal-stdout",
    "clocks/monotonic-clock",
    "clocks/wall-clock",
    "filesystem/preopens",
    "filesystem/types",
    "io/error",
    "io/poll",
    "io/streams",
    "random/insecure",
    "random/insecure-seed",
    "random/random",
    "sockets/instance-network",
    "sockets/ip-name-lookup",
    "sockets/network",
    "sockets/tcp",
    "sockets/tcp-create-socket",
    "sockets/udp",
    "sockets/udp-create-socket",
];

/// Whether a component may import an instance of this name.
pub(super) fn provides(name: &str) -> bool {
    interface(name).is_some_and(|interface| INTERFACES.binary_search(&interface).is_ok())
}

/// `package/interface` of a name of WASI 0.2.
fn interface(name: &str) -> Option<&str> {
    let (interface, version) = name.strip_prefix("wasi:")?.split_once('@')?;
    is_02(version).then_some(interface)
}

/// Whether this is `wasi:cli/run` of WASI 0.2.
pub(super) fn is_run(name: &str) -> bool {
    interface(name) == Some("cli/run")
}

/// Whether this is `wasi:cli/run` of WASI 0.3.
pub(super) fn is_run_of_03(name: &str) -> bool {
    name.strip_prefix("wasi:cli/run@0.3.").is_some()
}

/// Release candidates are other interfaces, and are linked by their full version only.
fn is_02(version: &str) -> bool {
    version
        .strip_prefix("0.2.")
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Notes what a component can do that imports this interface.
pub(super) fn note(uses: &mut Uses, name: &str) {
    let Some(interface) = interface(name) else {
        return;
    };
    uses.files |= interface == "filesystem/types";
    uses.clock |= interface.starts_with("clocks/");
    uses.random |= interface.starts_with("random/");
    uses.network |= interface.starts_with("sockets/");
    uses.stdin |= interface == "cli/stdin";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_patch_of_02_is_the_same_and_candidates_are_not() {
        assert!(provides("wasi:cli/stdout@0.2.0") && provides("wasi:cli/stdout@0.2.99"));
        assert!(provides("wasi:sockets/udp-create-socket@0.2.3"));
        for name in [
            "wasi:cli/stdout@0.2.0-rc-2023-11-10",
            "wasi:cli/stdout@0.3.0",
            "wasi:cli/stdout",
            "wasi:http/types@0.2.0",
            "other:cli/stdout@0.2.0",
        ] {
            assert!(!provides(name), "{name}");
        }
        assert!(INTERFACES.is_sorted());
    }
}
