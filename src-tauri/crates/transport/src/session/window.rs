//! How much a peer may have under way to us: little, until a granted blob
//! arrives, and for all connections of the process together no more than one
//! budget.
//!
//! Credit that was given cannot be taken back. So a window is lowered *before*
//! its blobs end: what is still under way then pays for it, the blob loses no
//! speed, and at its end the peer has the small window again. Until it has
//! paid, the budget stays charged.

use crate::limits::{PIECE_BYTES, WINDOW, WINDOW_RAISED};
use quinn::{Connection, VarInt};
use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Bytes that all connections may have under way above their small windows.
/// Made once in a process; clones share it.
#[derive(Clone, Debug)]
pub struct WindowBudget(Arc<AtomicU64>);

impl WindowBudget {
    /// `bytes` in all; [`WINDOW_BUDGET`](crate::limits::WINDOW_BUDGET) is ours.
    pub fn new(bytes: u64) -> WindowBudget {
        WindowBudget(Arc::new(AtomicU64::new(bytes)))
    }

    /// Bytes that nobody was given.
    pub fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// As much of `wanted` as there is.
    fn take(&self, wanted: u64) -> u64 {
        let mut left = self.left();
        loop {
            let given = wanted.min(left);
            let rest = left - given;
            match self
                .0
                .compare_exchange_weak(left, rest, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return given,
                Err(now) => left = now,
            }
        }
    }

    fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The most that one connection is raised by.
const RAISE_MAX: u64 = (WINDOW_RAISED - WINDOW) as u64;

/// One connection's window.
pub(crate) struct Window {
    connection: Connection,
    budget: WindowBudget,
    account: Mutex<Account>,
}

/// `raised + debt` is what the budget was charged.
#[derive(Debug, Default, PartialEq, Eq)]
struct Account {
    /// Bytes of granted blobs that have not arrived.
    expected: u64,
    /// What the window has above the small one.
    raised: u64,
    /// What it was lowered by and the peer has not used up.
    debt: u64,
}

impl Window {
    pub(super) fn new(connection: Connection, budget: &WindowBudget) -> Window {
        Window {
            connection,
            budget: budget.clone(),
            account: Mutex::default(),
        }
    }

    /// A granted blob is to arrive. The small window is enough for a small one.
    pub(super) fn expect(&self, bytes: u64) {
        let mut account = self.account();
        account.expected += bytes;
        if account.expected > u64::from(WINDOW) {
            self.raise(&mut account);
        }
    }

    /// Some of it arrived and was taken.
    pub(super) fn arrived(&self, bytes: u64) {
        let mut account = self.account();
        account.expected -= bytes;
        let paid = account.debt.min(bytes);
        account.debt -= paid;
        self.budget.give_back(paid);
        if account.raised == 0 && account.debt == 0 && account.expected > RAISE_MAX {
            // The budget was used up when it began; perhaps it is not now.
            self.raise(&mut account);
        } else {
            self.lower(&mut account);
        }
    }

    /// The rest of it will not be taken. What the peer may send all the same
    /// stays charged until other blobs pay for it or the connection ends.
    pub(super) fn gave_up(&self, bytes: u64) {
        let mut account = self.account();
        account.expected -= bytes;
        self.lower(&mut account);
    }

    fn raise(&self, account: &mut Account) {
        let wanted = account.expected.min(RAISE_MAX);
        let missing = wanted.saturating_sub(account.raised + account.debt);
        let given = self.budget.take(missing);
        if given > 0 {
            account.raised += given;
            self.set(account.raised);
            self.lower(account);
        }
    }

    fn lower(&self, account: &mut Account) {
        let pays = account.raised + account.debt + PIECE_BYTES as u64;
        if account.raised > 0 && account.expected <= pays {
            account.debt += account.raised;
            account.raised = 0;
            self.set(0);
        }
    }

    fn set(&self, raised: u64) {
        let window = u64::from(WINDOW) + raised;
        let window = VarInt::from_u64(window).unwrap_or(VarInt::from_u32(WINDOW_RAISED));
        self.connection.set_receive_window(window);
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let account = self.account();
        self.budget.give_back(account.raised + account.debt);
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Window").field(&*self.account()).finish()
    }
}
