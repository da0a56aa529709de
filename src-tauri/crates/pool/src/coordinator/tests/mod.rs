//! Stories about the coordinator, told with machines that say exactly what the
//! story wants. Chance and faults are the simulator's.

mod accept;
mod disk;
mod end;
mod fair;
mod fold;
mod join;
mod lease;
mod lost;
mod memory;
mod order;
mod place;
mod protocol;
mod registry;
mod restart;
mod retry;
mod revoke;
mod rows;
mod shop;
mod table;
mod wait;
