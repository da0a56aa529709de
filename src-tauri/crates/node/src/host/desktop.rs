//! How long a desktop has been idle, asked over D-Bus: GNOME's compositor
//! says it to the millisecond; others tell logind when they think that nobody
//! is there, and until then count as in use.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::OwnedValue;

/// How long an answer may take; a desktop that hangs is not idle.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The two buses; connected when they are first needed.
#[derive(Debug, Default)]
pub(super) struct Desktop {
    session: Option<Connection>,
    system: Option<Connection>,
}

impl Desktop {
    /// And who said so.
    pub(super) fn idle(&mut self) -> Option<(Duration, &'static str)> {
        let compositor = self.compositor().map(|idle| (idle, "the desktop"));
        compositor.or_else(|| Some((self.logind()?, "the login service")))
    }

    fn compositor(&mut self) -> Option<Duration> {
        let bus = connected(&mut self.session, Builder::session)?;
        let answer = bus.call_method(
            Some("org.gnome.Mutter.IdleMonitor"),
            "/org/gnome/Mutter/IdleMonitor/Core",
            Some("org.gnome.Mutter.IdleMonitor"),
            "GetIdletime",
            &(),
        );
        let millis: u64 = answer.ok()?.body().deserialize().ok()?;
        Some(Duration::from_millis(millis))
    }

    fn logind(&mut self) -> Option<Duration> {
        if !bool::try_from(self.hint("IdleHint")?).ok()? {
            return Some(Duration::ZERO);
        }
        let since = u64::try_from(self.hint("IdleSinceHint")?).ok()?;
        let since = UNIX_EPOCH + Duration::from_micros(since);
        Some(SystemTime::now().duration_since(since).unwrap_or_default())
    }

    /// A property of the session that this program belongs to.
    fn hint(&mut self, name: &str) -> Option<OwnedValue> {
        let bus = connected(&mut self.system, Builder::system)?;
        let answer = bus.call_method(
            Some("org.freedesktop.login1"),
            "/org/freedesktop/login1/session/auto",
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &("org.freedesktop.login1.Session", name),
        );
        answer.ok()?.body().deserialize().ok()
    }
}

fn connected(
    bus: &mut Option<Connection>,
    to: fn() -> zbus::Result<Builder<'static>>,
) -> Option<&Connection> {
    if bus.is_none() {
        *bus = to().ok()?.method_timeout(ANSWER_WITHIN).build().ok();
    }
    bus.as_ref()
}
