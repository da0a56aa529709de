//! What modules can do in the real executor: programs, functions, bytes,
//! kernels, components, files. `tests/hostile` has what they must not.

mod components;
mod files;
mod functions;
mod harness;
mod impostors;
mod kernels;
mod pauses;
mod programs;
mod walls;
