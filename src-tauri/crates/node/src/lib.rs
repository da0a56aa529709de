//! The imperative shell: drives pool with real time, disk, wire and executors.
