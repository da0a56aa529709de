//! The store on real files: what is kept, what is found damaged, and what a
//! killed process or a full disk leaves behind.

mod blobs;
mod damage;
mod disks;
mod fixture;
mod kills;
mod locks;
mod rows;
mod upkeep;
