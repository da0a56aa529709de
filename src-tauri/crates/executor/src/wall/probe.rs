//! Raises each layer of the wall on this very process and tries it, for `skep doctor` and for every start.

use std::{fs::File, io};

use super::{Refusal, Role, landlock, resources, seccomp};

/// Prints a line for each layer: its name, then `stands` or what is missing.
pub(crate) fn print_layers() {
    let role = Role::Run {
        on_demand: false,
        memory_bytes: 256 << 20,
        code_bytes: 0,
    };
    say(
        "limits",
        resources::limit(role, None).map_err(|error| error.to_string()),
    );
    say("landlock", try_landlock());
    say("seccomp", try_seccomp(role));
}

fn say(layer: &str, result: Result<(), String>) {
    let landlock_version = landlock::abi();
    match result {
        Ok(()) if layer == "landlock" => println!("landlock stands version {landlock_version}"),
        Ok(()) => println!("{layer} stands"),
        Err(missing) => println!("{layer} missing {missing}"),
    }
}

fn try_landlock() -> Result<(), String> {
    landlock::restrict(None).map_err(|error| error.to_string())?;
    match File::open("/") {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(format!("opening a folder failed otherwise: {error}")),
        Ok(_) => Err("a folder could still be opened".to_owned()),
    }
}

fn try_seccomp(role: Role) -> Result<(), String> {
    seccomp::allow_list(role, false, Refusal::Deny).map_err(|error| error.to_string())?;
    seccomp::narrow(false, Refusal::Deny).map_err(|error| error.to_string())?;
    // SAFETY: the call makes at most a descriptor that nobody uses.
    let socket = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0) };
    let refused = io::Error::last_os_error().raw_os_error() == Some(libc::EPERM);
    if socket == -1 && refused {
        Ok(())
    } else {
        Err("a socket could still be made".to_owned())
    }
}
