//! How far the present task is.

#[cfg(target_family = "wasm")]
mod imported {
    #[link(wasm_import_module = "skep")]
    unsafe extern "C" {
        pub(super) safe fn progress(per_mille: i32);
    }
}

/// Tells whoever follows that `per_mille` of 1000 parts of the task are done.
///
/// Costs a few nanoseconds in a module. A native program has no follower, so
/// nothing is told there.
pub fn progress(per_mille: u16) {
    #[cfg(target_family = "wasm")]
    imported::progress(i32::from(per_mille));
    #[cfg(not(target_family = "wasm"))]
    let _ = per_mille;
}
