//! WASI 0.1: the functions of `wasi_snapshot_preview1`, their types, and what
//! each lets a program do.

use wasmparser::{FuncType, ValType};

use super::card::Uses;

/// The module that they are imported from.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";

/// Parameters in letters: `i` is an i32, `I` an i64. All give an i32 but
/// `proc_exit`, which gives nothing.
const FUNCTIONS: [(&str, &str); 46] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_exit", "i"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// The type of a function of WASI 0.1; `None` where there is none of this name.
pub(super) fn signature(name: &str) -> Option<FuncType> {
    let at = FUNCTIONS
        .binary_search_by_key(&name, |(name, _)| name)
        .ok()?;
    let params = FUNCTIONS[at].1.bytes().map(|letter| match letter {
        b'I' => ValType::I64,
        _ => ValType::I32,
    });
    let results = (name != "proc_exit").then_some(ValType::I32);
    Some(FuncType::new(params, results))
}

/// Notes what a program can do that imports this function.
pub(super) fn note(uses: &mut Uses, name: &str) {
    uses.files |= name.starts_with("path_");
    uses.clock |= matches!(name, "clock_time_get" | "clock_res_get" | "poll_oneoff");
    uses.random |= name == "random_get";
    uses.network |= name.starts_with("sock_");
    uses.stdin |= name == "fd_read";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(FUNCTIONS.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn proc_exit_alone_gives_nothing() {
        let exit = signature("proc_exit").expect("it exists");
        assert!(exit.results().is_empty());
        let write = signature("fd_write").expect("it exists");
        assert_eq!(
            (write.params().len(), write.results()),
            (4, &[ValType::I32][..])
        );
        assert!(signature("fd_writ").is_none());
    }
}
